using System.Text.Json;
using ClusterTrain.Learning;

namespace ClusterTrain.Hosting;

/// <summary>What run a folder holds, and who leads it.</summary>
/// <param name="Recipe">Fingerprint of the recipe.</param>
/// <param name="Data">Fingerprint of the prepared data; null until it is known.</param>
/// <param name="Term">Counts the coordinators that ever led the run.</param>
public sealed record RunIdentity(string Recipe, string? Data, long Term)
{
    internal void Write(string path) => AtomicFile.Write(path, stream =>
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("recipe", Recipe);
        json.WriteString("data", Data);
        json.WriteNumber("term", Term);
        json.WriteEndObject();
    });

    internal static RunIdentity Read(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = json.RootElement;
            return new RunIdentity(
                root.GetProperty("recipe").GetString()!, root.GetProperty("data").GetString(), root.GetProperty("term").GetInt64());
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new RunFolderException($"{path}: is damaged: {error.Message}", error);
        }
    }
}
