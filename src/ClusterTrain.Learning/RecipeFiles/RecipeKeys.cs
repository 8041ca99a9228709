using System.Collections.Immutable;
using ClusterTrain.Learning.Recipes;
using static ClusterTrain.Learning.RecipeFiles.RecipeForms;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>
/// The keys of a recipe, one row each. From them follow reading, messages, the recipe in full, docs/recipe.md and its JSON
/// Schema.
/// </summary>
internal static class RecipeKeys
{
    private static readonly RecipeForm<double> s_decay = Number(0, 1, "a number from 0 to below 1", x => x >= 0 && (float)x < 1);

    public static readonly RecipeTable<EarlyStoppingRecipe> EarlyStopping = new RecipeTable<EarlyStoppingRecipe>(
        new(), "Ends a run when a figure on the validation rows stops improving; it needs `data.validation`. Without it all "
            + "epochs are run.")
        .Key("metric", Word(RecipeWords.Metric), s => s.Metric, (s, v) => s with { Metric = v },
            "The figure watched.", "val_loss", "monitor", always: true)
        .Key("patience", Whole(1, RecipeLimits.Epochs), s => s.Patience, (s, v) => s with { Patience = v },
            "Epochs without improvement before the run ends.", "5", always: true)
        .Key("least", Number(0, 1e6), s => s.Least, (s, v) => s with { Least = v },
            "An improvement smaller than this does not count.", "1e-4", "mindelta tolerance tol", always: true)
        .Key("restore_best", Flag, s => s.RestoreBest, (s, v) => s with { RestoreBest = v },
            "True: the result is the weights of the best epoch. False: those of the last.", "true", "restorebestweights keepbest",
            always: true);

    public static readonly RecipeTable<StartRecipe> Start = new RecipeTable<StartRecipe>(
        new() { File = "", Sha256 = "" },
        "A safetensors file of weights to begin with, instead of what the layers say: tensors named `layers.0.weight`, "
        + "`layers.0.bias` and so on.")
    {
        Short = "file",
    }
        .Key("file", Text, s => s.File, (s, v) => s with { File = v },
            "The file; it is looked for beside the recipe, then where data are.", "weights.safetensors", "path", always: true,
            required: _ => true)
        .Key("sha256",
            TextOf(
                "64 hexadecimal digits, 0 to 9 and a to f", text => text.Length == 64 && text.All(char.IsAsciiHexDigitLower),
                "^[0-9a-f]{64}$",
                digits => new(default, digits, IsPlain: false)),
            s => s.Sha256, (s, v) => s with { Sha256 = v },
            "SHA-256 of the file. The recipe in a run folder has it; where it is left out it is computed as the recipe is read.",
            "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"", "sha hash checksum digest")
        .Key("transposed", Flag, s => s.Transposed, (s, v) => s with { Transposed = v },
            "True: the weights are stored as (units, inputs), as PyTorch does. False: (inputs, units).", "true", "transpose",
            always: true);

    // The usual factor of a step, 0.1, would end an exponential curve within a few epochs: there it must be written.
    public static readonly RecipeTable<ScheduleRecipe> Schedule = new RecipeTable<ScheduleRecipe>(
        new(), "How the learning rate changes over the run.")
    {
        Short = "kind",
        Decider = ("kind", "schedule kind"),
    }
        .Key("kind", Word(RecipeWords.Schedule), s => s.Kind, (s, v) => s with { Kind = v },
            "The curve after the warm-up.", "cosine", "type method algorithm", always: true)
        .Key("warm_up_epochs", Number(0, RecipeLimits.Epochs), s => s.WarmUpEpochs, (s, v) => s with { WarmUpEpochs = v },
            "Epochs in which the rate grows from 0, in a line; parts of an epoch are allowed. Shorter than the run.", "0.5",
            "warmup warmupsteps",
            always: true)
        .Key("factor", Number(1e-30, 10), s => s.Factor, (s, v) => s with { Factor = v },
            "What the rate is multiplied by: every `every_epochs` (step), or each epoch (exponential).", "0.5",
            "gamma decayrate droprate",
            always: true, when: s => s.Kind is ScheduleKind.Step or ScheduleKind.Exponential,
            required: s => s.Kind == ScheduleKind.Exponential)
        .Key("every_epochs", Number(0.001, RecipeLimits.Epochs), s => s.EveryEpochs, (s, v) => s with { EveryEpochs = v },
            "Epochs between two steps.", "5", "stepsize every drop", always: true, when: s => s.Kind == ScheduleKind.Step)
        .Key("final", Number(0, 1), s => s.Final, (s, v) => s with { Final = v },
            "The share of the rate that is left at the end of the run.", "0.01", "etamin minlr last", always: true,
            when: s => s.Kind == ScheduleKind.Cosine);

    // Rules that scale each gradient by its own size usually take far smaller rates.
    public static readonly RecipeTable<OptimiserRecipe> Optimiser = new RecipeTable<OptimiserRecipe>(
        new(), "How a gradient becomes a change of the weights.")
    {
        Short = "kind",
        Decider = ("kind", "optimiser kind"),
    }
        .Key("kind", Word(RecipeWords.Optimiser), o => o.Kind, (o, v) => o with { Kind = v },
            "The update rule; w is a weight, g its gradient.", "adam", "type method algorithm", always: true)
        .Key("rate", Number(1e-30, 1e6), o => o.Rate, (o, v) => o with { Rate = v },
            "The learning rate; the schedule multiplies it.", "0.05", "learningrate lr alpha eta stepsize", always: true,
            when: o => o.Kind != OptimiserKind.Lbfgs,
            usual: o => o.Kind switch
            {
                OptimiserKind.Adam or OptimiserKind.AdamW or OptimiserKind.RmsProp => 0.001,
                OptimiserKind.Adagrad => 0.01,
                _ => 0.1,
            })
        .Key("momentum", s_decay, o => o.Momentum, (o, v) => o with { Momentum = v },
            "The share of the last step that is kept.", "0.95", always: true,
            when: o => o.Kind is OptimiserKind.Momentum or OptimiserKind.Nesterov)
        .Key("beta1", s_decay, o => o.Beta1, (o, v) => o with { Beta1 = v },
            "Decay of the mean of the gradients.", "0.9", "b1", always: true,
                when: o => o.Kind is OptimiserKind.Adam or OptimiserKind.AdamW)
        .Key("beta2", s_decay, o => o.Beta2, (o, v) => o with { Beta2 = v },
            "Decay of the mean of the squared gradients.", "0.99", "b2 rho", always: true,
            when: o => o.Kind is OptimiserKind.Adam or OptimiserKind.AdamW or OptimiserKind.RmsProp,
            usual: o => o.Kind == OptimiserKind.RmsProp ? 0.9 : 0.999)
        .Key("epsilon", Number(1e-30, 1), o => o.Epsilon, (o, v) => o with { Epsilon = v },
            "Added to the denominator.", "1e-7", "eps", always: true,
            when: o => o.Kind is OptimiserKind.Adam or OptimiserKind.AdamW or OptimiserKind.RmsProp or OptimiserKind.Adagrad)
        .Key("weight_decay", Number(0, 1e6), o => o.WeightDecay, (o, v) => o with { WeightDecay = v },
            "Decoupled weight decay: w ← w - rate · weight_decay · w besides.", "0.1", "decay wd", always: true,
            when: o => o.Kind == OptimiserKind.AdamW)
        .Key("memory", Whole(1, RecipeLimits.Memory), o => o.Memory, (o, v) => o with { Memory = v },
            "Steps that are remembered.", "20", "history historysize corrections", always: true,
                when: o => o.Kind == OptimiserKind.Lbfgs)
        .Key("tolerance", Number(0, 1), o => o.Tolerance, (o, v) => o with { Tolerance = v },
            "The run is done when no derivative of the loss is larger than this.", "1e-6",
            "tol gtol pgtol tolerancegrad gradienttolerance",
            always: true, when: o => o.Kind == OptimiserKind.Lbfgs);

    public static readonly RecipeTable<LayerRecipe> Layer = new RecipeTable<LayerRecipe>(
        new() { Units = 0 }, "A dense layer: output = activation(input · weight + bias). Without its `activation` it is linear.")
    {
        Decider = ("activation", "activation"),
    }
        .Key("units", Whole(1, RecipeLimits.Units), l => l.Units, (l, v) => l with { Units = v },
            "Outputs. Of the last layer: one for each class, or for each target of a regression.", "64",
            "hidden neurons size nodes outputs width", always: true, required: _ => true)
        .Key("activation", Word(RecipeWords.Activation), l => l.Activation, (l, v) => l with { Activation = v },
            "Applied to each output, softmax to all outputs of a row.", "relu", "act function nonlinearity", always: true)
        .Key("slope", Number(0, 1), l => l.Slope, (l, v) => l with { Slope = v },
            "The slope below zero.", "0.1", "negativeslope", always: true, when: l => l.Activation == ActivationKind.LeakyRelu)
        .Key("dropout", s_decay, l => l.Dropout, (l, v) => l with { Dropout = v },
            "Probability that an output is dropped in a step of training; the others are divided by 1 - dropout. Not on the last "
            + "layer.", "0.5",
            "dropoutrate droprate dropprob dropoutprob dropoutp")
        .Key("weights", l => new PartForm<InitialiserRecipe>(Weights(l.Units)), l => l.Weights, (l, v) => l with { Weights = v },
            "Start values of the weights (inputs, units).", "{ kind: gaussian, scale: 0.1 }",
            "initializer initialiser init weightinit kernelinitializer weight initialization", always: true,
            usual: l => new()
            {
                Kind = l.Activation is ActivationKind.Relu or ActivationKind.LeakyRelu
                    ? InitialiserKind.He
                    : InitialiserKind.Xavier,
            })
        .Key("biases", l => new PartForm<InitialiserRecipe>(Biases(l.Units)).Or("none", null!), l => l.Biases!,
            (l, v) => l with { Biases = v },
            "Start values of the biases (units); `none`: the layer has no biases.", "none",
            "bias usebias biasinit biasinitializer", always: true);

    public static readonly RecipeTable<Recipe> Recipe = new RecipeTable<Recipe>(
        new() { Name = "", Data = DataKeys.Data.Blank, Layers = [], Loss = LossKind.SquaredError },
            "Everything that a run depends on.")
        .Key("name",
            TextOf(
                $"letters, digits, '-' and '_', a letter or digit first, at most {RecipeLimits.NameCharacters}",
                name => name.Length <= RecipeLimits.NameCharacters && char.IsAsciiLetterOrDigit(name[0])
                    && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'),
                $"^[A-Za-z0-9][A-Za-z0-9_-]{{0,{RecipeLimits.NameCharacters - 1}}}$"),
            r => r.Name, (r, v) => r with { Name = v },
                "Name of the run, and of its folder. Without it, that of the recipe's file.", "houses", always: true)
        .Key("seed", Whole(0ul, ulong.MaxValue), r => r.Seed, (r, v) => r with { Seed = v },
            "Decides every random choice: start values, splits, the order of the rows, dropout.", "7",
            "randomseed randomstate rng", always: true)
        .Key("data", new PartForm<DataRecipe>(DataKeys.Data) { IsBlock = true }, r => r.Data, (r, v) => r with { Data = v },
            "The rows, and how they are prepared.", "{ set: digits, validation: 0.1 }", "dataset source input", always: true,
            required: _ => true)
        .Key("layers",
            new ListForm<LayerRecipe>(new PartForm<LayerRecipe>(Layer), "a list, [a, b, ...]") { IsBlock = true }
                .Where(all => all.Length is > 0 and <= RecipeLimits.Layers ? null
                    : $"has {all.Length} layers; allowed: 1 to {RecipeLimits.Layers}"),
            r => r.Layers, (r, v) => r with { Layers = v }, "The layers, first to last.",
            "[{ units: 32, activation: relu }, { units: 10, activation: softmax }]", "network model hiddenlayers architecture",
            always: true, required: _ => true)
        .Key("loss", Word(RecipeWords.Loss), r => r.Loss, (r, v) => r with { Loss = v },
            "What is minimised, as a mean over the rows of a batch; y is an output, t its target.", "categorical-cross-entropy",
            "cost objective criterion lossfunction", always: true, required: _ => true)
        .Key("optimiser", new PartForm<OptimiserRecipe>(Optimiser), r => r.Optimiser, (r, v) => r with { Optimiser = v },
            "How a gradient becomes a change of the weights.", "{ kind: adam, rate: 0.003 }", "optimizer optim solver",
            always: true)
        .Key("schedule", new PartForm<ScheduleRecipe>(Schedule), r => r.Schedule, (r, v) => r with { Schedule = v },
            "How the learning rate changes over the run.", "{ kind: cosine, warm_up_epochs: 1 }",
            "scheduler lrschedule lrscheduler ratedecay learningrateschedule", always: true)
        .Key("l2", Number(0, 1e6), r => r.L2, (r, v) => r with { L2 = v },
            "λ: λ/2 times the sum of the squared weights (not biases) is added to the loss.", "1e-4",
            "weightdecay lambda regularization regularisation l2reg ridge", always: true)
        .Key("clip_norm", OrNone(Number(1e-30, 1e30)), r => r.ClipNorm, (r, v) => r with { ClipNorm = v },
            "The largest norm of a gradient; longer ones are scaled down to it.", "5",
            "clip gradclip maxgradnorm clipping gradientclipping", always: true)
        .Key("batch", Perhaps(Whole(1, RecipeLimits.BatchRows)).Or("full", null), r => r.BatchRows,
            (r, v) => r with { BatchRows = v },
            "Rows of a step; `full`: all training rows.", "64", "batchsize minibatch minibatchsize batchrows bs", always: true)
        .Key("leaf", Whole(1, RecipeLimits.LeafRows), r => r.LeafRows, (r, v) => r with { LeafRows = v },
            "Rows of a leaf, the unit of arithmetic. Another value gives other bits; another number of workers never does.", "32",
            "leafrows leafsize", always: true)
        .Key("gradient_precision", Word(RecipeWords.GradientPrecision), r => r.GradientPrecision, (r, v) => r with { GradientPrecision = v },
            "What the gradient of each leaf, and each sum of two, is rounded to. With `bfloat16`, leaves of 64 rows or more cost less time.",
            "bfloat16", "precision gradientdtype dtype mixedprecision amp bf16")
        .Key("epochs", Whole(1, RecipeLimits.Epochs), r => r.Epochs, (r, v) => r with { Epochs = v },
            "Passes over the training rows.", "20", "epoch nepochs maxiter iterations numepochs maxepochs", always: true)
        .Key("early_stopping", new PartForm<EarlyStoppingRecipe>(EarlyStopping).Or("none", null!), r => r.EarlyStopping!,
            (r, v) => r with { EarlyStopping = v },
            "Ends the run when the validation rows no longer improve.", "{ patience: 5 }", "earlystop stopping", always: true)
        .Key("start", new PartForm<StartRecipe>(Start).Or("none", null!), r => r.Start!, (r, v) => r with { Start = v },
            "A file of weights to begin with.", "weights.safetensors",
            "startweights initialweights pretrained checkpoint resume warmstart load")
        .Rule(RecipeRules.Check);

    // Start values of a layer's weights, of so many units; 0: of how many is not known.
    private static RecipeTable<InitialiserRecipe> Weights(int units) => Initialiser(
        "Start values of weights.",
        Word(RecipeWords.Initialiser),
        new ListForm<ImmutableArray<float>>(Floats, "a list, [a, b, ...]").Where(rows => WrongRow(rows, units)).As(
            rows => rows.SelectMany(row => row).ToImmutableArray(),
            values => values.Chunk(Math.Max(units, 1)).Select(row => row.ToImmutableArray()).ToImmutableArray()),
        "[[0.15, 0.25], [0.2, 0.3]]");

    private static RecipeTable<InitialiserRecipe> Biases(int units) => Initialiser(
        "Start values of biases.",
        Word(
            RecipeWords.Initialiser,
            [InitialiserKind.Zeros, InitialiserKind.Gaussian, InitialiserKind.Uniform, InitialiserKind.Given],
            "which needs a number of inputs, and a bias has none",
            ", or none for no bias"),
        Floats.Where(values => units == 0 || values.Length == units
            ? null
            : $"has {values.Length} numbers, but the layer has {units} units; write one number per unit"),
        "[0.1, 0]");

    private static RecipeTable<InitialiserRecipe> Initialiser(
        string about, RecipeForm<InitialiserKind> kinds, RecipeForm<ImmutableArray<float>> values, string example) =>
        new RecipeTable<InitialiserRecipe>(new() { Kind = InitialiserKind.Zeros }, about)
        {
            Short = "kind",
            Decider = ("kind", "initialiser kind"),
        }
        .Key("kind", kinds, i => i.Kind, (i, v) => i with { Kind = v }, "The rule.", "gaussian", "type method algorithm",
            always: true, required: _ => true)
        .Key("scale", Number(1e-30, 1e6), i => i.Scale, (i, v) => i with { Scale = v },
            "Standard deviation (gaussian), or half the width (uniform).", "0.1", "std stddev sigma deviation gain", always: true,
            when: i => i.Kind is InitialiserKind.Gaussian or InitialiserKind.Uniform)
        .Key("values", values, i => i.Values, (i, v) => i with { Values = v },
            "The numbers: a list of one per unit, for weights such a list per input.", example, always: true,
            when: i => i.Kind == InitialiserKind.Given, required: _ => true);

    private static string? WrongRow(ImmutableArray<ImmutableArray<float>> rows, int units)
    {
        if (rows.IsEmpty)
        {
            return "is empty; allowed: one list per input, each with one number per unit";
        }

        var wrong = units == 0 ? -1 : rows.ToList().FindIndex(row => row.Length != units);
        return wrong < 0
            ? null
            : $"has {rows[wrong].Length} numbers in row {wrong}, but the layer has {units} units; write one number per unit";
    }
}
