using System.Collections.Immutable;

namespace ClusterTrain.Learning;

/// <summary>Makes the derived features of a source of their tree.</summary>
internal static class DerivedFeatureBinder
{
    private const string Key = "derive";

    /// <summary>The features under the key <c>derive</c>; those that cannot be used are problems and left out.</summary>
    public static ImmutableArray<DerivedFeature> Features(RecipeSection source, RecipeProblems problems)
    {
        var features = ImmutableArray.CreateBuilder<DerivedFeature>();
        foreach (var (i, node) in (source.List(Key) ?? []).Index())
        {
            if (RecipeSection.Of(node, $"{source.PathOf(Key)}[{i}]", problems) is not { } section || Feature(section) is not { } feature)
                continue;
            if (features.Any(other => other.Name == feature.Name))
                section.Problem("name", $"is '{RecipeText.Shown(feature.Name)}', which another derived feature has; choose another");
            features.Add(feature);
        }

        return features.ToImmutable();
    }

    /// <summary>Adds a problem for each feature that is named like a column or needs a column there is not.</summary>
    public static void CheckColumns(RecipeSection source, ImmutableArray<DerivedFeature> features, IReadOnlyList<string> columns)
    {
        foreach (var feature in features)
        {
            if (columns.Contains(feature.Name))
                source.Problem(Key, $"names a feature '{RecipeText.Shown(feature.Name)}' like a column; choose another name");
            foreach (var operand in new[] { feature.Left, feature.Right }.Except(columns))
            {
                var near = Spelling.Nearest(operand, columns);
                source.Problem(Key, $"needs column '{RecipeText.Shown(operand)}' for '{RecipeText.Shown(feature.Name)}', which there is not"
                    + (near is null ? "" : $"; did you mean '{RecipeText.Shown(near)}'?"));
            }
        }
    }

    /// <summary>Adds a problem for each feature computed from a column that does not hold plain features.</summary>
    public static void CheckOperands(RecipeSection source, ImmutableArray<DerivedFeature> features, IReadOnlyList<string> refused, string because)
    {
        foreach (var feature in features)
        {
            if (new[] { feature.Left, feature.Right }.FirstOrDefault(refused.Contains) is { } operand)
            {
                source.Problem(Key, $"computes '{RecipeText.Shown(feature.Name)}' from '{RecipeText.Shown(operand)}', which is {because}; "
                    + "use columns of numbers that are no targets");
            }
        }
    }

    private static DerivedFeature? Feature(RecipeSection section)
    {
        var name = section.Text("name", isRequired: true);
        var ratio = section.Texts("ratio", mayRepeat: true);
        var cross = section.Texts("cross", mayRepeat: true);
        section.Finish();
        if (section.Has("ratio") == section.Has("cross"))
        {
            section.Problem("name", "needs exactly one of ratio: [a, b] for a / b and cross: [a, b] for a times b");
            return null;
        }

        var (kind, key, columns) = section.Has("ratio") ? (DerivedKind.Ratio, "ratio", ratio) : (DerivedKind.Cross, "cross", cross);
        if (columns is not null && columns.Count != 2)
            section.Problem(key, $"has {columns.Count} columns; allowed: two, [a, b]");
        return name is not null && columns is [var left, var right] ? new(name, kind, left, right) : null;
    }
}
