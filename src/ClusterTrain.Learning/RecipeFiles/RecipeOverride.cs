using System.Globalization;
using System.Text.RegularExpressions;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>
/// Sets one value of a recipe's tree from a text <c>path=value</c>, for example <c>optimiser.rate=0.05</c> or
/// <c>layers[0].units=64</c>. It happens before the recipe is checked, so an override is checked as the file is.
/// </summary>
internal static partial class RecipeOverride
{
    /// <exception cref="RecipeException">The text is no override, or its path leads nowhere.</exception>
    public static void Apply(RecipeMapping root, string text, RecipeProblems problems)
    {
        var place = RecipePlace.OfOverride(text);
        if (text.Length > RecipeLimits.OverrideCharacters)
        {
            throw Refusal($"has {text.Length} characters; at most {RecipeLimits.OverrideCharacters} are allowed, write a recipe "
                + "file");
        }

        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0)
        {
            throw Refusal("has no '='; write path=value, for example epochs=3 or layers[0].units=64");
        }

        var path = text[..equals].Trim();
        if (!PathForm().IsMatch(path))
        {
            throw Refusal($"'{RecipeText.Shown(path)}' is not a path; write keys with dots and list positions in brackets, "
                + "for example optimiser.rate=0.05 or layers[0].units=64");
        }

        var value = RecipeYaml.Parse(text[(equals + 1)..], _ => place, problems)
            ?? throw Refusal("has no value after '='; write path=value, and path=none to switch something off");

        RecipeNode node = root;
        var steps = StepForm().Matches(path);
        for (var i = 0; i < steps.Count; i++)
        {
            var isLast = i == steps.Count - 1;
            var walked = path[..steps[i].Index];
            node = steps[i].Groups["index"] is { Success: true } index
                ? IntoList(node, walked, index.Value, isLast ? value : null)
                : IntoKeys(node, walked, steps[i].Groups["key"].Value, isLast ? value : null);
        }

        RecipeNode IntoList(RecipeNode at, string walked, string index, RecipeNode? replacement)
        {
            if (at is not RecipeList list)
            {
                throw Refusal($"'{walked}' is not a list, so it has no position {index}");
            }

            if (!int.TryParse(index, NumberStyles.None, CultureInfo.InvariantCulture, out var position)
                || position >= list.Items.Count)
            {
                throw Refusal($"'{walked}' has no position {index}; allowed: {walked}[0] to {walked}[{list.Items.Count - 1}]");
            }

            list.Items[position] = replacement ?? Opened(list.Items[position]);
            return list.Items[position];
        }

        RecipeNode IntoKeys(RecipeNode at, string walked, string key, RecipeNode? replacement)
        {
            if (at is not RecipeMapping mapping)
            {
                throw Refusal($"'{walked}' is a list; write a position, for example {walked}[0]");
            }

            if (!mapping.Entries.TryGetValue(key, out var entry))
            {
                entry = new(place, new RecipeMapping(place, []));
            }

            mapping.Entries[key] = entry = replacement is null
                ? entry with { Value = Opened(entry.Value) }
                : new(place, replacement);
            return entry.Value;
        }

        // On the way to 'weights.scale' a shorthand 'weights: gaussian' becomes its long form.
        RecipeNode Opened(RecipeNode at) => at is RecipeScalar scalar ? RecipeMapping.Of(place, "kind", scalar) : at;

        RecipeException Refusal(string problem) => new($"{place}: {problem}");
    }

    /// <summary>Where the value of a path is written, or the nearest that is written around it.</summary>
    public static RecipePlace PlaceOf(RecipeMapping root, string path)
    {
        RecipeNode node = root;
        foreach (Match step in StepForm().Matches(path))
        {
            var inner = node switch
            {
                RecipeList list when step.Groups["index"] is { Success: true } index =>
                    list.Items.ElementAtOrDefault(int.Parse(index.Value, CultureInfo.InvariantCulture)),
                RecipeMapping mapping when mapping.Entries.TryGetValue(step.Groups["key"].Value, out var entry) => entry.Value,
                _ => null,
            };
            if (inner is null)
            {
                break;
            }

            node = inner;
        }

        return node.Place;
    }

    [GeneratedRegex(@"^[A-Za-z0-9_-]+(\[[0-9]+\])*(\.[A-Za-z0-9_-]+(\[[0-9]+\])*)*\z")]
    private static partial Regex PathForm();

    [GeneratedRegex(@"\[(?<index>[0-9]+)\]|\.?(?<key>[A-Za-z0-9_-]+)")]
    private static partial Regex StepForm();
}
