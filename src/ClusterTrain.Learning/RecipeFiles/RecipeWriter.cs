using System.Text;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>
/// Writes recipes in full: every value that matters, defaults included, in a fixed order and form. Reading the text gives the
/// same recipe, and equal recipes give equal text, so the text can be hashed and compared.
/// </summary>
public static class RecipeWriter
{
    /// <summary>The recipe as canonical YAML, lines ended by '\n'.</summary>
    /// <param name="recipe">A recipe as <see cref="RecipeReader"/> gives them.</param>
    public static string Write(Recipe recipe) => Block(RecipeKeys.Recipe.Write(recipe));

    /// <summary>The data part alone, in the same form.</summary>
    internal static string Write(DataRecipe data) => Block(RecipeMapping.Of(default, "data", DataKeys.Data.Write(data)));

    /// <summary>A value on one line.</summary>
    internal static string Flow(RecipeNode node) => node switch
    {
        RecipeScalar { IsPlain: true } scalar => scalar.Text,
        RecipeScalar scalar => Quoted(scalar.Text),
        RecipeList list => $"[{string.Join(", ", list.Items.Select(Flow))}]",
        RecipeMapping { Entries: var entries } =>
            $"{{ {string.Join(", ", entries.Select(entry => $"{Text(entry.Key)}: {Flow(entry.Value.Value)}"))} }}",
        _ => throw new ArgumentException($"A value of type {node.GetType()} cannot be written.", nameof(node)),
    };

    /// <summary>Text as it is where YAML reads it back as text, in double quotes otherwise.</summary>
    internal static string Text(string value) => RecipeText.IsPlain(value) ? value : Quoted(value);

    private static string Quoted(string value) =>
        $"\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static string Block(RecipeMapping mapping)
    {
        var text = new StringBuilder();
        Append(text, 0, mapping);
        return text.ToString();
    }

    private static void Append(StringBuilder text, int indent, RecipeMapping mapping)
    {
        foreach (var (key, entry) in mapping.Entries)
        {
            text.Append(' ', indent).Append(Text(key)).Append(':');
            switch (entry.Value)
            {
                case RecipeMapping { IsBlock: true } inner:
                    text.Append('\n');
                    Append(text, indent + 2, inner);
                    break;
                case RecipeList { IsBlock: true } list:
                    text.Append('\n');
                    foreach (var item in list.Items)
                    {
                        text.Append(' ', indent + 2).Append("- ").Append(Flow(item)).Append('\n');
                    }

                    break;
                default:
                    text.Append(' ').Append(Flow(entry.Value)).Append('\n');
                    break;
            }
        }
    }
}
