using System.Collections.Immutable;
using System.Globalization;
using ClusterTrain.Data.Common;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Files;

/// <summary>Takes and computes the values of a row's features from the values of its columns; words are still one value each.</summary>
internal sealed class FeatureRules
{
    private readonly ImmutableArray<string> _columns;
    private readonly ImmutableArray<Rule> _rules;

    /// <param name="columns">Names of the columns.</param>
    /// <param name="derived">The derived features there are.</param>
    /// <param name="features">Names of columns and derived features, in the order wanted.</param>
    public FeatureRules(ImmutableArray<string> columns, ImmutableArray<DerivedFeature> derived, ImmutableArray<string> features)
    {
        _columns = columns;
        var indices = columns.Index().ToDictionary(item => item.Item, item => item.Index);
        _rules = [.. features.Select(name => derived.FirstOrDefault(feature => feature.Name == name) is { } feature
            ? new Rule(feature, indices[feature.Left], indices[feature.Right])
            : new Rule(null, indices[name], 0))];
    }

    /// <summary>Values of a row.</summary>
    public int Count => _rules.Length;

    /// <summary>The values of a row.</summary>
    /// <param name="raw">(columns).</param>
    /// <param name="values">Receives (<see cref="Count"/>).</param>
    /// <param name="place">Says where the row stands, for messages.</param>
    /// <exception cref="DataException">A derived feature has no finite value.</exception>
    /// <remarks>A column keeps all digits; a derived feature is computed in float32 and rounded once.</remarks>
    public void Apply(ReadOnlySpan<double> raw, Span<double> values, Func<string> place)
    {
        for (var i = 0; i < values.Length; i++)
        {
            var rule = _rules[i];
            values[i] = rule.Derived?.Kind switch
            {
                null => raw[rule.Left],
                DerivedKind.Ratio => (float)raw[rule.Left] / (float)raw[rule.Right],
                _ => (float)raw[rule.Left] * (float)raw[rule.Right],
            };
            if (!double.IsFinite(values[i]))
            {
                throw NotFinite(rule, raw, place());
            }
        }
    }

    private DataException NotFinite(Rule rule, ReadOnlySpan<double> raw, string place)
    {
        var (left, right) = (Shown(_columns[rule.Left], raw[rule.Left]), Shown(_columns[rule.Right], raw[rule.Right]));
        var (does, result) = rule.Derived!.Kind == DerivedKind.Ratio
            ? ($"divides {left} by {right}", raw[rule.Right] == 0 ? "which has no value" : "which is too large for a 32-bit float")
            : ($"multiplies {left} with {right}", "which is too large for a 32-bit float");
        return new DataException(
            $"{place}: the derived feature '{rule.Derived.Name}' {does}, {result}. Correct the row or leave it out.");
    }

    private static string Shown(string column, double value) =>
        $"'{column}' ({value.ToString(CultureInfo.InvariantCulture)})";

    private readonly record struct Rule(DerivedFeature? Derived, int Left, int Right);
}
