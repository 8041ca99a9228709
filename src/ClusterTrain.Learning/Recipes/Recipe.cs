using System.Collections.Immutable;

namespace ClusterTrain.Learning.Recipes;

/// <summary>
/// Everything a training run depends on. Two runs of one recipe on the same data give the same weights to the last bit,
/// whatever computes them.
/// </summary>
public sealed record Recipe
{
    /// <summary>
    /// For the path of a key, such as <c>layers[0].units</c>, where its value was written; null: the recipe was not read. For
    /// messages
    /// about what shows only with the data.
    /// </summary>
    internal Func<string, string>? PlaceOf { get; init; }

    /// <summary>Short name, used for the run folder: letters, digits, '-' and '_'.</summary>
    public required string Name { get; init; }

    /// <summary>Seed of every random choice: start weights, splits, the order of the rows.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Where the rows come from and how they are prepared.</summary>
    public required DataRecipe Data { get; init; }

    /// <summary>Dense layers, first to last; at least one.</summary>
    public required ImmutableArray<LayerRecipe> Layers { get; init; }

    /// <summary>What is minimised, as a mean over the rows of a batch.</summary>
    public required LossKind Loss { get; init; }

    /// <summary>How a gradient becomes a change of the weights.</summary>
    public OptimiserRecipe Optimiser { get; init; } = new();

    /// <summary>How the learning rate changes over the run.</summary>
    public ScheduleRecipe Schedule { get; init; } = new();

    /// <summary>L2 factor λ: λ/2 times the sum of squared weights (not biases) is added to the loss of every batch.</summary>
    public double L2 { get; init; }

    /// <summary>Upper bound of the gradient's global norm; longer gradients are scaled down to it. Null: none.</summary>
    public double? ClipNorm { get; init; }

    /// <summary>Rows of a global batch; null: all training rows (full-batch descent).</summary>
    public int? BatchRows { get; init; } = 128;

    /// <summary>
    /// Rows of a leaf, the unit of arithmetic. Changing it changes the bits; changing the worker count never does.
    /// </summary>
    public int LeafRows { get; init; } = 16;

    /// <summary>What the gradient of each leaf, and each sum of two nodes of the tree, is rounded to.</summary>
    public GradientPrecision GradientPrecision { get; init; }

    /// <summary>Number of passes over the training rows, at least 1.</summary>
    public int Epochs { get; init; } = 10;

    /// <summary>Ends the run early when a validation figure stops improving; null: never.</summary>
    public EarlyStoppingRecipe? EarlyStopping { get; init; }

    /// <summary>A file of weights to begin with, instead of what the layers' initialisers say; null: none.</summary>
    public StartRecipe? Start { get; init; }
}

/// <summary>What sums of gradients are rounded to. It decides how many bytes they take between machines, and it changes the bits.</summary>
public enum GradientPrecision
{
    /// <summary>Float, 24 bits of mantissa: they are as they were computed.</summary>
    Float32,

    /// <summary>bfloat16, 8 bits of mantissa: half the bytes.</summary>
    BFloat16,
}

/// <summary>
/// A safetensors file of start values: tensors named <c>layers.0.weight</c>, <c>layers.0.bias</c> and so on, one for each of the
/// network's.
/// </summary>
public sealed record StartRecipe
{
    /// <summary>The file.</summary>
    public required string File { get; init; }

    /// <summary>
    /// SHA-256 of its bytes, 64 lower-case hexadecimal digits: a recipe stands for certain values, not for what a file holds some
    /// day.
    /// </summary>
    public required string Sha256 { get; init; }

    /// <summary>True when its weights are stored as (units, inputs), as PyTorch does; false: (inputs, units).</summary>
    public bool Transposed { get; init; }
}

/// <summary>One dense layer: output = activation(input · weight + bias).</summary>
public sealed record LayerRecipe
{
    /// <summary>Number of outputs, at least 1.</summary>
    public required int Units { get; init; }

    /// <summary>Applied to each output; softmax to each row.</summary>
    public ActivationKind Activation { get; init; } = ActivationKind.Identity;

    /// <summary>Slope of <see cref="ActivationKind.LeakyRelu"/> below zero.</summary>
    public double Slope { get; init; } = 0.01;

    /// <summary>
    /// Probability, in [0, 1), that an output is dropped in a step of training; the others are divided by 1 - dropout. 0 on the
    /// last layer.
    /// </summary>
    public double Dropout { get; init; }

    /// <summary>Start values of the weight (inputs, units).</summary>
    public InitialiserRecipe Weights { get; init; } = new();

    /// <summary>Start values of the bias (units); null: the layer has no bias.</summary>
    public InitialiserRecipe? Biases { get; init; } = new() { Kind = InitialiserKind.Zeros };
}

/// <summary>The activations of a layer.</summary>
public enum ActivationKind
{
    /// <summary>y = x.</summary>
    Identity,

    /// <summary>y = 1 / (1 + exp(-x)).</summary>
    Sigmoid,

    /// <summary>y = tanh(x).</summary>
    Tanh,

    /// <summary>y = max(x, 0).</summary>
    Relu,

    /// <summary>y = x above zero, slope · x below.</summary>
    LeakyRelu,

    /// <summary>y_j = exp(x_j) / sum over the row of exp(x); on the last layer only.</summary>
    Softmax,
}

/// <summary>Start values of a tensor.</summary>
public sealed record InitialiserRecipe
{
    /// <summary>The rule.</summary>
    public InitialiserKind Kind { get; init; } = InitialiserKind.Xavier;

    /// <summary>
    /// Standard deviation of <see cref="InitialiserKind.Gaussian"/>, half-width of <see cref="InitialiserKind.Uniform"/>.
    /// </summary>
    public double Scale { get; init; } = 0.01;

    /// <summary>For <see cref="InitialiserKind.Given"/>: the values, row by row.</summary>
    public ImmutableArray<float> Values { get; init; } = [];
}

/// <summary>The rules for start values.</summary>
public enum InitialiserKind
{
    /// <summary>All zero.</summary>
    Zeros,

    /// <summary>N(0, scale²), the plain small Gaussian.</summary>
    Gaussian,

    /// <summary>N(0, 2 / (inputs + outputs)) (Glorot and Bengio 2010).</summary>
    Xavier,

    /// <summary>N(0, 2 / inputs) (He et al. 2015).</summary>
    He,

    /// <summary>Uniform in [-scale, scale).</summary>
    Uniform,

    /// <summary>Values written in the recipe.</summary>
    Given,
}

/// <summary>The losses; each is a mean over the rows of the batch.</summary>
public enum LossKind
{
    /// <summary>Half the sum over the outputs of (y - t)².</summary>
    SquaredError,

    /// <summary>The mean over the outputs of (y - t)².</summary>
    MeanSquaredError,

    /// <summary>The sum over the outputs of -(t log y + (1 - t) log(1 - y)).</summary>
    BinaryCrossEntropy,

    /// <summary>The sum over the outputs of -t log y.</summary>
    CategoricalCrossEntropy,
}

/// <summary>An optimiser and its constants; the learning rate is multiplied by the schedule.</summary>
public sealed record OptimiserRecipe
{
    /// <summary>The update rule.</summary>
    public OptimiserKind Kind { get; init; } = OptimiserKind.Momentum;

    /// <summary>Learning rate, above 0.</summary>
    public double Rate { get; init; } = 0.1;

    /// <summary>Momentum factor of momentum and Nesterov, in [0, 1).</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Decay of the first moment (Adam, AdamW).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment (Adam, AdamW), of the mean square (RMSProp).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to denominators (Adam, AdamW, RMSProp, Adagrad).</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay of AdamW.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Steps that L-BFGS remembers, at least 1.</summary>
    public int Memory { get; init; } = 10;

    /// <summary>L-BFGS is done when no derivative of the loss is larger than this.</summary>
    public double Tolerance { get; init; } = 1e-5;
}

/// <summary>The update rules.</summary>
public enum OptimiserKind
{
    /// <summary>w ← w - rate · g.</summary>
    Sgd,

    /// <summary>v ← momentum · v + g; w ← w - rate · v.</summary>
    Momentum,

    /// <summary>v ← momentum · v + g; w ← w - rate · (g + momentum · v).</summary>
    Nesterov,

    /// <summary>Adam (Kingma and Ba 2015), with bias correction.</summary>
    Adam,

    /// <summary>Adam with decoupled weight decay (Loshchilov and Hutter 2019).</summary>
    AdamW,

    /// <summary>s ← beta2 · s + (1 - beta2) g²; w ← w - rate · g / (√s + epsilon).</summary>
    RmsProp,

    /// <summary>s ← s + g²; w ← w - rate · g / (√s + epsilon).</summary>
    Adagrad,

    /// <summary>
    /// L-BFGS (Liu and Nocedal 1989) with a line search, see Optimisers/WholeModel. For full batches; it has no rate and no
    /// schedule. An epoch is one evaluation of loss and gradient.
    /// </summary>
    Lbfgs,
}

/// <summary>How the learning rate's factor changes over the run.</summary>
public sealed record ScheduleRecipe
{
    /// <summary>The curve after the warm-up.</summary>
    public ScheduleKind Kind { get; init; } = ScheduleKind.Constant;

    /// <summary>Epochs of linear warm-up from 0 (fractions allowed); the curve begins after it.</summary>
    public double WarmUpEpochs { get; init; }

    /// <summary>
    /// Step: the factor is multiplied by this every <see cref="EveryEpochs"/>; exponential: every epoch, smoothly.
    /// </summary>
    public double Factor { get; init; } = 0.1;

    /// <summary>Length of a step of <see cref="ScheduleKind.Step"/>, in epochs.</summary>
    public double EveryEpochs { get; init; } = 10;

    /// <summary>Cosine: the factor at the end of the run.</summary>
    public double Final { get; init; }
}

/// <summary>The curves of a schedule.</summary>
public enum ScheduleKind
{
    /// <summary>Factor 1.</summary>
    Constant,

    /// <summary>Multiplied by a factor every few epochs.</summary>
    Step,

    /// <summary>Multiplied by a factor each epoch, changing with every step.</summary>
    Exponential,

    /// <summary>Half a cosine from 1 down to the final factor at the end of the run.</summary>
    Cosine,
}

/// <summary>Ends a run when a figure on the validation rows stops improving.</summary>
public sealed record EarlyStoppingRecipe
{
    /// <summary>The figure watched.</summary>
    public StoppingMetric Metric { get; init; } = StoppingMetric.ValidationLoss;

    /// <summary>Epochs without improvement before the run ends, at least 1.</summary>
    public int Patience { get; init; } = 3;

    /// <summary>An improvement smaller than this does not count.</summary>
    public double Least { get; init; }

    /// <summary>True: the result is the weights of the best epoch; false: those of the last.</summary>
    public bool RestoreBest { get; init; } = true;
}

/// <summary>The figures that can end a run early.</summary>
public enum StoppingMetric
{
    /// <summary>Validation loss; less is better.</summary>
    ValidationLoss,

    /// <summary>Validation accuracy; more is better.</summary>
    ValidationAccuracy,
}
