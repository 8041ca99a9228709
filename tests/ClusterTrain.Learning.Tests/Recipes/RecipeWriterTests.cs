using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.Tests;

public sealed class RecipeWriterTests
{
    private const string FullWritten = """
        name: every-key
        seed: 18446744073709551615
        data:
          csv:
            file: "da ta/a \"b\".csv"
            test_file: t.csv
            header: false
            columns: [a, b, "é 📁", "true", "1"]
            targets: ["1"]
            features: [b, a]
          task: regression
          scale: 0.00392156862745098
          standardise: true
          validation: 0.1
          test: none
        layers:
          - { units: 3, activation: leaky-relu, slope: 0.2, weights: { kind: gaussian, scale: 0.5 }, biases: none }
          - { units: 2, activation: tanh, dropout: 0.25, weights: { kind: given, values: [[1, -2.5], [0.001, 0.5], [0, 3.4e+38]] }, biases: { kind: given, values: [0.1, -0] } }
          - { units: 2, activation: identity, weights: { kind: uniform, scale: 0.25 }, biases: { kind: uniform, scale: 0.01 } }
        loss: mean-squared-error
        optimiser: { kind: adamw, rate: 0.0003, beta1: 0.8, beta2: 0.99, epsilon: 1e-07, weight_decay: 0.1 }
        schedule: { kind: step, warm_up_epochs: 1.5, factor: 0.5, every_epochs: 2 }
        l2: 0.0001
        clip_norm: 5
        batch: full
        leaf: 32
        epochs: 20
        early_stopping: { metric: val_loss, patience: 7, least: 1e-05, restore_best: false }

        """;

    private const string EncodedWritten = """
        data:
          csv:
            file: a.csv
            header: true
            targets: ["the class"]
            features: [buying, "per house", b]
            categorical: [buying]
            derive:
              - { name: "per house", ratio: [a, b] }
          task: classification
          scale: none
          standardise: true
          class_weights: { bad: 0.5, "very good": 2 }
          validation: none
        """;

    private const string SpreadsheetWritten = """
            header: true
            targets: [price]
            categorical: [city, "own er"]
          delimiter: semicolon
          decimal: ","
          missing: ["-999", NA, n/a]
          impute:
            age: { kind: constant, value: -0.5, indicator: true }
            city: { kind: constant, value: "no where", indicator: false }
            "own er": { kind: most-frequent, indicator: false }
            rooms: { kind: median, indicator: false }
          unseen: { city: own-code }
          task: regression
          scale: none
        """;

    private const string KindsWritten = """
        data:
          csv:
            files: ["parts-*.csv", more.csv]
            header: true
            targets: [price]
            exclude: [id, note]
            categorical: [city]
            booleans: [garden]
            dates:
              built: { format: dd.mm.yyyy, parts: [year, month, day, weekday] }
              seen: { format: mm/dd/yyyy, parts: [hour, weekday] }
              sold: { format: yyyy-mm-dd, parts: [year, weekday] }
          impute:
            garden: { kind: constant, value: "true", indicator: false }
            sold: { kind: constant, value: "2026-01-31", indicator: false }
          task: regression
          scale: none
          scaling: min-max
          target_scale: auto
          validation: none
        """;

    private const string ShortWritten = """
        name: r
        seed: 1
        data:
          set: digits
          task: classification
          scale: none
          standardise: false
          validation: none
          test: none
        layers:
          - { units: 10, activation: softmax, weights: xavier, biases: zeros }
        loss: categorical-cross-entropy
        optimiser: { kind: momentum, rate: 0.1, momentum: 0.9 }
        schedule: { kind: constant, warm_up_epochs: 0 }
        l2: 0
        clip_norm: none
        batch: 128
        leaf: 16
        epochs: 10
        early_stopping: none

        """;

    /// <summary>Recipes that between them use every key and every word.</summary>
    public static TheoryData<string> Recipes
    {
        get
        {
            var recipes = new TheoryData<string>
            {
                RecipeTexts.Short, RecipeTexts.Full, RecipeTexts.Inline, RecipeTexts.Encoded, RecipeTexts.Spreadsheet, RecipeTexts.Grouped,
                RecipeTexts.Kinds,
            };
            foreach (var split in new[] { "time: day", "split: random", "split: stratified", "group: a" })
            {
                recipes.Add(RecipeTexts.Grouped.Replace("group: \"customer id\"", split, StringComparison.Ordinal));
            }

            recipes.Add($"{RecipeTexts.Short.Replace("digits", "digits, test: 0.2, split: stratified", StringComparison.Ordinal)}");
            foreach (var optimiser in new[] { "sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "adagrad" })
            {
                recipes.Add($"{RecipeTexts.Short}\noptimiser: {{ kind: {optimiser}, rate: 0.3333333333333333 }}");
            }

            recipes.Add($"{RecipeTexts.Short}\nbatch: full\noptimiser: {{ kind: lbfgs, memory: 7, tolerance: 1e-6 }}");
            foreach (var schedule in new[] { "constant", "step", "exponential, factor: 0.97", "cosine, final: 1e-30" })
            {
                recipes.Add($"{RecipeTexts.Short}\nschedule: {{ kind: {schedule}, warm_up_epochs: 0.1 }}");
            }

            foreach (var activation in new[] { "identity", "sigmoid", "tanh", "relu", "leaky-relu" })
            {
                recipes.Add(RecipeTexts.Short.Replace("[{", $"[{{ units: 3, activation: {activation} }}, {{", StringComparison.Ordinal));
            }

            foreach (var kind in new[] { "zeros", "gaussian", "xavier", "he", "uniform" })
            {
                recipes.Add(RecipeTexts.Short.Replace(" }]", $", weights: {kind} }}]", StringComparison.Ordinal));
            }

            foreach (var source in new[] { "idx: { features: a, labels: \"b\\\\\\u00e9\" }",
                "idx: { features: a, labels: b, test_features: None, test_labels: .5 }" })
            {
                recipes.Add(RecipeTexts.Short.Replace("set: digits", source, StringComparison.Ordinal));
            }

            recipes.Add(RecipeTexts.Short.Replace("set: digits", "prepared: rows.ctdata", StringComparison.Ordinal));
            recipes.Add(RecipeTexts.Short.Replace("digits", "digits, class_weights: balanced", StringComparison.Ordinal));
            recipes.Add(RecipeTexts.Inline.Replace("inline: {", "inline: { columns: [a, b], derive: [{ name: c, cross: [a, a] }],",
                StringComparison.Ordinal)
                .Replace("[[0.15", "[[1, 2], [0.15", StringComparison.Ordinal)
                .Replace("task:", "target_scale: 0.1\n  task:", StringComparison.Ordinal));
            recipes.Add(RecipeTexts.Short.Replace("digits", "digits, validation: 5, test: 7", StringComparison.Ordinal)
                + "\nearly_stopping: { metric: val_acc }");
            return recipes;
        }
    }

    [Fact]
    public void The_shortest_recipe_is_written_with_its_defaults() =>
        Assert.Equal(ShortWritten, RecipeWriter.Write(RecipeTexts.Parse(RecipeTexts.Short)));

    [Fact]
    public void An_optimiser_is_written_with_the_keys_it_has() => Assert.Contains(
        "optimiser: { kind: lbfgs, memory: 10, tolerance: 1e-05 }\n",
        RecipeWriter.Write(RecipeTexts.Parse($"{RecipeTexts.Short}\nbatch: full\noptimiser: lbfgs")),
        StringComparison.Ordinal);

    [Fact]
    public void Every_key_is_written() => Assert.Equal(FullWritten, RecipeWriter.Write(RecipeTexts.Parse(RecipeTexts.Full)));

    [Fact]
    public void The_format_of_cells_is_written() =>
        Assert.Contains(SpreadsheetWritten, RecipeWriter.Write(RecipeTexts.Parse(RecipeTexts.Spreadsheet)), StringComparison.Ordinal);

    [Fact]
    public void Kinds_of_columns_are_written_in_full() =>
        Assert.Contains(KindsWritten, RecipeWriter.Write(RecipeTexts.Parse(RecipeTexts.Kinds)), StringComparison.Ordinal);

    [Fact]
    public void Encoding_of_columns_is_written() =>
        Assert.Contains(EncodedWritten, RecipeWriter.Write(RecipeTexts.Parse(RecipeTexts.Encoded)), StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(Recipes))]
    public void What_is_written_reads_back_as_the_same_recipe(string yaml)
    {
        var recipe = RecipeTexts.Parse(yaml);
        var written = RecipeWriter.Write(recipe);
        var again = RecipeTexts.Parse(written);
        Assert.Equivalent(recipe, again, strict: true);
        Assert.Equal(written, RecipeWriter.Write(again));
        Assert.Equal(recipe.Fingerprint(), again.Fingerprint());
    }

    [Fact]
    public void A_recipe_written_out_before_splits_could_be_chosen_means_what_it_meant()
    {
        var recipe = RecipeTexts.Parse("""
            data: { csv: { file: rows.csv, target: y }, validation: 0.2 }
            layers: [{ units: 2, activation: softmax }]
            loss: categorical-cross-entropy
            """);
        var former = RecipeWriter.Write(recipe).Replace("  split: stratified\n", "", StringComparison.Ordinal);

        var read = RecipeTexts.Parse(former);

        Assert.Equal(SplitKind.Stratified, recipe.Data.Split);
        Assert.Equal(SplitKind.Random, read.Data.Split);
        Assert.Equal(former, RecipeWriter.Write(read));
        Assert.Equal(read.Fingerprint(), RecipeTexts.Parse(RecipeWriter.Write(read)).Fingerprint());
        Assert.NotEqual(recipe.Fingerprint(), read.Fingerprint());
        Assert.Equal(SplitKind.Stratified, RecipeTexts.Parse(former + "\n").Data.Split);
    }

    [Fact]
    public void The_fingerprint_tells_splits_apart_and_not_how_a_default_is_written()
    {
        string[] splits = ["group: \"customer id\"", "group: day", "time: day", "split: random", "split: stratified"];
        var prints = splits.Select(Print).ToList();
        Assert.Equal(splits.Length, prints.Distinct().Count());
        Assert.Equal(prints[^1], Print("standardise: true"));

        static string Print(string keys) =>
            RecipeTexts.Parse(RecipeTexts.Grouped.Replace("group: \"customer id\"", keys, StringComparison.Ordinal)).Fingerprint();
    }

    [Theory]
    [InlineData("csv: { file: rows.csv, target: y }", ScalingKind.Standard)]
    [InlineData("parquet: { file: rows.parquet, target: y }", ScalingKind.Standard)]
    [InlineData("csv: { file: rows.csv, target: y }, scale: 1/255", ScalingKind.None)]
    [InlineData("csv: { file: rows.csv, target: y }, standardise: false", ScalingKind.None)]
    [InlineData("csv: { file: rows.csv, target: y }, scaling: none", ScalingKind.None)]
    [InlineData("csv: { file: rows.csv, target: y }, scaling: robust", ScalingKind.Robust)]
    [InlineData("set: mnist", ScalingKind.None)]
    [InlineData("inline: { features: [[0], [1]], targets: [[0], [1]] }", ScalingKind.None)]
    public void Tables_are_standardised_unless_they_say_otherwise_and_always_say_so_when_written(string data, ScalingKind expected)
    {
        var recipe = RecipeTexts.Parse(
            $"data: {{ {data} }}\nlayers: [{{ units: 2, activation: softmax }}]\nloss: categorical-cross-entropy\n");
        Assert.Equal(expected, recipe.Data.Scaling);
        Assert.Equal(expected, RecipeTexts.Parse(RecipeWriter.Write(recipe)).Data.Scaling);
        Assert.Contains(
            expected == ScalingKind.Robust ? "scaling: robust" : $"standardise: {(expected == ScalingKind.Standard ? "true" : "false")}",
            RecipeWriter.Write(recipe), StringComparison.Ordinal);
    }

    [Fact]
    public void Long_rows_read_back()
    {
        var values = string.Join(", ", Enumerable.Range(0, 3000).Select(i => $"{i}.25"));
        var recipe = RecipeTexts.Parse($$"""
            data: { inline: { features: [[{{values}}]], targets: [[0]] }, task: regression }
            layers: [{ units: 3000, weights: he, biases: { kind: given, values: [{{values}}] } }, { units: 1 }]
            loss: squared-error
            """);
        Assert.Equivalent(recipe, RecipeTexts.Parse(RecipeWriter.Write(recipe)), strict: true);
    }

    [Fact]
    public void The_fingerprint_is_golden() =>
        Assert.Equal("d96836c5ec0120d5e37a624582058fed8e7ecc8b15cb07df4ceec6fc354d9b96", RecipeTexts.Parse(RecipeTexts.Short).Fingerprint());

    [Fact]
    public void The_fingerprint_ignores_name_comments_order_and_written_defaults() =>
        Assert.Equal(RecipeTexts.Parse(RecipeTexts.Short).Fingerprint(), RecipeTexts.Parse("""
            # the same, said differently
            name: another
            loss: categorical-cross-entropy
            optimiser: { momentum: 9e-1, kind: momentum }
            layers:
              - activation: softmax
                units: 0xA
                weights: { kind: xavier }
            data:
              set: "digits"
            """).Fingerprint());

    [Theory]
    [InlineData("seed=2")]
    [InlineData("epochs=11")]
    [InlineData("leaf=8")]
    [InlineData("layers[0].biases=none")]
    [InlineData("optimiser.rate=0.10000000000000002")]
    [InlineData("data.scale=1")]
    [InlineData("data.test=0.5")]
    [InlineData("layers=[{ units: 10, dropout: 0.5 }, { units: 10, activation: softmax }]")]
    public void The_fingerprint_sees_every_value(string change) =>
        Assert.NotEqual(RecipeTexts.Parse(RecipeTexts.Short).Fingerprint(), RecipeTexts.Parse(RecipeTexts.Short, change).Fingerprint());
}
