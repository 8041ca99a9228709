using System.Globalization;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tests;

/// <summary>What often goes wrong is said before training, with the remedy.</summary>
public sealed class DataWarningTests
{
    public static TheoryData<string, string, string> Suspicious => new()
    {
        { "csv: { file: rows.csv, target: y, features: [x, name], categorical: [name] }", "x,name,y",
            "column 'name' has 40 categories in 40 training rows" },
        { "csv: { file: rows.csv, target: name, features: [x] }", "x,name,y",
            "target 'name' has 40 classes in 40 training rows. Where it is a number" },
        { "csv: { file: rows.csv, target: y, features: [x, big] }, standardise: false", "x,big,y", "'x' goes up to 39, 'big' up to 3.9E+06, " },
        { "csv: { file: rows.csv, target: y, features: [x, id] }, standardise: true", "x,id,y",
            "line 2, column 'id' is 1234567890123456: only the first 15 digits of a number count." },
        { "csv: { file: rows.csv, target: y, features: [x, float] }, standardise: true", "x,float,y",
            "line 2, column 'float' is 1234567890123456.0: only the first 15 digits of a number count." },
        { "csv: { file: rows.csv, target: y, features: [x, d], derive: [{ name: d, ratio: [seconds, more] }] }, standardise: true",
            "x,seconds,more,y", "derived feature 'd': of 40 different numbers 2 are left in 32 bits, because it is computed in them." },
        { "csv: { file: rows.csv, target: rare, features: [x] }, validation: 0.5", "x,rare,y", "no validation row has the class 'b'" },
        { "csv: { file: rows.csv, target: rare, features: [x] }, validation: 0.5", "x,rare,y", "fewer than 5 training rows have the class 'b'" },
        { "csv: { file: rows.csv, target: same, features: [x] }, task: regression, standardise: true", "x,same",
            "the targets of all training rows are equal, so there is nothing to learn." },
        { "csv: { file: rows.csv, target: y, features: [x] }", "x,y\n", "an empty line is left out, line 2." },
    };

    [Theory]
    [MemberData(nameof(Suspicious))]
    public void Suspicious_data_are_said(string source, string header, string said)
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", Rows(header));

        var data = DataPreparation.Prepare(Recipe(source), folder.Locations);

        Assert.Contains(data.Warnings, warning => warning.Contains(said, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("csv: { file: rows.csv, target: y, features: [x] }, validation: 0.5")]
    [InlineData("csv: { file: rows.csv, target: y, features: [x, big] }, standardise: true")]
    [InlineData("csv: { file: rows.csv, target: y, features: [x, rare], categorical: [rare] }")]
    [InlineData("set: digits, validation: 0.1, test: 0.1, scale: 1/16")]
    public void Ordinary_data_are_not(string source)
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", Rows("x,big,rare,y") + "\n\n");

        Assert.Empty(DataPreparation.Prepare(Recipe(source), folder.Locations).Warnings);
    }

    [Theory]
    [InlineData(-1.5, false, false, "set data.standardise: true, set data.target_scale: auto, train longer, lower optimiser.rate.")]
    [InlineData(-7e9, true, false, "(r2 -7E+09): its predictions mean nothing. One of these helps: set data.target_scale: auto, train longer,")]
    [InlineData(-2.0, true, true, "One of these helps: train longer, lower optimiser.rate.")]
    [InlineData(-0.5, false, false, null)]
    [InlineData(0.9, false, false, null)]
    [InlineData(null, false, false, null)]
    public void A_result_far_worse_than_the_mean_is_said(double? r2, bool isScaled, bool hasScaledTargets, string? said)
    {
        var recipe = Recipe($"csv: {{ file: rows.csv, target: y }}, task: regression, standardise: {(isScaled ? "true" : "false")}"
            + (hasScaledTargets ? ", target_scale: auto" : ""), units: 1);

        var warning = DataWarnings.OfResult(new Evaluation { Rows = 40, Loss = 1, R2 = r2 }, recipe);

        Assert.Equal(said is null, warning is null);
        if (said is not null)
        {
            Assert.Contains(said, warning, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(1000, "the targets 't2' and 't1' have standard deviations of 2.5E+03 and 2.5, and all targets share one scale: 't1' will be "
        + "learnt poorly. Rescale the targets to similar ranges, or train a model for each.")]
    [InlineData(0, null)]
    [InlineData(20, null)]
    public void Targets_that_share_a_scale_and_differ_much_in_their_spread_are_told(int factor, string? warning)
    {
        var rows = Enumerable.Range(0, 8).Select(i => string.Create(
            CultureInfo.InvariantCulture, $"{i % 3},{(i % 2 == 0 ? 5 : 0)},{(i < 4 ? 5 * factor : 0)}"));
        using var folder = new TempFolder();
        folder.Write("rows.csv", $"x,t1,t2\n{string.Join('\n', rows)}\n");
        var recipe = Recipe("csv: { file: rows.csv, targets: [t1, t2] }, task: regression, standardise: true, target_scale: auto", units: 2);
        var data = DataPreparation.Prepare(recipe, folder.Locations);
        Assert.Equal(warning, data.Warnings.SingleOrDefault());
    }

    [Fact]
    public void A_last_activation_that_cannot_reach_the_targets_is_the_first_remedy()
    {
        var recipe = Recipe("csv: { file: rows.csv, target: y }, task: regression, standardise: true, target_scale: auto", units: 1);
        recipe = recipe with { Layers = [recipe.Layers[0] with { Activation = ActivationKind.Sigmoid }] };
        var warning = DataWarnings.OfResult(new Evaluation { Rows = 40, Loss = 1, R2 = -3 }, recipe);
        Assert.Contains("One of these helps: leave out the last layer's activation, sigmoid, whose outputs have bounds, train longer,", warning,
            StringComparison.Ordinal);
    }

    private static Recipe Recipe(string source, int units) => RecipeTexts.Parse($$"""
        data: { {{source}} }
        layers: [{ units: {{units}} }]
        loss: squared-error
        """);

    private static Recipe Recipe(string source) => RecipeTexts.Parse($$"""
        data: { {{source}} }
        layers: [{ units: 2, activation: softmax }]
        loss: squared-error
        """);

    private static string Rows(string header)
    {
        var columns = header.TrimEnd('\n').Split(',');
        return header + "\n" + string.Concat(Enumerable.Range(0, 40).Select(row => string.Join(',', columns.Select(column => column switch
        {
            "x" => row.ToString(CultureInfo.InvariantCulture),
            "big" => (row * 100_000).ToString(CultureInfo.InvariantCulture),
            "id" => (1234567890123456 + row).ToString(CultureInfo.InvariantCulture),
            "float" => (1234567890123456 + row).ToString(CultureInfo.InvariantCulture) + ".0",
            "seconds" => (1700000000 + row).ToString(CultureInfo.InvariantCulture),
            "more" => (1700000000 + (2 * row)).ToString(CultureInfo.InvariantCulture),
            "same" => "5",
            "name" => $"row {row}",
            "rare" => row == 17 ? "b" : "a",
            _ => row % 2 == 0 ? "yes" : "no",
        })) + "\n"));
    }
}
