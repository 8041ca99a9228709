using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace ClusterTrain.Learning;

/// <summary>
/// Writes recipes in full: every value that matters, defaults included, in a fixed order and form. Reading the text gives the
/// same recipe, and equal recipes give equal text, so the text can be hashed and compared.
/// </summary>
public static class RecipeWriter
{
    /// <summary>The recipe as canonical YAML, lines ended by '\n'.</summary>
    /// <param name="recipe">A recipe as <see cref="RecipeReader"/> gives them.</param>
    public static string Write(Recipe recipe)
    {
        var text = new StringBuilder();
        Line(text, 0, "name", Text(recipe.Name));
        Line(text, 0, "seed", recipe.Seed.ToString(CultureInfo.InvariantCulture));
        Data(text, recipe.Data);
        text.Append("layers:\n");
        foreach (var layer in recipe.Layers) text.Append("  - ").Append(Layer(layer)).Append('\n');
        Line(text, 0, "loss", RecipeWords.Loss.Of(recipe.Loss));
        Line(text, 0, "optimiser", Optimiser(recipe.Optimiser));
        Line(text, 0, "schedule", Schedule(recipe.Schedule));
        Line(text, 0, "l2", Number(recipe.L2));
        Line(text, 0, "clip_norm", Number(recipe.ClipNorm));
        Line(text, 0, "batch", recipe.BatchRows is { } rows ? Whole(rows) : "full");
        Line(text, 0, "leaf", Whole(recipe.LeafRows));
        Line(text, 0, "epochs", Whole(recipe.Epochs));
        Line(text, 0, "early_stopping", EarlyStopping(recipe.EarlyStopping));
        if (recipe.Start is { } start) Line(text, 0, "start", Start(start));
        return text.ToString();
    }

    /// <summary>The data part alone, in the same form.</summary>
    internal static string Write(DataRecipe data)
    {
        var text = new StringBuilder();
        Data(text, data);
        return text.ToString();
    }

    private static void Data(StringBuilder text, DataRecipe data)
    {
        text.Append("data:\n");
        switch (data.Source)
        {
            case NamedSource named:
                Line(text, 2, "set", Text(named.Name));
                break;
            case IdxSource idx:
                text.Append("  idx:\n");
                Line(text, 4, "features", Text(idx.Features));
                Line(text, 4, "labels", Text(idx.Labels));
                if (idx.TestFeatures is { } testFeatures) Line(text, 4, "test_features", Text(testFeatures));
                if (idx.TestLabels is { } testLabels) Line(text, 4, "test_labels", Text(testLabels));
                break;
            case CsvSource csv:
                text.Append("  csv:\n");
                Line(text, 4, csv.Files.Length == 1 ? "file" : "files", csv.Files.Length == 1 ? Text(csv.File) : List(csv.Files.Select(Text)));
                if (csv.TestFile is { } testFile) Line(text, 4, "test_file", Text(testFile));
                Line(text, 4, "header", Flag(csv.Header));
                if (csv.Columns.Length > 0) Line(text, 4, "columns", List(csv.Columns.Select(Text)));
                Line(text, 4, "targets", List(csv.Targets.Select(Text)));
                if (csv.Features.Length > 0) Line(text, 4, "features", List(csv.Features.Select(Text)));
                if (csv.Exclude.Length > 0) Line(text, 4, "exclude", List(csv.Exclude.Select(Text)));
                if (csv.Categorical.Length > 0) Line(text, 4, "categorical", List(csv.Categorical.Select(Text)));
                if (csv.Booleans.Length > 0) Line(text, 4, "booleans", List(csv.Booleans.Select(Text)));
                Dates(text, csv.Dates);
                Derived(text, csv.Derived);
                break;
            case InlineSource inline:
                text.Append("  inline:\n");
                Rows(text, "features", inline.Features);
                Rows(text, "targets", inline.Targets);
                if (inline.Columns.Length > 0) Line(text, 4, "columns", List(inline.Columns.Select(Text)));
                Derived(text, inline.Derived);
                break;
            case PreparedSource prepared:
                Line(text, 2, "prepared", Text(prepared.File));
                break;
            default:
                throw new ArgumentException($"A source of the unknown type {data.Source.GetType()} cannot be written.", nameof(data));
        }

        if (data.Source is CsvSource table) Format(text, table);
        Line(text, 2, "task", RecipeWords.Task.Of(data.Task));
        if (data.Source is PreparedSource) return;
        Line(text, 2, "scale", Number(data.Scale));
        if (data.Scaling is ScalingKind.None or ScalingKind.Standard) Line(text, 2, "standardise", Flag(data.Scaling == ScalingKind.Standard));
        else Line(text, 2, "scaling", RecipeWords.Scaling.Of(data.Scaling));
        if (data.ScaleTargets) Line(text, 2, "target_scale", "auto");
        if (data.TargetScale is not null) Line(text, 2, "target_scale", Number(data.TargetScale));
        if (data.ClassWeights is { } weights) Line(text, 2, "class_weights", ClassWeights(weights));
        Line(text, 2, "validation", Split(data.Validation));
        Line(text, 2, "test", Split(data.Test));
    }

    private static void Format(StringBuilder text, CsvSource csv)
    {
        var format = csv.Format;
        if (format.Delimiter is { } delimiter) Line(text, 2, "delimiter", Text(CsvDelimiter.Word(delimiter)));
        if (format.Decimal != '.') Line(text, 2, "decimal", Text(format.Decimal.ToString()));
        if (format.Missing.Length > 0) Line(text, 2, "missing", List(format.Missing.Select(Text)));
        if (csv.Impute.Length > 0)
        {
            text.Append("  impute:\n");
            foreach (var column in csv.Impute) Line(text, 4, Text(column.Column), Imputation(column));
        }

        if (csv.Unseen.Length > 0)
            Line(text, 2, "unseen", Keys(csv.Unseen.Select(column => (Text(column.Column), RecipeWords.Unseen.Of(column.Kind)))));
    }

    private static string Imputation(ImputationRecipe column)
    {
        var keys = new List<(string, string)> { ("kind", RecipeWords.Imputation.Of(column.Kind)) };
        if (column.Number is { } number) keys.Add(("value", Number(number)));
        if (column.Word is { } word) keys.Add(("value", Text(word)));
        keys.Add(("indicator", Flag(column.Indicator)));
        return Keys(keys);
    }

    private static void Dates(StringBuilder text, ImmutableArray<DateColumn> dates)
    {
        if (dates.IsEmpty) return;
        text.Append("    dates:\n");
        foreach (var date in dates)
            Line(text, 6, Text(date.Column), Keys([("format", date.Format), ("parts", List(date.Parts.Select(RecipeWords.DatePart.Of)))]));
    }

    private static void Derived(StringBuilder text, ImmutableArray<DerivedFeature> features)
    {
        if (features.IsEmpty) return;
        text.Append("    derive:\n");
        foreach (var feature in features)
        {
            var columns = List([Text(feature.Left), Text(feature.Right)]);
            var key = feature.Kind == DerivedKind.Ratio ? "ratio" : "cross";
            text.Append("      - ").Append(Keys([("name", Text(feature.Name)), (key, columns)])).Append('\n');
        }
    }

    private static string ClassWeights(ClassWeightsRecipe weights) => weights.Given.IsEmpty
        ? "balanced"
        : Keys(weights.Given.Select(item => (Text(item.Class), Number(item.Weight))));

    private static void Rows(StringBuilder text, string key, ImmutableArray<ImmutableArray<float>> rows)
    {
        text.Append("    ").Append(key).Append(":\n");
        foreach (var row in rows) text.Append("      - ").Append(List(row.Select(Number))).Append('\n');
    }

    private static string Layer(LayerRecipe layer)
    {
        var keys = new List<(string, string)>
        {
            ("units", Whole(layer.Units)),
            ("activation", RecipeWords.Activation.Of(layer.Activation)),
        };
        if (layer.Activation == ActivationKind.LeakyRelu) keys.Add(("slope", Number(layer.Slope)));
        if (layer.Dropout > 0) keys.Add(("dropout", Number(layer.Dropout)));
        keys.Add(("weights", Initialiser(layer.Weights, layer.Weights.Kind == InitialiserKind.Given
            ? List(layer.Weights.Values.Chunk(layer.Units).Select(row => List(row.Select(Number))))
            : "")));
        keys.Add(("biases", layer.Biases is { } biases ? Initialiser(biases, List(biases.Values.Select(Number))) : "none"));
        return Keys(keys);
    }

    private static string Initialiser(InitialiserRecipe initialiser, string values)
    {
        var kind = RecipeWords.Initialiser.Of(initialiser.Kind);
        return initialiser.Kind switch
        {
            InitialiserKind.Gaussian or InitialiserKind.Uniform => Keys([("kind", kind), ("scale", Number(initialiser.Scale))]),
            InitialiserKind.Given => Keys([("kind", kind), ("values", values)]),
            _ => kind,
        };
    }

    private static string Optimiser(OptimiserRecipe optimiser)
    {
        var keys = new List<(string, string)> { ("kind", RecipeWords.Optimiser.Of(optimiser.Kind)) };
        if (optimiser.Kind != OptimiserKind.Lbfgs) keys.Add(("rate", Number(optimiser.Rate)));
        (string, string) beta1 = ("beta1", Number(optimiser.Beta1));
        (string, string) beta2 = ("beta2", Number(optimiser.Beta2));
        (string, string) epsilon = ("epsilon", Number(optimiser.Epsilon));
        keys.AddRange(optimiser.Kind switch
        {
            OptimiserKind.Sgd => [],
            OptimiserKind.Momentum or OptimiserKind.Nesterov => [("momentum", Number(optimiser.Momentum))],
            OptimiserKind.Adam => [beta1, beta2, epsilon],
            OptimiserKind.AdamW => [beta1, beta2, epsilon, ("weight_decay", Number(optimiser.WeightDecay))],
            OptimiserKind.RmsProp => [beta2, epsilon],
            OptimiserKind.Lbfgs => [("memory", Whole(optimiser.Memory)), ("tolerance", Number(optimiser.Tolerance))],
            _ => (ReadOnlySpan<(string, string)>)[epsilon],
        });
        return Keys(keys);
    }

    private static string Schedule(ScheduleRecipe schedule)
    {
        var keys = new List<(string, string)>
        {
            ("kind", RecipeWords.Schedule.Of(schedule.Kind)),
            ("warm_up_epochs", Number(schedule.WarmUpEpochs)),
        };
        if (schedule.Kind is ScheduleKind.Step or ScheduleKind.Exponential) keys.Add(("factor", Number(schedule.Factor)));
        if (schedule.Kind is ScheduleKind.Step) keys.Add(("every_epochs", Number(schedule.EveryEpochs)));
        if (schedule.Kind is ScheduleKind.Cosine) keys.Add(("final", Number(schedule.Final)));
        return Keys(keys);
    }

    private static string EarlyStopping(EarlyStoppingRecipe? stopping) => stopping is null
        ? "none"
        : Keys(
        [
            ("metric", RecipeWords.Metric.Of(stopping.Metric)),
            ("patience", Whole(stopping.Patience)),
            ("least", Number(stopping.Least)),
            ("restore_best", Flag(stopping.RestoreBest)),
        ]);

    private static string Start(StartRecipe start) =>
        Keys([("file", Text(start.File)), ("sha256", $"\"{start.Sha256}\""), ("transposed", Flag(start.Transposed))]);

    private static string Split(SplitSize? size) => size switch
    {
        null => "none",
        { Rows: { } rows } => rows.ToString(CultureInfo.InvariantCulture),
        _ => Number(size.Value.Fraction),
    };

    private static void Line(StringBuilder text, int indent, string key, string value) =>
        text.Append(' ', indent).Append(key).Append(": ").Append(value).Append('\n');

    private static string Keys(IEnumerable<(string Key, string Value)> keys) =>
        $"{{ {string.Join(", ", keys.Select(pair => $"{pair.Key}: {pair.Value}"))} }}";

    private static string List(IEnumerable<string> items) => $"[{string.Join(", ", items)}]";

    private static string Flag(bool value) => value ? "true" : "false";

    private static string Whole(int value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>The shortest decimal that reads back as the same bits; <c>none</c> for null.</summary>
    private static string Number(double? value) =>
        value?.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e') ?? "none";

    private static string Number(float value) => value.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');

    /// <summary>Text as it is where YAML reads it back as text, in double quotes otherwise.</summary>
    internal static string Text(string value)
    {
        var isPlain = char.IsAsciiLetter(value[0]) && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/')
            && value.ToUpperInvariant() is not ("NULL" or "TRUE" or "FALSE" or "NONE" or "YES" or "NO" or "ON" or "OFF");
        if (isPlain) return value;
        return $"\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
    }
}
