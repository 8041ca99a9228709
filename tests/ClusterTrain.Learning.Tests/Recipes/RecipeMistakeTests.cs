using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.Tests;

/// <summary>Mistakes users make, each with what they are told.</summary>
public sealed class RecipeMistakeTests
{
    /// <summary>Lines added to the shortest recipe (they begin at line 4), and the message.</summary>
    public static TheoryData<string, string> AddedLines => new()
    {
        // Unknown keys, and what was meant.
        { "epoch: 3", "r.yaml:4:1: key 'epoch' is unknown; did you mean 'epochs'? Allowed: name, seed, data, layers, loss, optimiser, "
            + "schedule, l2, clip_norm, batch, leaf, gradient_precision, epochs, early_stopping" },
        { "optimiser: { rte: 0.1 }", "r.yaml:4:14: key 'optimiser.rte' is unknown; did you mean 'rate'? Allowed: kind, rate, momentum" },
        { "optimiser: { lr: 0.1 }", "r.yaml:4:14: key 'optimiser.lr' is unknown; did you mean 'rate'?" },
        { "optimiser: { learning_rate: 0.1 }", "'optimiser.learning_rate' is unknown; did you mean 'rate'?" },
        { "optimizer: adam", "r.yaml:4:1: key 'optimizer' is unknown; did you mean 'optimiser'?" },
        { "batch_size: 4", "did you mean 'batch'?" },
        { "learning-rate: 4", "key 'learning-rate' is unknown here; did you mean 'optimiser.rate'?" },
        { "momentum: 0.9", "key 'momentum' is unknown here; did you mean 'optimiser.momentum'?" },
        { "weight_decay: 0.9", "did you mean 'l2'?" },
        { "EarlyStopping: { patience: 1 }", "did you mean 'early_stopping'?" },
        { "warmup: 1", "did you mean 'schedule.warm_up_epochs'?" },
        { "schedule: { warm_up: 1 }", "did you mean 'warm_up_epochs'?" },
        { "schedule: { epochs: 1 }", "key 'schedule.epochs' is unknown here; did you mean the top-level 'epochs'?" },
        { "early_stopping: { monitor: val_loss }", "did you mean 'metric'?" },
        { "zzz: 1", "key 'zzz' is unknown. Allowed: name," },
        { "? [a]\n: 1", "r.yaml:4:3: a list stands where a key should be" },
        { "<<: 1", "key '<<' is unknown." },
        // Twice, empty, wrong type.
        { "loss: squared-error", "r.yaml:4:1: key 'loss' is given twice, first at r.yaml:3:1; keep one" },
        { "optimiser: { rate: 1, rate: 1 }", "r.yaml:4:23: key 'rate' is given twice" },
        { "epochs:", "r.yaml:4:1: key 'epochs' has no value; write one, or leave the key out" },
        { "batch: null", "r.yaml:4:1: key 'batch' has no value" },
        { "epochs: ten", "r.yaml:4:9: key 'epochs' is 'ten', not a whole number; allowed: a whole number from 1 to 1000000" },
        { "epochs: \"10\"", "key 'epochs' is the quoted text '10', not a whole number" },
        { "epochs: [10]", "key 'epochs' is a list, not a whole number" },
        { "epochs: 1_000", "key 'epochs' is '1_000', not a whole number (did you mean 1000?)" },
        { "epochs: 1e3", "key 'epochs' is 1e3, not a whole number" },
        { "l2: a", "r.yaml:4:5: key 'l2' is 'a', not a number" },
        { "l2: {}", "key 'l2' is a group of keys, not a number" },
        { "schedule: [cosine]", "r.yaml:4:11: key 'schedule' is a list; allowed: a group of keys" },
        { "early_stopping: 3", "key 'early_stopping' is 3; allowed: a group of keys" },
        { "early_stopping: { restore_best: yes }", "key 'early_stopping.restore_best' is 'yes'; allowed: true, false" },
        { "name: [a]", "key 'name' is a list; allowed: letters, digits" },
        { "name: ../x", "key 'name' is '../x'; allowed: letters, digits" },
        { "name: \"a\\ud800\"", "r.yaml:4:7: this is not valid YAML" },
        { "name: \"a\\u2028\"", "allowed: letters, digits" },
        { "name: \"a\\u0007\"", "r.yaml:4:7: key 'name' is the quoted text 'a\\u0007'; allowed: letters, digits" },
        // Out of range.
        { "seed: -1", "r.yaml:4:7: key 'seed' is -1, out of range; allowed: a whole number from 0 to 18446744073709551615" },
        { "seed: 18446744073709551616", "key 'seed' is 18446744073709551616, out of range" },
        { "seed: 99999999999999999999999999999999999999999999999999", "out of range" },
        { "seed: 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "out of range" },
        { "epochs: 0", "key 'epochs' is 0, out of range" },
        { "batch: 0", "key 'batch' is 0, out of range; allowed: a whole number from 1 to 16777216, or full" },
        { "batch: all", "key 'batch' is 'all', not a whole number; allowed: a whole number from 1 to 16777216, or full" },
        { "leaf: 0", "key 'leaf' is 0, out of range" },
        { "l2: -1", "key 'l2' is -1, out of range; allowed: a number from 0 to 1e6" },
        { "clip_norm: 0", "key 'clip_norm' is 0, out of range; allowed: a number from 1e-30 to 1e30, or none" },
        { "optimiser: { rate: 0 }", "key 'optimiser.rate' is 0, out of range" },
        { "optimiser: { rate: -0.1 }", "key 'optimiser.rate' is -0.1, out of range" },
        { "optimiser: { rate: .inf }", "key 'optimiser.rate' is .inf, not finite" },
        { "optimiser: { rate: .nan }", "key 'optimiser.rate' is .nan, not finite" },
        { "optimiser: { rate: 1e999 }", "key 'optimiser.rate' is 1e999, not finite" },
        { "optimiser: { rate: 1/0 }", "not finite" },
        { "optimiser: { momentum: 1 }", "key 'optimiser.momentum' is 1, out of range; allowed: a number from 0 to below 1" },
        { "optimiser: { momentum: 0.99999999999 }", "out of range" },
        { "optimiser: { kind: adam, beta2: 1.5 }", "key 'optimiser.beta2' is 1.5, out of range" },
        { "optimiser: { kind: adam, epsilon: 0 }", "key 'optimiser.epsilon' is 0, out of range" },
        // Words.
        { "optimiser: sdg", "r.yaml:4:12: key 'optimiser.kind' is 'sdg'; did you mean 'sgd'? Allowed: sgd, momentum, nesterov, adam, adamw, "
            + "rmsprop, adagrad" },
        { "optimiser: { kind: newton }", "key 'optimiser.kind' is 'newton'; allowed: sgd," },
        { "schedule: { kind: [step] }", "key 'schedule.kind' is a list; allowed: constant, step, exponential, cosine" },
        { "schedule: cos", "key 'schedule.kind' is 'cos'" },
        // Keys of another kind.
        { "optimiser: { kind: sgd, momentum: 0.9 }", "r.yaml:4:25: key 'optimiser.momentum' has no meaning for optimiser kind 'sgd'; remove it. "
            + "Allowed: kind, rate" },
        { "optimiser: { kind: rmsprop, beta1: 0.9 }", "no meaning for optimiser kind 'rmsprop'" },
        { "schedule: { kind: cosine, factor: 0.9 }", "no meaning for schedule kind 'cosine'" },
        { "schedule: exponential", "key 'schedule.factor' is missing; it has no default, write it" },
        // Keys that do not go together.
        { "schedule: { warm_up_epochs: 10 }", "key 'schedule' has warm_up_epochs 10, but the run has epochs 10; the warm-up must be shorter" },
        { "batch: 64\noptimiser: lbfgs", "r.yaml:4:8: key 'batch' is 64, but optimiser 'lbfgs' compares losses from step to step and needs all "
            + "rows in each; write batch: full" },
        { "optimiser: lbfgs", "r.yaml:4:12: key 'optimiser' is 'lbfgs', which compares losses" },
        { "batch: full\noptimiser: lbfgs\nschedule: cosine", "key 'schedule' has no meaning for optimiser 'lbfgs'" },
        { "batch: full\noptimiser: lbfgs\nclip_norm: 1", "key 'clip_norm' has no meaning for optimiser 'lbfgs'" },
        { "batch: full\noptimiser: { kind: lbfgs, rate: 1 }", "key 'optimiser.rate' has no meaning for optimiser kind 'lbfgs'" },
        { "batch: full\noptimiser: { kind: lbfgs, memory: 0 }", "key 'optimiser.memory' is 0, out of range; allowed: a whole number from 1 to 100" },
        { "batch: full\noptimiser: { kind: lbfgs, tolerance: -1 }", "key 'optimiser.tolerance' is -1, out of range; allowed: a number from 0 to 1" },
        { "batch: full\noptimiser: { kind: lbfgs, tol: 1 }", "did you mean 'tolerance'?" },
        { "optimiser: { memory: 5 }", "key 'optimiser.memory' has no meaning for optimiser kind 'momentum'" },
        { "early_stopping: {}", "r.yaml:4:17: key 'early_stopping' needs validation rows; add data.validation" },
    };

    /// <summary>Lines that replace the data line of the shortest recipe (line 1), and the message.</summary>
    public static TheoryData<string, string> DataLines => new()
    {
        { "# nothing", "r.yaml:2:1: key 'data' is missing; it has no default, write it" },
        { "data: digits", "r.yaml:1:7: key 'data' is 'digits'; allowed: a group of keys" },
        { "data: { task: regression }",
            "r.yaml:1:7: key 'data' needs exactly one source of set, idx, csv, parquet, inline, prepared; none is given" },
        { "data: { set: a, csv: { file: b, target: c } }", "needs exactly one source of set, idx, csv, parquet, inline, prepared; given: set, csv" },
        { "data: { dataset: digits }", "r.yaml:1:9: key 'data.dataset' is unknown; did you mean 'set'?" },
        { "data: { set: data/x.csv }", "key 'data.set' is 'data/x.csv'; allowed: mnist, fashion-mnist, digits (a file is named with idx or csv)" },
        { "data: { set: minst }", "r.yaml:1:14: key 'data.set' is 'minst'; did you mean 'mnist'? Allowed: mnist, fashion-mnist, digits" },
        { "data: { set: digits, scale: 0 }", "r.yaml:1:29: key 'data.scale' is 0, out of range; allowed: a number or a fraction such as 1/255" },
        { "data: { set: digits, scale: 1/0 }", "key 'data.scale' is '1/0', not finite" },
        { "data: { set: digits, scale: 1/2/3 }", "key 'data.scale' is '1/2/3', not a number" },
        { "data: { set: digits, standardize: true }", "did you mean 'standardise'?" },
        { "data: { set: digits, validation: 0 }",
            "r.yaml:1:34: key 'data.validation' is 0; allowed: a number of rows from 1 to 2147483647, a fraction" },
        { "data: { set: digits, validation: 1.0 }", "key 'data.validation' is 1.0; allowed:" },
        { "data: { set: digits, validation: -5 }", "key 'data.validation' is -5; allowed:" },
        { "data: { set: digits, val_split: 0.1 }", "did you mean 'validation'?" },
        { "data: { set: digits, validation: 0.5, test: 0.5 }", "key 'data.test' and validation together hold back every row" },
        { "data: { idx: { features: a } }", "r.yaml:1:14: key 'data.idx.labels' is missing" },
        { "data: { idx: { features: a, labels: b, test_features: c } }", "r.yaml:1:55: key 'data.idx.test_features' is given without test_labels" },
        { "data: { idx: { features: a, labels: b, test_features: c, test_labels: d }, test: 0.1 }", "the source has test rows of its own" },
        { "data: { csv: { target: c } }", "key 'data.csv.file' is missing" },
        { "data: { csv: { file: f } }", "key 'data.csv.targets' is missing; name the column to predict" },
        { "data: { csv: { file: f, label: c } }", "did you mean 'targets'?" },
        { "data: { csv: { file: f, targets: c } }", "key 'data.csv.targets' is 'c'; allowed: a list" },
        { "data: { csv: { file: f, target: a, targets: [b] } }", "key 'data.csv.target' and targets are both given; keep one" },
        { "data: { csv: { file: f, targets: [] } }", "key 'data.csv.targets' has 0 columns" },
        { "data: { csv: { file: f, targets: [a, b] } }", "has 2 columns; allowed: exactly one for classification" },
        { "data: { csv: { file: f, target: a, columns: [a, b] } }", "write header: false, or remove columns" },
        { "data: { csv: { file: f, target: clas, header: false, columns: [class, b] } }",
            "names column 'clas', which columns does not have; did you mean 'class'?" },
        { "data: { csv: { file: f, target: a, features: [b, a] } }", "and the targets both have column 'a'" },
        { "data: { csv: { file: f, target: a, features: [b, b] } }", "r.yaml:1:50: key 'data.csv.features' has 'b' twice" },
        { "data: { csv: { file: f, target: a, test_file: t }, test: 10 }", "the source has test rows of its own" },
        { "data: { inline: { features: [], targets: [] } }", "key 'data.inline.features' is empty" },
        { "data: { inline: { features: [[]], targets: [[0]] } }", "key 'data.inline.features' is empty" },
        { "data: { inline: { features: [1, 2], targets: [[0]] } }", "key 'data.inline.features[0]' is 1; allowed: a list of numbers" },
        { "data: { inline: { features: [[1], [1, 2]], targets: [[0], [1]] } }", "has 2 numbers in row 1, but 1 in row 0" },
        { "data: { inline: { features: [[1]], targets: [[0], [1]] } }", "targets' has 2 rows, but features has 1" },
        { "data: { inline: { features: [[.nan]], targets: [[0]] } }",
            "r.yaml:1:31: key 'data.inline.features[0][0]' is .nan; allowed: a finite number" },
        { "data: { inline: { features: [[1e39]], targets: [[0]] } }", "is 1e39; allowed: a finite number that fits a 32-bit float" },
        { "data: { inline: { features: [[a]], targets: [[0]] } }", "is 'a'; allowed: a finite number" },
        { "data: { inline: { features: [[1]], targets: [[0.5]] } }", "has [0.5] in row 0; allowed for classification: one class index" },
        { "data: { inline: { features: [[1]], targets: [[1, 0]] } }", "has [1, 0] in row 0; allowed for classification: one class index" },
        // Columns of words and derived features.
        { "data: { csv: { file: f, target: a, categorical: [a] } }", "key 'data.csv.categorical' names the target 'a'" },
        { "data: { csv: { file: f, target: a, features: [b], categorical: [c] } }", "names 'c', which is not among the features" },
        { "data: { csv: { file: f, target: a, sep: x } }", "key 'data.csv.sep' is unknown here; did you mean 'data.delimiter'?" },
        { "data: { csv: { file: f, target: a }, delimiter: ab }",
            "key 'data.delimiter' is 'ab'; allowed: comma, semicolon, tab, pipe, space, or one other character" },
        { "data: { csv: { file: f, target: a }, delimiter: a }", "key 'data.delimiter' is 'a'; allowed: comma" },
        { "data: { csv: { file: f, target: a }, decimal: x }", "key 'data.decimal' is 'x'; allowed: \",\" and \".\", in quotes" },
        { "data: { csv: { file: f, target: a }, missing: NA }", "key 'data.missing' is 'NA'; allowed: a list" },
        { "data: { csv: { file: f, target: a }, impute: { b: medain } }",
            "key 'data.impute.b.kind' is 'medain'; did you mean 'median'? Allowed: mean, median, constant" },
        { "data: { csv: { file: f, target: a }, impute: { b: category } }",
            "is 'category', and the column holds numbers (csv.categorical does not name it); allowed: mean, median, constant" },
        { "data: { csv: { file: f, target: a, categorical: [b] }, impute: { b: mean } }",
            "is 'mean', and the column is categorical; allowed: constant, category, most-frequent" },
        { "data: { csv: { file: f, target: a }, impute: { b: constant } }", "key 'data.impute.b.value' is missing" },
        { "data: { csv: { file: f, target: a }, impute: { b: { kind: mean, value: 1 } } }",
            "key 'data.impute.b.value' has no meaning for kind 'mean'; remove it." },
        { "data: { csv: { file: f, target: a }, impute: { b: { kind: constant, value: 1e39 } } }",
            "key 'data.impute.b.value' is 1e39, out of range; allowed: a number that fits a 32-bit float" },
        { "data: { csv: { file: f, target: a }, impute: { a: mean } }", "key 'data.impute.a' is a target, and targets are never filled in" },
        { "data: { csv: { file: f, target: a }, impute: mean }",
            "key 'data.impute' is 'mean'; allowed: a policy for each column, such as { age: median, city: category }" },
        { "data: { csv: { file: f, target: a, categorical: [city] }, unseen: { citty: own-code } }",
            "key 'data.unseen.citty' is not a categorical column; did you mean 'city'?" },
        { "data: { set: digits, impute: { a: mean } }", "key 'data.impute' is about the columns of a CSV file" },
        { "data: { set: digits, decimal: ',' }",
            "key 'data.decimal' is about the columns of a CSV file, but the source is not a CSV file; remove it" },
        { "data: { csv: { file: f, target: a, one_hot: [b] } }", "did you mean 'categorical'?" },
        { "data: { csv: { file: f, target: a, derive: [{ name: r, ratio: [a, b] }] } }", "computes 'r' from 'a', which is a target" },
        { "data: { csv: { file: f, target: a, categorical: [b], derive: [{ name: r, cross: [b, c] }] } }", "from 'b', which is categorical" },
        { "data: { csv: { file: f, target: a, features: [b], derive: [{ name: r, ratio: [b, c] }] } }",
            "computes 'r', which is not among the features" },
        { "data: { csv: { file: f, target: a, header: false, columns: [a, rooms], derive: [{ name: r, ratio: [room, rooms] }] } }",
            "needs column 'room' for 'r', which does not exist; did you mean 'rooms'?" },
        { "data: { csv: { file: f, target: a, header: false, columns: [a, b], derive: [{ name: b, ratio: [b, b] }] } }", "like a column" },
        { "data: { csv: { file: f, target: a, derive: [{ name: r, ratio: [b] }] } }",
            "r.yaml:1:63: key 'data.csv.derive[0].ratio' has 1 columns; allowed: two" },
        { "data: { csv: { file: f, target: a, derive: [{ name: r }] } }",
            "key 'data.csv.derive[0]' needs exactly one rule of ratio, cross (ratio: [a, b] is a / b, cross: [a, b] is a times b); none is given" },
        { "data: { csv: { file: f, target: a, derive: [{ ratio: [b, c] }] } }", "key 'data.csv.derive[0].name' is missing" },
        { "data: { csv: { file: f, target: a, derive: [{ name: r, ratio: [b, c] }, { name: r, cross: [b, c] }] } }",
            "which another derived feature has" },
        { "data: { inline: { features: [[1]], targets: [[0]], derive: [{ name: r, cross: [x1, x2] }] } }", "needs column 'x2' for 'r'" },
        { "data: { inline: { features: [[1]], targets: [[0]], columns: [a, b] } }", "has 2 names, but a row has 1 features" },
        // Prepared files, scaled targets, class weights.
        { "data: { prepared: f, scale: 1/255 }", "r.yaml:1:29: key 'data.scale' has no effect on a prepared file" },
        { "data: { prepared: f, validation: 0.1, standardise: true }", "key 'data.standardise' has no effect on a prepared file" },
        { "data: { prepared: f, class_weights: balanced }", "key 'data.class_weights' has no effect on a prepared file" },
        { "data: { set: digits, target_scale: 0.1 }", "key 'data.target_scale' has no meaning for classification" },
        { "data: { set: digits, target_scale: -1 }", "key 'data.target_scale' is -1, out of range" },
        { "data: { set: digits, task: regression, class_weights: balanced }", "key 'data.class_weights' has no meaning for regression" },
        { "data: { set: digits, class_weights: equal }", "key 'data.class_weights' is 'equal'; allowed: balanced, none, or a weight for each class" },
        { "data: { set: digits, class_weights: { a: 0 } }", "r.yaml:1:42: key 'data.class_weights.a' is 0, out of range" },
    };

    /// <summary>What replaces the layers and the loss of the shortest recipe (lines 2 and 3), and the message.</summary>
    public static TheoryData<string, string> LayerLines => new()
    {
        { "loss: squared-error", "key 'layers' is missing" },
        { "layers: [{ units: 1 }]", "r.yaml:1:1: key 'loss' is missing" },
        { "layers: []\nloss: squared-error", "r.yaml:2:9: key 'layers' has 0 layers; allowed: 1 to 1000" },
        { "layers: { units: 1 }\nloss: squared-error", "key 'layers' is a group of keys; allowed: a list" },
        { "layers: [5]\nloss: squared-error", "r.yaml:2:10: key 'layers[0]' is 5; allowed: a group of keys" },
        { "layers: [{ units: 0 }]\nloss: squared-error", "key 'layers[0].units' is 0, out of range; allowed: a whole number from 1 to 1000000" },
        { "layers: [{ hidden: 5 }]\nloss: squared-error", "key 'layers[0].hidden' is unknown; did you mean 'units'?" },
        { "layers: [{ units: 1, initializer: he }]\nloss: squared-error", "did you mean 'weights'?" },
        { "layers: [{ units: 1, activation: relu, slope: 0.1 }]\nloss: squared-error", "'layers[0].slope' has no meaning for activation 'relu'" },
        { "layers: [{ units: 1, activation: leaky-relu, slope: 2 }]\nloss: squared-error", "'layers[0].slope' is 2, out of range" },
        { "layers: [{ units: 1, dropout: 0.5 }]\nloss: squared-error",
            "r.yaml:2:31: key 'layers[0].dropout' is on the last layer, whose outputs are the network's; remove it" },
        { "layers: [{ units: 1, dropout: 1 }, { units: 1 }]\nloss: squared-error",
            "key 'layers[0].dropout' is 1, out of range; allowed: a number from 0 to below 1" },
        { "layers: [{ units: 1, dropout_rate: 0.5 }, { units: 1 }]\nloss: squared-error", "did you mean 'dropout'?" },
        { "layers: [{ units: 1, dropout: 0.5 }, { units: 1 }]\nloss: squared-error\nbatch: full\noptimiser: lbfgs",
            "key 'layers' has dropout, which changes the loss from step to step" },
        { "layers: [{ units: 1, weights: given }]\nloss: squared-error", "key 'layers[0].weights.values' is missing" },
        { "layers: [{ units: 1, weights: { scale: 1 } }]\nloss: squared-error", "key 'layers[0].weights.kind' is missing" },
        { "layers: [{ units: 1, weights: { kind: he, scale: 1 } }]\nloss: squared-error", "no meaning for initialiser kind 'he'" },
        { "layers: [{ units: 1, weights: { kind: gaussian, std: 1 } }]\nloss: squared-error", "did you mean 'scale'?" },
        { "layers: [{ units: 1, weights: { kind: gaussian, scale: 0 } }]\nloss: squared-error", "'layers[0].weights.scale' is 0, out of range" },
        { "layers: [{ units: 1, biases: he }]\nloss: squared-error", "needs a number of inputs, and a bias has none" },
        { "layers: [{ units: 2, weights: { kind: given, values: [[1, 2], [1]] } }]\nloss: squared-error",
            "has 1 numbers in row 1, but the layer has 2 units" },
        { "layers: [{ units: 3 }, { units: 1, weights: { kind: given, values: [[1], [2]] } }]\nloss: squared-error",
            "r.yaml:2:68: key 'layers[1].weights.values' has 2 rows, but the layer has 3 inputs" },
        { "layers: [{ units: 2, biases: { kind: given, values: [1] } }]\nloss: squared-error", "has 1 numbers, but the layer has 2 units" },
        { "layers: [{ units: 2, biases: { kind: given, values: 1 } }]\nloss: squared-error", "is 1; allowed: a list of numbers" },
        { "layers: [{ units: 100000 }, { units: 100000 }]\nloss: squared-error",
            "r.yaml:2:38: key 'layers[1].units' is 100000: with it the layers have 10000200000 weights and biases; at most 250000000" },
        { "layers: [{ units: 2, activation: softmax }, { units: 1 }]\nloss: squared-error",
            "r.yaml:2:34: key 'layers[0].activation' is 'softmax', which only the last layer can have" },
        { "layers: [{ units: 2, activation: softmax }]\nloss: binary-cross-entropy",
            "r.yaml:3:7: key 'loss' is 'binary-cross-entropy', but the last layer's activation is 'softmax'; use activation: sigmoid, or "
            + "loss: categorical-cross-entropy with softmax" },
        { "layers: [{ units: 2, activation: relu }]\nloss: binary-cross-entropy", "the last layer's activation is 'relu'; use activation: sigmoid" },
        { "layers: [{ units: 2, activation: tanh }]\nloss: categorical-cross-entropy", "takes the logarithm of the outputs" },
        { "layers: [{ units: 1, activation: softmax }]\nloss: categorical-cross-entropy", "end in a softmax of one unit, whose output is always 1" },
        { "layers: [{ units: 1, activation: sigmoid }]\nloss: categorical-cross-entropy", "never sees the second class at a single unit" },
    };

    /// <summary>Whole texts that are no recipe, and the message.</summary>
    public static TheoryData<string, string> Texts => new()
    {
        { "", "r.yaml: the recipe is empty" },
        { "# only a comment\n", "r.yaml: the recipe is empty" },
        { "just words", "r.yaml:1:1: the recipe is 'just words'; it must be keys with values" },
        { "[a, b]", "r.yaml:1:1: the recipe is a list" },
        { "a: 1\n---\nb: 2\n", "r.yaml:2:1: a second document begins" },
        { "a: &x 1\nb: *x\n", "r.yaml:1:4: anchor '&x'; recipes have no anchors and aliases" },
        { "a: *x\n", "r.yaml:1:4: alias '*x'; recipes have no aliases" },
        { "a: !!str 1\n", "r.yaml:1:4: tag 'tag:yaml.org,2002:str'; recipes have no tags" },
        { "a: [1\nb: 2\n", "r.yaml:1:4: this is not valid YAML: '[' is not closed by ']', or a comma is missing, up to r.yaml:2:1" },
        { "a: [1,\n", "r.yaml:1:4: this is not valid YAML: '[' is not closed by ']'" },
        { "data: { set: digits\nlayers:\n  - { units: 10 }\nloss: x\n",
            "r.yaml:1:7: this is not valid YAML: '{' is not closed by '}', or a comma is missing, up to" },
        { "layers:\n  - { units: 10, activation: relu\n  - { units: 1 }\n", "r.yaml:2:5: this is not valid YAML: '{' is not closed by '}'" },
        { "a:\n\t- b\n", "r.yaml:2:1: this is not valid YAML: a tab; indent with spaces" },
        { "a: 1\n  b: 2\n", "r.yaml:2:4: this is not valid YAML: " },
        { "a: { b: 1 } }\nc: 2\n", "r.yaml:1:13: this is not valid YAML: " },
        { "a: [1]\nb: [2\nc: 3\n", "r.yaml:2:4: this is not valid YAML: '[' is not closed by ']', or a comma is missing, up to r.yaml:3:1" },
        { "a: b: c\n", "r.yaml:1:5: this is not valid YAML: " },
        { "a: 'b\n", "r.yaml:1:4: this is not valid YAML: " },
        { "a: 1\nloss\0: b\n", "r.yaml:2:5: control character U+0000" },
        { "a: " + new string('[', 50) + new string(']', 50), "nested more than 16 deep" },
    };

    [Theory]
    [MemberData(nameof(AddedLines))]
    public void A_wrong_line_is_named(string lines, string expected) => Tells($"{RecipeTexts.Short}\n{lines}\n", expected);

    [Theory]
    [MemberData(nameof(DataLines))]
    public void Wrong_data_are_named(string line, string expected) => Tells($$"""
        {{line}}
        layers: [{ units: 10, activation: softmax }]
        loss: categorical-cross-entropy
        """, expected);

    [Theory]
    [MemberData(nameof(LayerLines))]
    public void Wrong_layers_are_named(string lines, string expected) => Tells($$"""
        data: { set: digits }
        {{lines}}
        """, expected);

    [Theory]
    [MemberData(nameof(Texts))]
    public void A_text_that_is_no_recipe_is_named(string text, string expected) => Tells(text, expected);

    [Fact]
    public void Accuracy_cannot_stop_a_regression() => Tells("""
        data: { csv: { file: housing.csv, target: price }, task: regression, validation: 0.1 }
        layers: [{ units: 1 }]
        loss: mean-squared-error
        early_stopping: { metric: val_acc }
        """, "r.yaml:4:17: key 'early_stopping' watches val_acc, which regression does not have");

    [Fact]
    public void Given_weights_must_fit_rows_written_in_the_recipe() => Tells("""
        data: { inline: { features: [[1, 2, 3]], targets: [[0]] } }
        layers: [{ units: 1, weights: { kind: given, values: [[1], [2]] } }]
        loss: squared-error
        """, "key 'layers[0].weights.values' has 2 rows, but the layer has 3 inputs");

    /// <summary>A text cut anywhere is a recipe or a mistake, never a failure of the program.</summary>
    [Fact]
    public void A_recipe_cut_or_damaged_anywhere_is_read_or_refused()
    {
        const string Damages = "\0\n:{[&*!\"é\uD800";
        var refused = 0;
        for (var i = 0; i < RecipeTexts.Full.Length; i++)
        {
            refused += IsRefused(RecipeTexts.Full[..i]);
            refused += IsRefused(string.Concat(RecipeTexts.Full.AsSpan(0, i), [Damages[i % Damages.Length]], RecipeTexts.Full.AsSpan(i + 1)));
        }

        Assert.InRange(refused, RecipeTexts.Full.Length, RecipeTexts.Full.Length * 2);

        static int IsRefused(string text)
        {
            try
            {
                RecipeTexts.Parse(text);
                return 0;
            }
            catch (RecipeException)
            {
                return 1;
            }
        }
    }

    private static void Tells(string yaml, string expected)
    {
        var error = Assert.Throws<RecipeException>(() => RecipeTexts.Parse(yaml));
        Assert.Single(error.Problems, problem => problem.Contains(expected, StringComparison.Ordinal));
        Assert.All(error.Problems, problem => Assert.StartsWith("r.yaml:", problem, StringComparison.Ordinal));
    }
}
