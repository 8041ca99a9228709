using System.Text;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.Tests;

public sealed class RecipeReaderTests
{
    [Fact]
    public void The_shortest_recipe_gets_every_default()
    {
        var recipe = RecipeTexts.Parse(RecipeTexts.Short);
        Assert.Equal("r", recipe.Name);
        Assert.Equal(1ul, recipe.Seed);
        Assert.Equal(new NamedSource("digits"), recipe.Data.Source);
        Assert.Equal(TaskKind.Classification, recipe.Data.Task);
        Assert.Null(recipe.Data.Scale);
        Assert.Null(recipe.Data.Validation);
        var layer = Assert.Single(recipe.Layers);
        Assert.Equal(InitialiserKind.Xavier, layer.Weights.Kind);
        Assert.Equal(InitialiserKind.Zeros, layer.Biases!.Kind);
        Assert.Equal(new OptimiserRecipe(), recipe.Optimiser);
        Assert.Equal(new ScheduleRecipe(), recipe.Schedule);
        Assert.Equal((128, 16, 10), (recipe.BatchRows, recipe.LeafRows, recipe.Epochs));
        Assert.Null(recipe.EarlyStopping);
    }

    [Fact]
    public void Every_key_reaches_its_place()
    {
        var recipe = RecipeTexts.Parse(RecipeTexts.Full);
        Assert.Equal(("every-key", ulong.MaxValue), (recipe.Name, recipe.Seed));
        var csv = Assert.IsType<CsvSource>(recipe.Data.Source);
        Assert.Equal(("da ta/a \"b\".csv", "t.csv", false), (csv.File, csv.TestFile, csv.Header));
        Assert.Equal(["a", "b", "é 📁", "true", "1"], csv.Columns.ToArray());
        Assert.Equal(["1"], csv.Targets.ToArray());
        Assert.Equal(["b", "a"], csv.Features.ToArray());
        Assert.Equal((TaskKind.Regression, 1.0 / 255, ScalingKind.Standard), (recipe.Data.Task, recipe.Data.Scale, recipe.Data.Scaling));
        Assert.Equal(new SplitSize(null, 0.1), recipe.Data.Validation);
        Assert.Equal((3, ActivationKind.LeakyRelu, 0.2), (recipe.Layers[0].Units, recipe.Layers[0].Activation, recipe.Layers[0].Slope));
        Assert.Equal((InitialiserKind.Gaussian, 0.5), (recipe.Layers[0].Weights.Kind, recipe.Layers[0].Weights.Scale));
        Assert.Null(recipe.Layers[0].Biases);
        Assert.Equal([1, -2.5f, 1e-3f, .5f, 0, 3.4e38f], recipe.Layers[1].Weights.Values.ToArray());
        Assert.Equal([0.1f, -0f], recipe.Layers[1].Biases!.Values.ToArray());
        Assert.Equal((InitialiserKind.Uniform, 0.01), (recipe.Layers[2].Biases!.Kind, recipe.Layers[2].Biases!.Scale));
        Assert.Equal(LossKind.MeanSquaredError, recipe.Loss);
        Assert.Equal(
            new OptimiserRecipe
            {
                Kind = OptimiserKind.AdamW,
                Rate = 3e-4,
                Beta1 = 0.8,
                Beta2 = 0.99,
                Epsilon = 1e-7,
                WeightDecay = 0.1,
            },
            recipe.Optimiser);
        Assert.Equal(new ScheduleRecipe { Kind = ScheduleKind.Step, WarmUpEpochs = 1.5, Factor = 0.5, EveryEpochs = 2 }, recipe.Schedule);
        Assert.Equal((1e-4, 5.0, (int?)null, 32, 20), (recipe.L2, recipe.ClipNorm!.Value, recipe.BatchRows, recipe.LeafRows, recipe.Epochs));
        Assert.Equal(new EarlyStoppingRecipe { Patience = 7, Least = 1e-5, RestoreBest = false }, recipe.EarlyStopping);
    }

    [Fact]
    public void Rows_written_in_the_recipe_are_read()
    {
        var source = Assert.IsType<InlineSource>(RecipeTexts.Parse(RecipeTexts.Inline).Data.Source);
        Assert.Equal([[0, 0], [0, 1], [1, 0], [1, 1]], source.Features.Select(row => row.ToArray()));
        Assert.Equal([[0], [1], [1], [0]], source.Targets.Select(row => row.ToArray()));
    }

    [Theory]
    [InlineData("identity", InitialiserKind.Xavier)]
    [InlineData("sigmoid", InitialiserKind.Xavier)]
    [InlineData("tanh", InitialiserKind.Xavier)]
    [InlineData("relu", InitialiserKind.He)]
    [InlineData("leaky-relu", InitialiserKind.He)]
    public void Start_weights_follow_the_activation(string activation, InitialiserKind expected) =>
        Assert.Equal(expected, RecipeTexts.Parse($$"""
            data: { set: digits }
            layers: [{ units: 5, activation: {{activation}} }, { units: 10, activation: softmax }]
            loss: categorical-cross-entropy
            """).Layers[0].Weights.Kind);

    [Theory]
    [InlineData("sgd", 0.1, 0.999)]
    [InlineData("momentum", 0.1, 0.999)]
    [InlineData("nesterov", 0.1, 0.999)]
    [InlineData("adam", 0.001, 0.999)]
    [InlineData("adamw", 0.001, 0.999)]
    [InlineData("rmsprop", 0.001, 0.9)]
    [InlineData("adagrad", 0.01, 0.999)]
    public void Constants_follow_the_optimiser(string kind, double rate, double beta2)
    {
        var optimiser = RecipeTexts.Parse(RecipeTexts.Short + $"\noptimiser: {kind}").Optimiser;
        Assert.Equal((rate, beta2), (optimiser.Rate, optimiser.Beta2));
    }

    [Theory]
    [InlineData("5000", 5000L, null)]
    [InlineData("0x10", 16L, null)]
    [InlineData("1", 1L, null)]
    [InlineData("0.25", null, 0.25)]
    [InlineData("1/4", null, 0.25)]
    [InlineData("1e-2", null, 0.01)]
    public void A_split_is_a_number_of_rows_or_a_fraction(string text, long? rows, double? fraction) =>
        Assert.Equal(new SplitSize(rows, fraction), RecipeTexts.Parse(RecipeTexts.Short, $"data.validation={text}").Data.Validation);

    [Fact]
    public void None_switches_off()
    {
        var recipe = RecipeTexts.Parse(RecipeTexts.Full, "clip_norm=none", "early_stopping=none", "data.validation=none", "data.scale=none");
        Assert.Null(recipe.ClipNorm);
        Assert.Null(recipe.EarlyStopping);
        Assert.Null(recipe.Data.Validation);
        Assert.Null(recipe.Data.Scale);
    }

    [Theory]
    [InlineData("configs/mnist.yaml", "mnist")]
    [InlineData("mnist v2.1.yaml", "mnist-v2-1")]
    [InlineData("_.yaml", "recipe")]
    public void A_recipe_without_a_name_is_named_after_its_file(string file, string expected) =>
        Assert.Equal(expected, RecipeReader.Parse(RecipeTexts.Short, file, []).Name);

    [Fact]
    public void A_file_may_begin_with_a_byte_order_mark_and_end_its_lines_like_Windows()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("plain.yaml");
        File.WriteAllText(path, RecipeTexts.Full.ReplaceLineEndings("\r\n"), new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
        Assert.Equal(RecipeTexts.Parse(RecipeTexts.Full).Fingerprint(), RecipeReader.Read(path, []).Fingerprint());
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<RecipeException>(() => RecipeReader.Read(folder.File("none.yaml"), []));
        Assert.StartsWith(folder.File("none.yaml") + ": there is no such file", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_is_no_recipe()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("this is a folder", Assert.Throws<RecipeException>(() => RecipeReader.Read(folder.Path, [])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Text_that_is_not_UTF8_is_refused_with_its_line()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("latin.yaml");
        File.WriteAllBytes(path, [.. "name: a\n# caf"u8, 0xE9, .. "\nloss: x"u8]);
        var error = Assert.Throws<RecipeException>(() => RecipeReader.Read(path, []));
        Assert.Equal($"{path}:2: not UTF-8 text; save the file as UTF-8", error.Message);
    }

    [Fact]
    public void A_file_above_the_limit_is_refused()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("large.yaml");
        File.WriteAllText(path, RecipeTexts.Short + "\n#" + new string('x', RecipeLimits.FileBytes));
        Assert.Contains("the file is too large; a recipe has at most 1048576 bytes",
            Assert.Throws<RecipeException>(() => RecipeReader.Read(path, [])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_recipe_that_cannot_be_written_out_in_full_is_refused()
    {
        // A backslash is one character in single quotes and two in the canonical text's double quotes.
        var columns = string.Join(", ", Enumerable.Range(0, 150).Select(i => $"'{i}{new string('\\', 4000)}'"));
        var error = Assert.Throws<RecipeException>(() => RecipeTexts.Parse($$"""
            data: { csv: { file: f, header: false, columns: [c, {{columns}}], target: c } }
            layers: [{ units: 1 }]
            loss: squared-error
            """));
        Assert.Contains("written out in full", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_problems_are_told_at_once_and_at_most_twenty()
    {
        var error = Assert.Throws<RecipeException>(() => RecipeTexts.Parse("""
            data: { set: digits, tsk: classification }
            layers: [{ units: 0 }]
            loss: msq-eror
            epochs: 0
            """));
        Assert.Equal(
            ["r.yaml:1:22: key 'data.tsk'", "r.yaml:2:19: key 'layers[0].units'", "r.yaml:3:7: key 'loss'", "r.yaml:4:9: key 'epochs'"],
            error.Problems.Select(problem => string.Join(' ', problem.Split(' ')[..3])));
        Assert.Equal(string.Join('\n', error.Problems), error.Message);

        var many = string.Concat(Enumerable.Range(0, 30).Select(i => $"\nunknown{i}: 1"));
        error = Assert.Throws<RecipeException>(() => RecipeTexts.Parse(RecipeTexts.Short + many));
        Assert.Equal(RecipeLimits.Problems + 1, error.Problems.Length);
        Assert.Equal("(and 10 more)", error.Problems[^1]);
    }

    [Theory]
    [InlineData("optimiser: Adam", "optimiser: adam")]
    [InlineData("optimiser: { kind: NAG, rate: 0.1 }", "optimiser: { kind: nesterov, rate: 0.1 }")]
    [InlineData("optimiser: L-BFGS\nbatch: full", "optimiser: lbfgs\nbatch: full")]
    [InlineData("schedule: cosine_annealing", "schedule: cosine")]
    public void Words_of_other_systems_mean_the_same(string other, string own)
    {
        const string Start = "data: { set: digits, task: TASK }\nlayers: [{ units: 9, activation: ACT, weights: INIT }, { units: 10, activation: "
            + "softmax }]\nloss: LOSS\n";
        var said = Start.Replace("TASK", "Classify", StringComparison.Ordinal).Replace("ACT", "ReLU", StringComparison.Ordinal)
            .Replace("INIT", "kaiming_normal", StringComparison.Ordinal).Replace("LOSS", "cross_entropy", StringComparison.Ordinal) + other;
        var meant = Start.Replace("TASK", "classification", StringComparison.Ordinal).Replace("ACT", "relu", StringComparison.Ordinal)
            .Replace("INIT", "he", StringComparison.Ordinal).Replace("LOSS", "categorical-cross-entropy", StringComparison.Ordinal) + own;
        Assert.Equal(RecipeReader.Parse(meant, "r", []).Fingerprint(), RecipeReader.Parse(said, "r", []).Fingerprint());
    }
}
