using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.Tests;

/// <summary>Recipes the tests begin with.</summary>
internal static class RecipeTexts
{
    /// <summary>The shortest recipe there is; one key per line, so that tests can replace a line.</summary>
    public const string Short = """
        data: { set: digits }
        layers: [{ units: 10, activation: softmax }]
        loss: categorical-cross-entropy
        """;

    /// <summary>Every key with a value that is not its default.</summary>
    public const string Full = """
        name: every-key
        seed: 0xFFFFFFFFFFFFFFFF
        data:
          csv: { file: "da ta/a \"b\".csv", test_file: t.csv, header: false, columns: [a, b, 'é 📁', "true", "1"], targets: ["1"], features: [b, a] }
          task: regression
          scale: 1/255
          standardise: true
          validation: 0.1
        layers:
          - { units: 3, activation: leaky-relu, slope: 0.2, weights: { kind: gaussian, scale: 0.5 }, biases: none }
          - { units: 2, activation: tanh, dropout: 0.25, weights: { kind: given, values: [[1, -2.5], [1e-3, .5], [0, 3.4e38]] }, biases: { kind: given, values: [0.1, -0] } }
          - { units: 2, weights: { kind: uniform, scale: 0.25 }, biases: { kind: uniform } }
        loss: mean-squared-error
        optimiser: { kind: adamw, rate: 3e-4, beta1: 0.8, beta2: 0.99, epsilon: 1e-7, weight_decay: 0.1 }
        schedule: { kind: step, warm_up_epochs: 1.5, factor: 0.5, every_epochs: 2 }
        l2: 1e-4
        clip_norm: 5
        batch: full
        leaf: 32
        epochs: 20
        early_stopping: { metric: val_loss, patience: 7, least: 1e-5, restore_best: false }
        """;

    /// <summary>Rows in the recipe itself.</summary>
    public const string Inline = """
        data:
          inline: { features: [[0, 0], [0, 1], [1, 0], [1, 1]], targets: [[0], [1], [1], [0]] }
          task: regression
        layers:
          - { units: 2, activation: sigmoid, weights: { kind: given, values: [[0.15, 0.25], [0.2, 0.3]] } }
          - { units: 1, activation: sigmoid }
        loss: squared-error
        optimiser: sgd
        batch: 1
        """;

    /// <summary>Columns of words, derived features, class weights.</summary>
    public const string Encoded = """
        data:
          csv:
            file: a.csv
            target: "the class"
            features: [buying, "per house", b]
            categorical: [buying]
            derive: [{ name: "per house", ratio: [a, b] }]
          class_weights: { "very good": 2, bad: 0.5 }
        layers: [{ units: 3, activation: softmax }]
        loss: categorical-cross-entropy
        """;

    /// <summary>A table as a spreadsheet writes it.</summary>
    public const string Spreadsheet = """
        data:
          csv: { file: a.csv, target: price, categorical: [city, "own er"] }
          delimiter: ";"
          decimal: ","
          missing: ["-999", NA, " n/a "]
          impute: { rooms: median, age: { kind: constant, value: -0.5, indicator: true }, city: { kind: constant, value: "no where" }, own er: mode }
          unseen: { city: own-code, own er: error }
          task: regression
        layers: [{ units: 1 }]
        loss: mean-squared-error
        """;

    /// <summary>Rows of one customer stay together.</summary>
    public const string Grouped = """
        data: { csv: { file: a.csv, target: bought }, group: "customer id", validation: 0.1 }
        layers: [{ units: 2, activation: softmax }]
        loss: categorical-cross-entropy
        """;

    /// <summary>Columns of several kinds, in several files.</summary>
    public const string Kinds = """
        data:
          parquet:
            files: ["parts-*.csv", more.csv]
            target: price
            exclude: [id, note]
            categorical: [city]
            booleans: [garden]
            dates: { sold: [year, weekday], built: dd.mm.yyyy, seen: { format: mm/dd/yyyy, parts: [hour, day-of-week] } }
          scaling: MinMax
          impute: { sold: { kind: constant, value: "2026-01-31" }, garden: { kind: constant, value: Yes } }
          target_scale: auto
          task: regression
        layers: [{ units: 1 }]
        loss: mean-squared-error
        """;

    public static Recipe Parse(string yaml, params string[] overrides) => RecipeReader.Parse(yaml, "r.yaml", overrides);
}
