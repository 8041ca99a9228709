using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>Tells two recipes apart by what they compute.</summary>
public static class RecipeFingerprint
{
    /// <summary>
    /// SHA-256, in lower-case hexadecimal, of the recipe's canonical text without its first line, the name: recipes that differ
    /// in nothing but name, comments, order of keys or written-out defaults have the same fingerprint. Files count by their path.
    /// </summary>
    /// <param name="recipe">A recipe as <see cref="RecipeReader"/> gives them.</param>
    public static string Fingerprint(this Recipe recipe)
    {
        var text = RecipeWriter.Write(recipe);
        return Hash(text[(text.IndexOf('\n', StringComparison.Ordinal) + 1)..]);
    }

    /// <summary>
    /// SHA-256, in lower-case hexadecimal, of what decides how rows are prepared: the canonical text of the recipe's data, the
    /// seed of
    /// its splits, and whether its last layer has one unit. Recipes that agree in it train with the same rows.
    /// </summary>
    /// <param name="recipe">A recipe as <see cref="RecipeReader"/> gives them.</param>
    public static string FingerprintOfData(this Recipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        return OfData(recipe.Data, recipe.Seed, recipe.Layers[^1].Units == 1);
    }

    internal static string OfData(DataRecipe data, ulong seed, bool oneOutput)
    {
        var splits = data.Validation is null && data.Test is null ? "none" : seed.ToString(CultureInfo.InvariantCulture);
        return Hash($"{RecipeWriter.Write(data)}splits: {splits}\none output: {(oneOutput ? "true" : "false")}\n");
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
