using System.Text.Json;
using ClusterTrain.Learning;

namespace ClusterTrain.Hosting;

/// <summary>Figures as JSON; those that are not finite are null.</summary>
public static class EvaluationJson
{
    /// <summary>Writes figures as members of the present object, the confusion matrix left out.</summary>
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

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static Evaluation Read(JsonElement json) => new()
    {
        Rows = json.GetProperty("rows").GetInt64(),
        Loss = json.GetProperty("loss").GetFigure(),
        Accuracy = Optional(json, "accuracy"),
        MeanAbsoluteError = Optional(json, "meanAbsoluteError"),
        MeanSquaredError = Optional(json, "meanSquaredError"),
        R2 = Optional(json, "r2"),
    };

    private static double? Optional(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) ? value.GetFigure() : null;

    private static void Optional(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number)
        {
            json.WriteFigure(name, number);
        }
    }
}
