using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>A word of a recipe.</summary>
/// <param name="Word">The word.</param>
/// <param name="About">What it stands for.</param>
/// <param name="AlsoSaid">The words of other systems for the same, which are read too.</param>
internal sealed record RecipeWord(string Word, string About, string[] AlsoSaid);

/// <summary>The words of one enumeration, as recipes write them, with the words other systems use for them.</summary>
internal sealed class RecipeWords<T>
    where T : struct, Enum
{
    private readonly (T Value, RecipeWord Row)[] _rows;

    public RecipeWords(params (T Value, string Word, string AlsoSaid, string About)[] rows) => _rows =
        [.. rows.Select(row => (row.Value, new RecipeWord(row.Word, row.About, row.AlsoSaid.Split(' ',
            StringSplitOptions.RemoveEmptyEntries))))];

    public IEnumerable<RecipeWord> Rows => _rows.Select(row => row.Row);

    public string Of(T value) => _rows.First(row => EqualityComparer<T>.Default.Equals(row.Value, value)).Row.Word;

    /// <summary>
    /// The value of a word: the recipe's own, however its case, '-' and '_' are written, or another system's for the same.
    /// </summary>
    public T? Find(string word)
    {
        var plain = Spelling.Plain(word);
        return _rows.Where(row => row.Row.AlsoSaid.Prepend(row.Row.Word).Any(said => Spelling.Plain(said) == plain))
            .Select(row => (T?)row.Value).FirstOrDefault();
    }
}

/// <summary>The words of every enumeration of a recipe.</summary>
internal static class RecipeWords
{
    public static readonly RecipeWords<TaskKind> Task = new(
        (TaskKind.Classification, "classification", "classify classifier class labels", "the target is one of several classes"),
        (TaskKind.Regression, "regression", "regress regressor", "the targets are numbers"));

    public static readonly RecipeWords<GradientPrecision> GradientPrecision = new(
        (Recipes.GradientPrecision.Float32, "float32", "f32 fp32", "as they were computed"),
        (Recipes.GradientPrecision.BFloat16, "bfloat16", "bf16", "rounded to bfloat16, and sent between machines in half the bytes"));

    public static readonly RecipeWords<SplitKind> Split = new(
        (SplitKind.Random, "random", "shuffle shuffled chance", "by chance"),
        (SplitKind.Stratified, "stratified", "stratify by-class strata",
            "by chance, with the same share of each class in every part"));

    public static readonly RecipeWords<ImputationKind> Imputation = new(
        (ImputationKind.Mean, "mean", "average avg", "the mean of the training rows"),
        (ImputationKind.Median, "median", "", "the median of the training rows"),
        (ImputationKind.Constant, "constant", "value fixed", "what `value` says"),
        (ImputationKind.Category, "category", "own-category missing own", "a category of its own"),
        (ImputationKind.MostFrequent, "most-frequent", "mode majority most-common", "the category of most training rows"));

    public static readonly RecipeWords<UnseenKind> Unseen = new(
        (UnseenKind.Error, "error", "refuse fail", "an error that names the row"),
        (UnseenKind.OwnCode, "own-code", "ignore zeros zero own", "0 in all features of the column"),
        (UnseenKind.MostFrequent, "most-frequent", "mode majority most-common", "the category of most training rows"));

    public static readonly RecipeWords<ScalingKind> Scaling = new(
        (ScalingKind.None, "none", "off raw", "not at all"),
        (ScalingKind.Standard, "standard", "standardise standardize z-score standard-scaler", "to mean 0 and deviation 1"),
        (ScalingKind.MinMax, "min-max", "min-max-scaler range normalise normalize", "to the range from 0 to 1"),
        (ScalingKind.Robust, "robust", "robust-scaler quartiles iqr",
            "to median 0, with the quartiles 1 apart: values far from all others count little"));

    public static readonly RecipeWords<DatePart> DatePart = new(
        (Recipes.DatePart.Year, "year", "", "the year"),
        (Recipes.DatePart.Month, "month", "", "the month, 1 to 12"),
        (Recipes.DatePart.Day, "day", "day-of-month dom", "the day of the month, 1 to 31"),
        (Recipes.DatePart.Weekday, "weekday", "day-of-week dow", "the day of the week, 1 (Monday) to 7"),
        (Recipes.DatePart.Hour, "hour", "", "the hour, 0 to 23"),
        (Recipes.DatePart.Days, "days", "epoch-days ordinal", "days since 1 January 1970"));

    public static readonly RecipeWords<ActivationKind> Activation = new(
        (ActivationKind.Identity, "identity", "linear none id", "y = x"),
        (ActivationKind.Sigmoid, "sigmoid", "logistic expit", "y = 1 / (1 + exp(-x))"),
        (ActivationKind.Tanh, "tanh", "hyperbolic-tangent", "y = tanh(x)"),
        (ActivationKind.Relu, "relu", "rectifier rectified-linear", "y = max(x, 0)"),
        (ActivationKind.LeakyRelu, "leaky-relu", "lrelu leaky", "y = x above zero, slope · x below"),
        (ActivationKind.Softmax, "softmax", "", "shares that add up to 1; on the last layer only"));

    public static readonly RecipeWords<InitialiserKind> Initialiser = new(
        (InitialiserKind.Zeros, "zeros", "zero 0", "all zero"),
        (InitialiserKind.Gaussian, "gaussian", "normal plain random random-normal randn", "N(0, scale²)"),
        (InitialiserKind.Xavier, "xavier", "glorot glorot-normal xavier-normal", "N(0, 2 / (inputs + outputs))"),
        (InitialiserKind.He, "he", "kaiming he-normal kaiming-normal", "N(0, 2 / inputs)"),
        (InitialiserKind.Uniform, "uniform", "random-uniform", "uniform in [-scale, scale)"),
        (InitialiserKind.Given, "given", "values constant fixed", "the numbers of `values`"));

    public static readonly RecipeWords<LossKind> Loss = new(
        (LossKind.SquaredError, "squared-error", "sse quadratic half-squared-error sum-squared-error l2",
            "half the sum over the outputs of (y - t)²"),
        (LossKind.MeanSquaredError, "mean-squared-error", "mse mse-loss l2-loss", "the mean over the outputs of (y - t)²"),
        (LossKind.BinaryCrossEntropy, "binary-cross-entropy", "bce log-loss logistic bce-loss",
            "the sum over the outputs of -(t log y + (1 - t) log(1 - y)); after a sigmoid"),
        (LossKind.CategoricalCrossEntropy, "categorical-cross-entropy",
            "ce cross-entropy nll softmax-cross-entropy sparse-categorical-cross-entropy cross-entropy-loss",
            "the sum over the outputs of -t log y; after a softmax"));

    public static readonly RecipeWords<OptimiserKind> Optimiser = new(
        (OptimiserKind.Sgd, "sgd", "gd gradient-descent stochastic-gradient-descent plain", "w ← w - rate · g"),
        (OptimiserKind.Momentum, "momentum", "sgd-momentum heavy-ball sgdm", "v ← momentum · v + g; w ← w - rate · v"),
        (OptimiserKind.Nesterov, "nesterov", "nag sgd-nesterov nesterov-momentum",
            "v ← momentum · v + g; w ← w - rate · (g + momentum · v)"),
        (OptimiserKind.Adam, "adam", "", "Adam (Kingma and Ba 2015), with bias correction"),
        (OptimiserKind.AdamW, "adamw", "", "Adam with decoupled weight decay (Loshchilov and Hutter 2019)"),
        (OptimiserKind.RmsProp, "rmsprop", "rms", "s ← beta2 · s + (1 - beta2) g²; w ← w - rate · g / (√s + epsilon)"),
        (OptimiserKind.Adagrad, "adagrad", "", "s ← s + g²; w ← w - rate · g / (√s + epsilon)"),
        (OptimiserKind.Lbfgs, "lbfgs", "l-bfgs bfgs l-bfgs-b limited-memory-bfgs",
            "L-BFGS with a line search (Liu and Nocedal 1989), over all rows at once: `batch: full`"));

    public static readonly RecipeWords<ScheduleKind> Schedule = new(
        (ScheduleKind.Constant, "constant", "fixed", "the rate stays"),
        (ScheduleKind.Step, "step", "step-lr steps step-decay", "the rate is multiplied by `factor` every `every_epochs`"),
        (ScheduleKind.Exponential, "exponential", "exp exponential-lr exponential-decay",
            "the rate is multiplied by `factor` each epoch, a little with every step"),
        (ScheduleKind.Cosine, "cosine", "cosine-annealing cosine-decay cosine-annealing-lr",
            "half a cosine from the rate down to `final` at the end of the run"));

    public static readonly RecipeWords<StoppingMetric> Metric = new(
        (StoppingMetric.ValidationLoss, "val_loss", "loss validation-loss dev-loss", "validation loss; less is better"),
        (StoppingMetric.ValidationAccuracy, "val_acc", "accuracy acc val-accuracy validation-accuracy",
            "validation accuracy; more is better"));
}
