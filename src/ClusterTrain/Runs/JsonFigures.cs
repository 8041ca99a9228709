using System.Text.Json;

namespace ClusterTrain.Runs;

/// <summary>Figures in JSON, which has no infinities and no NaN: they are null.</summary>
public static class JsonFigures
{
    /// <summary>Writes a figure; null when it is not finite.</summary>
    public static void WriteFigure(this Utf8JsonWriter json, string name, double value)
    {
        ArgumentNullException.ThrowIfNull(json);
        if (double.IsFinite(value))
        {
            json.WriteNumber(name, value);
        }
        else
        {
            json.WriteNull(name);
        }
    }

    /// <summary>Writes a figure with the digits of its 32 bits; null when it is not finite.</summary>
    public static void WriteFigure(this Utf8JsonWriter json, string name, float value)
    {
        ArgumentNullException.ThrowIfNull(json);
        if (float.IsFinite(value))
        {
            json.WriteNumber(name, value);
        }
        else
        {
            json.WriteNull(name);
        }
    }

    /// <summary>Reads a figure; NaN where it is null.</summary>
    public static double GetFigure(this JsonElement json) => json.ValueKind == JsonValueKind.Null ? double.NaN : json.GetDouble();
}
