using System.Security.Cryptography;
using System.Text;

namespace ClusterTrain.Learning;

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
        var withoutName = text[(text.IndexOf('\n', StringComparison.Ordinal) + 1)..];
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(withoutName)));
    }
}
