namespace ClusterTrain.Learning;

/// <summary>The words of one enumeration, as recipes write them, with the words other systems use for them.</summary>
internal sealed class RecipeWords<T>
    where T : struct, Enum
{
    private readonly (T Value, string Word, string[] AlsoSaid)[] rows;

    public RecipeWords(params (T Value, string Word, string[] AlsoSaid)[] rows)
    {
        this.rows = rows;
        Words = [.. rows.Select(row => row.Word)];
    }

    public IReadOnlyList<string> Words { get; }

    public string Of(T value) => rows.First(row => EqualityComparer<T>.Default.Equals(row.Value, value)).Word;

    /// <summary>The value of a word: the recipe's own, however its case, '-' and '_' are written, or another system's for the same.</summary>
    public T? Find(string word)
    {
        var plain = Spelling.Plain(word);
        return rows.Where(row => row.AlsoSaid.Prepend(row.Word).Any(said => Spelling.Plain(said) == plain))
            .Select(row => (T?)row.Value).FirstOrDefault();
    }

    public string? Nearest(string word) => Spelling.Nearest(word, Words);
}

/// <summary>The words of every enumeration of a recipe.</summary>
internal static class RecipeWords
{
    public static readonly RecipeWords<TaskKind> Task = new(
        (TaskKind.Classification, "classification", ["classify", "classifier", "class", "labels"]),
        (TaskKind.Regression, "regression", ["regress", "regressor"]));

    public static readonly RecipeWords<ImputationKind> Imputation = new(
        (ImputationKind.Mean, "mean", ["average", "avg"]),
        (ImputationKind.Median, "median", []),
        (ImputationKind.Constant, "constant", ["value", "fixed"]),
        (ImputationKind.Category, "category", ["own-category", "missing", "own"]),
        (ImputationKind.MostFrequent, "most-frequent", ["mode", "majority", "most-common"]));

    public static readonly RecipeWords<UnseenKind> Unseen = new(
        (UnseenKind.Error, "error", ["refuse", "fail"]),
        (UnseenKind.OwnCode, "own-code", ["ignore", "zeros", "zero", "own"]),
        (UnseenKind.MostFrequent, "most-frequent", ["mode", "majority", "most-common"]));

    public static readonly RecipeWords<ScalingKind> Scaling = new(
        (ScalingKind.None, "none", ["off", "raw"]),
        (ScalingKind.Standard, "standard", ["standardise", "standardize", "z-score", "zscore", "standard-scaler"]),
        (ScalingKind.MinMax, "min-max", ["min-max-scaler", "range", "normalise", "normalize"]),
        (ScalingKind.Robust, "robust", ["robust-scaler", "quartiles", "iqr"]));

    public static readonly RecipeWords<DatePart> DatePart = new(
        (Learning.DatePart.Year, "year", []),
        (Learning.DatePart.Month, "month", []),
        (Learning.DatePart.Day, "day", ["day-of-month", "dom"]),
        (Learning.DatePart.Weekday, "weekday", ["day-of-week", "dayofweek", "dow"]),
        (Learning.DatePart.Hour, "hour", []),
        (Learning.DatePart.Days, "days", ["epoch-days", "ordinal"]));

    public static readonly RecipeWords<ActivationKind> Activation = new(
        (ActivationKind.Identity, "identity", ["linear", "none", "id"]),
        (ActivationKind.Sigmoid, "sigmoid", ["logistic", "expit"]),
        (ActivationKind.Tanh, "tanh", ["hyperbolic-tangent"]),
        (ActivationKind.Relu, "relu", ["rectifier", "rectified-linear"]),
        (ActivationKind.LeakyRelu, "leaky-relu", ["lrelu", "leaky"]),
        (ActivationKind.Softmax, "softmax", []));

    public static readonly RecipeWords<InitialiserKind> Initialiser = new(
        (InitialiserKind.Zeros, "zeros", ["zero", "0"]),
        (InitialiserKind.Gaussian, "gaussian", ["normal", "plain", "random", "random-normal", "randn"]),
        (InitialiserKind.Xavier, "xavier", ["glorot", "glorot-normal", "xavier-normal"]),
        (InitialiserKind.He, "he", ["kaiming", "he-normal", "kaiming-normal"]),
        (InitialiserKind.Uniform, "uniform", ["random-uniform"]),
        (InitialiserKind.Given, "given", ["values", "constant", "fixed"]));

    public static readonly RecipeWords<LossKind> Loss = new(
        (LossKind.SquaredError, "squared-error", ["sse", "quadratic", "half-squared-error", "sum-squared-error", "l2"]),
        (LossKind.MeanSquaredError, "mean-squared-error", ["mse", "mse-loss"]),
        (LossKind.BinaryCrossEntropy, "binary-cross-entropy", ["bce", "log-loss", "logistic", "bce-loss"]),
        (LossKind.CategoricalCrossEntropy, "categorical-cross-entropy",
            ["ce", "cross-entropy", "nll", "softmax-cross-entropy", "sparse-categorical-cross-entropy", "cross-entropy-loss"]));

    public static readonly RecipeWords<OptimiserKind> Optimiser = new(
        (OptimiserKind.Sgd, "sgd", ["gd", "gradient-descent", "stochastic-gradient-descent", "plain"]),
        (OptimiserKind.Momentum, "momentum", ["sgd-momentum", "heavy-ball", "sgdm"]),
        (OptimiserKind.Nesterov, "nesterov", ["nag", "sgd-nesterov", "nesterov-momentum"]),
        (OptimiserKind.Adam, "adam", []),
        (OptimiserKind.AdamW, "adamw", []),
        (OptimiserKind.RmsProp, "rmsprop", ["rms"]),
        (OptimiserKind.Adagrad, "adagrad", []),
        (OptimiserKind.Lbfgs, "lbfgs", ["l-bfgs", "bfgs", "l-bfgs-b", "limited-memory-bfgs"]));

    public static readonly RecipeWords<ScheduleKind> Schedule = new(
        (ScheduleKind.Constant, "constant", ["fixed"]),
        (ScheduleKind.Step, "step", ["step-lr", "steps", "step-decay"]),
        (ScheduleKind.Exponential, "exponential", ["exp", "exponential-lr", "exponential-decay"]),
        (ScheduleKind.Cosine, "cosine", ["cosine-annealing", "cosine-decay"]));

    public static readonly RecipeWords<StoppingMetric> Metric = new(
        (StoppingMetric.ValidationLoss, "val_loss", ["loss", "validation-loss", "dev-loss"]),
        (StoppingMetric.ValidationAccuracy, "val_acc", ["accuracy", "acc", "val-accuracy", "validation-accuracy"]));
}
