using System.Buffers;
using System.Text.Json;
using ClusterTrain.Learning;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>A line of <c>receipt.jsonl</c>: an epoch as one JSON object. It holds nothing that differs between two runs of one recipe.</summary>
public static class Receipt
{
    /// <summary>The line, with its line feed.</summary>
    public static ReadOnlySpan<byte> Line(EpochRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("epoch", record.Epoch);
            json.WriteNumber("step", record.Step);
            json.WriteNumber("loss", record.Loss);
            if (record.Validation is { } validation)
            {
                json.WriteStartObject("validation");
                Write(json, validation);
                json.WriteEndObject();
            }

            json.WriteString("weightsSha256", record.WeightsSha256);
            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
        return buffer.WrittenSpan;
    }

    /// <summary>Reads a line back; the confusion matrix is not part of it.</summary>
    /// <exception cref="JsonException">It is not such a line.</exception>
    public static EpochRecord Parse(string line)
    {
        using var json = JsonDocument.Parse(line);
        var root = json.RootElement;
        var validation = root.TryGetProperty("validation", out var figures)
            ? new Evaluation
            {
                Rows = figures.GetProperty("rows").GetInt64(),
                Loss = figures.GetProperty("loss").GetDouble(),
                Accuracy = Optional(figures, "accuracy"),
                MeanAbsoluteError = Optional(figures, "meanAbsoluteError"),
                MeanSquaredError = Optional(figures, "meanSquaredError"),
                R2 = Optional(figures, "r2"),
            }
            : null;
        return new EpochRecord(
            root.GetProperty("epoch").GetInt32(),
            root.GetProperty("step").GetInt64(),
            root.GetProperty("loss").GetDouble(),
            validation,
            root.GetProperty("weightsSha256").GetString()!);
    }

    /// <summary>Writes figures as members of the present object, the confusion matrix left out.</summary>
    public static void Write(Utf8JsonWriter json, Evaluation figures)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(figures);
        json.WriteNumber("rows", figures.Rows);
        json.WriteNumber("loss", figures.Loss);
        Optional(json, "accuracy", figures.Accuracy);
        Optional(json, "meanAbsoluteError", figures.MeanAbsoluteError);
        Optional(json, "meanSquaredError", figures.MeanSquaredError);
        Optional(json, "r2", figures.R2);
    }

    private static void Optional(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
    }

    private static double? Optional(JsonElement figures, string name) =>
        figures.TryGetProperty(name, out var value) ? value.GetDouble() : null;
}
