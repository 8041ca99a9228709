using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.Tests;

public sealed class RecipeOverrideTests
{
    /// <summary>An override of the recipe with every key, and the line of the canonical text it gives.</summary>
    public static TheoryData<string, string> Values => new()
    {
        { "epochs=30", "epochs: 30" },
        { " epochs = 30 ", "epochs: 30" },
        { "name=other", "name: other" },
        { "batch=64", "batch: 64" },
        { "optimiser.rate=0.05", "optimiser: { kind: adamw, rate: 0.05, beta1: 0.8, beta2: 0.99, epsilon: 1e-07, weight_decay: 0.1 }" },
        { "optimiser=adam", "optimiser: { kind: adam, rate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-08 }" },
        { "optimiser={kind: nesterov, rate: 1}", "optimiser: { kind: nesterov, rate: 1, momentum: 0.9 }" },
        { "schedule.every_epochs=5", "schedule: { kind: step, warm_up_epochs: 1.5, factor: 0.5, every_epochs: 5 }" },
        { "early_stopping=none", "early_stopping: none" },
        { "early_stopping.patience=1", "early_stopping: { metric: val_loss, patience: 1, least: 1e-05, restore_best: false }" },
        { "layers[0].slope=0.5",
            "  - { units: 3, activation: leaky-relu, slope: 0.5, weights: { kind: gaussian, scale: 0.5 }, biases: none }" },
        { "layers[2].weights.scale=0.5",
            "  - { units: 2, activation: identity, weights: { kind: uniform, scale: 0.5 }, biases: { kind: uniform, scale: 0.01 } }" },
        { "layers[1].weights.values[0][1]=7",
            "  - { units: 2, activation: tanh, dropout: 0.25, weights: { kind: given, values: [[1, 7], [0.001, 0.5], [0, 3.4e+38]] }, "
            + "biases: { kind: given, values: [0.1, -0] } }" },
        { "layers[2]={ units: 4, activation: relu }", "  - { units: 4, activation: relu, weights: he, biases: zeros }" },
        { "data.csv.file=a=b.csv", "    file: \"a=b.csv\"" },
        { "data.csv.columns=[a, b, '1']", "    columns: [a, b, \"1\"]" },
        { "data.validation=100", "  validation: 100" },
        { "data={set: digits, validation: 0.5}", "  set: digits" },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public void An_override_sets_one_value(string text, string line)
    {
        var written = RecipeWriter.Write(RecipeTexts.Parse(RecipeTexts.Full, text));
        Assert.DoesNotContain(line, RecipeWriter.Write(RecipeTexts.Parse(RecipeTexts.Full)).Split('\n'));
        Assert.Contains(line, written.Split('\n'));
    }

    [Fact]
    public void A_part_that_the_file_does_not_have_is_made() =>
        Assert.Equal(ScheduleKind.Cosine, RecipeTexts.Parse(RecipeTexts.Short, "schedule.kind=cosine").Schedule.Kind);

    [Fact]
    public void A_shorthand_becomes_its_long_form() =>
        Assert.Equal(0.5, RecipeTexts.Parse(RecipeTexts.Short, "layers[0].weights=gaussian", "layers[0].weights.scale=0.5").Layers[0].Weights.Scale);

    [Fact]
    public void The_last_override_of_a_value_wins() =>
        Assert.Equal(3, RecipeTexts.Parse(RecipeTexts.Short, "epochs=1", "epochs=2", "epochs=3").Epochs);

    [Fact]
    public void An_override_may_mend_the_file() =>
        Assert.Equal(3, RecipeTexts.Parse(RecipeTexts.Short + "\nepochs: many", "epochs=3").Epochs);

    [Theory]
    [InlineData("epochs", "override 'epochs': has no '='; write path=value")]
    [InlineData("epochs=", "override 'epochs=': has no value after '='")]
    [InlineData("epochs=~", "override 'epochs=~': key 'epochs' has no value")]
    [InlineData("=3", "override '=3': '' is not a path")]
    [InlineData("a..b=3", "override 'a..b=3': 'a..b' is not a path")]
    [InlineData("layers[-1].units=3", "'layers[-1].units' is not a path")]
    [InlineData("layers[one].units=3", "is not a path")]
    [InlineData("epochs=ten", "override 'epochs=ten': key 'epochs' is 'ten', not a whole number")]
    [InlineData("epoch=3", "override 'epoch=3': key 'epoch' is unknown; did you mean 'epochs'?")]
    [InlineData("optimiser.rte=3", "override 'optimiser.rte=3': key 'optimiser.rte' is unknown; did you mean 'rate'?")]
    [InlineData("layers.units=3", "override 'layers.units=3': 'layers' is a list; write a position, for example layers[0]")]
    [InlineData("layers[1].units=3", "override 'layers[1].units=3': 'layers' has no position 1; allowed: layers[0] to layers[0]")]
    [InlineData("layers[99999999999].units=3", "has no position 99999999999")]
    [InlineData("data[0]=3", "override 'data[0]=3': 'data' is not a list, so it has no position 0")]
    [InlineData("loss.kind=3", "override 'loss.kind=3': key 'loss' is a group of keys; allowed: squared-error")]
    [InlineData("epochs=[1", "override 'epochs=[1': this is not valid YAML: ")]
    [InlineData("epochs=*a", "override 'epochs=*a': alias '*a'")]
    [InlineData("optimiser={rate: 1, rate: 2}", "override 'optimiser={rate: 1, rate: 2}': key 'rate' is given twice")]
    [InlineData("layers[0]={units: 0}", "override 'layers[0]={units: 0}': key 'layers[0].units' is 0, out of range")]
    public void A_wrong_override_is_named(string text, string expected)
    {
        var error = Assert.Throws<RecipeException>(() => RecipeTexts.Parse(RecipeTexts.Short, text));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.StartsWith("override '", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_override_above_the_limit_is_refused()
    {
        var text = "name=" + new string('x', RecipeLimits.OverrideCharacters);
        var error = Assert.Throws<RecipeException>(() => RecipeTexts.Parse(RecipeTexts.Short, text));
        Assert.Contains("at most 65536 are allowed", error.Message, StringComparison.Ordinal);
    }
}
