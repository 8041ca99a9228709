using System.Collections.Immutable;
using System.Text.Json;
using ClusterTrain.Learning.Metrics;

namespace ClusterTrain.Runs;

/// <summary>Figures as JSON; those that are not finite are null.</summary>
public static class EvaluationJson
{
    /// <summary>Writes the figures that a receipt has as members of the present object.</summary>
    public static void Write(Utf8JsonWriter json, Evaluation figures)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(figures);
        json.WriteNumber("rows", figures.Rows);
        json.WriteFigure("loss", figures.Loss);
        Optional(json, "accuracy", figures.Accuracy);
        Optional(json, "meanAbsoluteError", figures.MeanAbsoluteError);
        Optional(json, "meanSquaredError", figures.MeanSquaredError);
        Optional(json, "r2", figures.R2);
    }

    /// <summary>Writes all figures but those of single classes.</summary>
    public static void WriteAll(Utf8JsonWriter json, Evaluation figures)
    {
        Write(json, figures);
        Optional(json, "meanAbsolutePercentageError", figures.MeanAbsolutePercentageError);
        if (figures.Details is not { } details)
        {
            return;
        }

        json.WriteFigure("precision", details.Precision);
        json.WriteFigure("recall", details.Recall);
        json.WriteFigure("f1", details.F1);
        OrNull(json, "rocAuc", details.RocAuc);
        OrNull(json, "prAuc", details.PrAuc);
        OrNull(json, "logLoss", details.LogLoss);
        OrNull(json, "calibrationError", details.CalibrationError);
    }

    /// <summary>Writes all figures, those of each class and the confusion matrix among them.</summary>
    public static void WriteAll(Utf8JsonWriter json, Evaluation figures, ImmutableArray<string> classes)
    {
        WriteAll(json, figures);
        if (figures.Details is { } details)
        {
            json.WriteStartArray("perClass");
            foreach (var (name, of) in classes.Zip(details.Classes))
            {
                json.WriteStartObject();
                json.WriteString("class", name);
                json.WriteNumber("rows", of.Rows);
                json.WriteNumber("predicted", of.Predicted);
                OrNull(json, "precision", of.Occurs ? of.Precision : null);
                OrNull(json, "recall", of.Occurs ? of.Recall : null);
                OrNull(json, "f1", of.Occurs ? of.F1 : null);
                OrNull(json, "rocAuc", of.RocAuc);
                OrNull(json, "prAuc", of.PrAuc);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        if (figures.Confusion is not { } confusion)
        {
            return;
        }

        json.WriteStartArray("classes");
        foreach (var name in classes)
        {
            json.WriteStringValue(name);
        }

        json.WriteEndArray();
        json.WriteStartArray("confusion");
        for (var row = 0; row < confusion.GetLength(0); row++)
        {
            json.WriteStartArray();
            for (var column = 0; column < confusion.GetLength(1); column++)
            {
                json.WriteNumberValue(confusion[row, column]);
            }

            json.WriteEndArray();
        }

        json.WriteEndArray();
    }

    /// <summary>Reads what <see cref="Write"/> wrote, and of the rest what a line shows.</summary>
    public static Evaluation Read(JsonElement json) => new()
    {
        Rows = json.GetProperty("rows").GetInt64(),
        Loss = json.GetProperty("loss").GetFigure(),
        Accuracy = Optional(json, "accuracy"),
        MeanAbsoluteError = Optional(json, "meanAbsoluteError"),
        MeanSquaredError = Optional(json, "meanSquaredError"),
        MeanAbsolutePercentageError = Optional(json, "meanAbsolutePercentageError"),
        R2 = Optional(json, "r2"),
    };

    private static double? Optional(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) ? value.GetFigure() : null;

    private static void OrNull(Utf8JsonWriter json, string name, double? value) => json.WriteFigure(name, value ?? double.NaN);

    private static void Optional(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number)
        {
            json.WriteFigure(name, number);
        }
    }
}
