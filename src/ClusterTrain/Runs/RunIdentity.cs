using System.Text.Json;
using ClusterTrain.Learning.Files;

namespace ClusterTrain.Runs;

/// <summary>What run a folder holds, and who leads it.</summary>
/// <param name="Recipe">Fingerprint of the recipe.</param>
/// <param name="Data">Fingerprint of the prepared data; null until it is known.</param>
/// <param name="Term">Counts the coordinators that ever led the run.</param>
/// <param name="RecipeFolder">Where the recipe's file was: its data are looked for there too. Null: it was no file.</param>
/// <param name="Prepared">The file of prepared rows that the run reads, in full; null: the recipe's own source.</param>
public sealed record RunIdentity(string Recipe, string? Data, long Term, string? RecipeFolder = null, string? Prepared = null)
{
    internal void Write(string path) => AtomicFile.Write(path, stream =>
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("recipe", Recipe);
        json.WriteString("data", Data);
        json.WriteNumber("term", Term);
        json.WriteString("recipeFolder", RecipeFolder);
        json.WriteString("prepared", Prepared);
        json.WriteEndObject();
    });

    /// <summary>Reads the <c>run.json</c> of a run folder.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="RunFolderException">It is missing or damaged.</exception>
    public static RunIdentity Read(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = json.RootElement;
            return new RunIdentity(
                root.GetProperty("recipe").GetString()!, root.GetProperty("data").GetString(), root.GetProperty("term").GetInt64(),
                root.TryGetProperty("recipeFolder", out var folder) ? folder.GetString() : null,
                root.TryGetProperty("prepared", out var prepared) ? prepared.GetString() : null);
        }
        catch (Exception error) when (error is IOException or JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new RunFolderException($"{path}: is missing or damaged ({error.Message}). {RunFolderException.RemedyOfDamage}", error);
        }
    }
}
