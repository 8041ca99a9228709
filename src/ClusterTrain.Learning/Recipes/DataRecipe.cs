using System.Collections.Immutable;

namespace ClusterTrain.Learning.Recipes;

/// <summary>Where the rows come from (exactly one source) and how they are prepared.</summary>
public sealed record DataRecipe
{
    /// <summary>The rows.</summary>
    public required DataSource Source { get; init; }

    /// <summary>Features are multiplied by this before anything else, for pixels 1/255; null: by 1.</summary>
    public double? Scale { get; init; }

    /// <summary>How each feature is shifted and scaled, by the statistics of the training rows only.</summary>
    public ScalingKind Scaling { get; init; }

    /// <summary>What is held back from the training rows to watch the run; null: nothing.</summary>
    public SplitSize? Validation { get; init; }

    /// <summary>What is held back for the final score when the source has no test rows of its own; null: nothing.</summary>
    public SplitSize? Test { get; init; }

    /// <summary>How rows are chosen to be held back, where no column decides it.</summary>
    public SplitKind Split { get; init; }

    /// <summary>
    /// True for a recipe that was written out in full when recipes did not say how rows are held back: it was by chance, and the text stays
    /// without the key, since a run and its model go by its hash.
    /// </summary>
    internal bool IsSplitUnsaid { get; init; }

    /// <summary>What the targets are.</summary>
    public TaskKind Task { get; init; } = TaskKind.Classification;

    /// <summary>
    /// Regression: targets are multiplied by this for training, and predictions divided by it, so that they are in the original
    /// unit; losses and squared errors are in the training's unit. Null: 1.
    /// </summary>
    public double? TargetScale { get; init; }

    /// <summary>
    /// Regression: each target is shifted to mean 0, and all are divided by one number, so that their deviation is 1 on average,
    /// by the statistics of the training rows only. Predictions are brought back to the original unit. The recipe's key is
    /// <c>target_scale: auto</c>.
    /// </summary>
    public bool ScaleTargets { get; init; }

    /// <summary>Classification: how much the rows of each class count in training; null: all equally.</summary>
    public ClassWeightsRecipe? ClassWeights { get; init; }
}

/// <summary>
/// Weights of classes: loss and gradient of a training row are multiplied by its class's weight. Validation and test rows count
/// equally.
/// </summary>
/// <param name="Given">
/// The weights written in the recipe, by class in ordinal order; classes not named have weight 1. Empty: balanced, each class has
/// the weight
/// rows / (classes · rows of the class), counted over the training rows.
/// </param>
public sealed record ClassWeightsRecipe(ImmutableArray<ClassWeight> Given);

/// <summary>The weight of one class.</summary>
/// <param name="Class">Its name.</param>
/// <param name="Weight">Above 0.</param>
public readonly record struct ClassWeight(string Class, double Weight);

/// <summary>A feature computed from two raw columns, in float32 rounded once.</summary>
/// <param name="Name">Its name; no column has it.</param>
/// <param name="Kind">How it is computed.</param>
/// <param name="Left">A column of numbers.</param>
/// <param name="Right">Another, or the same.</param>
public sealed record DerivedFeature(string Name, DerivedKind Kind, string Left, string Right);

/// <summary>How a derived feature is computed.</summary>
public enum DerivedKind
{
    /// <summary>Left / right.</summary>
    Ratio,

    /// <summary>Left · right.</summary>
    Cross,
}

/// <summary>How features are shifted and scaled.</summary>
public enum ScalingKind
{
    /// <summary>Not at all, but for the recipe's <see cref="DataRecipe.Scale"/>.</summary>
    None,

    /// <summary>To mean 0 and deviation 1; a constant feature keeps its scale.</summary>
    Standard,

    /// <summary>To the range from 0 to 1; a constant feature becomes 0.</summary>
    MinMax,

    /// <summary>
    /// To median 0, and a distance of 1 between the quartiles, or a deviation of 1 where they are equal: values far from all others
    /// count little.
    /// </summary>
    Robust,
}

/// <summary>The two kinds of task.</summary>
public enum TaskKind
{
    /// <summary>Labels, one-hot encoded: one output per class.</summary>
    Classification,

    /// <summary>Numbers, used as they are.</summary>
    Regression,
}

/// <summary>How rows are chosen to be held back.</summary>
public enum SplitKind
{
    /// <summary>By chance.</summary>
    Random,

    /// <summary>By chance, with the same share of each class in every part.</summary>
    Stratified,
}

/// <summary>A share of the rows, as a number of rows or as a fraction.</summary>
/// <param name="Rows">Number of rows, at least 1; null when the size is a fraction.</param>
/// <param name="Fraction">In (0, 1); null when the size is a number of rows.</param>
public readonly record struct SplitSize(long? Rows, double? Fraction)
{
    /// <summary>
    /// The number of rows held back of <paramref name="total"/> rows (fractions are rounded to nearest, at least 1).
    /// </summary>
    public long Of(long total) => Rows ?? Math.Max(1, (long)Math.Round(Fraction!.Value * total, MidpointRounding.ToEven));
}

/// <summary>A source of rows.</summary>
public abstract record DataSource;

/// <summary>A data set known by name (<c>mnist</c>, <c>digits</c>): found or fetched, see <c>clustertrain data</c>.</summary>
/// <param name="Name">Its name.</param>
public sealed record NamedSource(string Name) : DataSource
{
    /// <summary>The names there are.</summary>
    public static ImmutableArray<string> Known { get; } = ["mnist", "fashion-mnist", "digits"];
}

/// <summary>IDX files (plain or gzip): images or vectors, and labels.</summary>
public sealed record IdxSource : DataSource
{
    /// <summary>File of the training features.</summary>
    public required string Features { get; init; }

    /// <summary>File of the training labels.</summary>
    public required string Labels { get; init; }

    /// <summary>File of the test features; null: none.</summary>
    public string? TestFeatures { get; init; }

    /// <summary>File of the test labels; null: none.</summary>
    public string? TestLabels { get; init; }
}

/// <summary>Tables: CSV files (plain or gzip) of one row per line, or Parquet files.</summary>
public sealed record CsvSource : DataSource
{
    /// <summary>
    /// Files of the training rows, all of the same columns. <c>*</c> and <c>?</c> in a file's name stand for any characters, and for
    /// one: such a name means all files it fits, in ordinal order.
    /// </summary>
    public ImmutableArray<string> Files { get; init; } = [];

    /// <summary>The only file of the training rows, or the first one.</summary>
    public string File { get => Files[0]; init => Files = [value]; }

    /// <summary>File of the test rows, of the same columns, or a name that fits several; null: none.</summary>
    public string? TestFile { get; init; }

    /// <summary>True when the first line names the columns.</summary>
    public bool Header { get; init; } = true;

    /// <summary>Names of the columns when there is no header; empty: c0, c1, ...</summary>
    public ImmutableArray<string> Columns { get; init; } = [];

    /// <summary>The target columns: for classification the one that holds the label.</summary>
    public required ImmutableArray<string> Targets { get; init; }

    /// <summary>
    /// The features, in order: columns and derived features; empty: all columns that are not targets, then all derived features.
    /// </summary>
    public ImmutableArray<string> Features { get; init; } = [];

    /// <summary>
    /// Columns of words: each becomes one feature per category of the training file, 1 for the row's own and 0 for the others.
    /// </summary>
    public ImmutableArray<string> Categorical { get; init; } = [];

    /// <summary>Columns of dates: each becomes its parts.</summary>
    public ImmutableArray<DateColumn> Dates { get; init; } = [];

    /// <summary>Columns of true and false, yes and no: each becomes a feature that is 1 or 0.</summary>
    public ImmutableArray<string> Booleans { get; init; } = [];

    /// <summary>Columns that are no features although none are listed.</summary>
    public ImmutableArray<string> Exclude { get; init; } = [];

    /// <summary>Features computed from columns.</summary>
    public ImmutableArray<DerivedFeature> Derived { get; init; } = [];

    /// <summary>
    /// The column that says which rows belong together: those of one group are in one part of a split. Null: none. The recipe's key is
    /// <c>data.group</c>.
    /// </summary>
    public string? Group { get; init; }

    /// <summary>The column of times: the latest rows are held back. Null: none. The recipe's key is <c>data.time</c>.</summary>
    public string? Time { get; init; }

    /// <summary>The columns that a split goes by, which are no features unless they are listed as such.</summary>
    internal ImmutableArray<string> SplitColumns =>
        (Group ?? Time) is { } column && !Categorical.Contains(column) && !Booleans.Contains(column)
        && Dates.All(date => date.Column != column) ? [column] : [];

    /// <summary>
    /// How the cells are written; the recipe's keys are <c>data.delimiter</c>, <c>data.decimal</c> and <c>data.missing</c>.
    /// </summary>
    public CsvFormat Format { get; init; } = new();

    /// <summary>
    /// What missing values are filled by, by column in ordinal order; in other columns they are errors. The recipe's key is
    /// <c>data.impute</c>.
    /// </summary>
    public ImmutableArray<ImputationRecipe> Impute { get; init; } = [];

    /// <summary>
    /// What categories become that no training row has, by column in ordinal order; in other columns they are errors. The
    /// recipe's key is
    /// <c>data.unseen</c>.
    /// </summary>
    public ImmutableArray<UnseenRecipe> Unseen { get; init; } = [];
}

/// <summary>A column of dates, and what features it becomes.</summary>
/// <param name="Column">Its name.</param>
/// <param name="Format">How its dates are written, such as <c>yyyy-mm-dd</c> or <c>dd.mm.yyyy</c>; a time of day may follow.</param>
/// <param name="Parts">The features, each once.</param>
public sealed record DateColumn(string Column, string Format, ImmutableArray<DatePart> Parts)
{
    /// <summary>The format where a recipe says none.</summary>
    public const string DefaultFormat = "yyyy-mm-dd";

    /// <summary>The formats there are.</summary>
    public static ImmutableArray<string> Formats { get; } =
    [
        DefaultFormat, "yyyy/mm/dd", "yyyy.mm.dd", "dd-mm-yyyy", "dd/mm/yyyy", "dd.mm.yyyy", "mm-dd-yyyy", "mm/dd/yyyy", "mm.dd.yyyy",
    ];

    /// <summary>The parts where a recipe says none.</summary>
    public static ImmutableArray<DatePart> UsualParts { get; } = [DatePart.Year, DatePart.Month, DatePart.Day, DatePart.Weekday];

    /// <summary>Equal columns have equal parts.</summary>
    public bool Equals(DateColumn? other) =>
        other is not null && Column == other.Column && Format == other.Format && Parts.AsSpan().SequenceEqual(other.Parts.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Column, Format, Parts.Length);
}

/// <summary>A feature of a date.</summary>
public enum DatePart
{
    /// <summary>The year.</summary>
    Year,

    /// <summary>The month, 1 to 12.</summary>
    Month,

    /// <summary>The day of the month, 1 to 31.</summary>
    Day,

    /// <summary>The day of the week, 1 (Monday) to 7.</summary>
    Weekday,

    /// <summary>The hour, 0 to 23.</summary>
    Hour,

    /// <summary>Days since 1 January 1970.</summary>
    Days,
}

/// <summary>What the missing values of a column are filled by; it is computed over the training rows only.</summary>
/// <param name="Column">Its name.</param>
/// <param name="Kind">How they are filled.</param>
/// <param name="Number">The constant of a column of numbers; null otherwise.</param>
/// <param name="Word">The constant of a categorical column or of one of dates; null otherwise.</param>
/// <param name="Indicator">True: a feature of its own is 1 where the value is missing, if it is in any training row.</param>
public sealed record ImputationRecipe(string Column, ImputationKind Kind, double? Number, string? Word, bool Indicator);

/// <summary>How missing values are filled.</summary>
public enum ImputationKind
{
    /// <summary>By the mean of the training rows.</summary>
    Mean,

    /// <summary>By the median of the training rows; of an even number of values, the mean of the middle two.</summary>
    Median,

    /// <summary>By what the recipe says.</summary>
    Constant,

    /// <summary>Categorical columns: they are a category of their own.</summary>
    Category,

    /// <summary>Categorical columns: by the category of most training rows; of several, the first in order.</summary>
    MostFrequent,
}

/// <summary>What the categories of a column become that no training row has.</summary>
/// <param name="Column">Its name.</param>
/// <param name="Kind">What they become.</param>
public sealed record UnseenRecipe(string Column, UnseenKind Kind);

/// <summary>What an unseen category becomes.</summary>
public enum UnseenKind
{
    /// <summary>An error.</summary>
    Error,

    /// <summary>
    /// A code that no other category has: all features of the column are 0. A feature of its own would have a weight that no row
    /// trained.
    /// </summary>
    OwnCode,

    /// <summary>The category of most training rows; of several, the first in order.</summary>
    MostFrequent,
}

/// <summary>How the cells of a CSV file are written: of the training file, and of each file that the model reads later.</summary>
public sealed record CsvFormat
{
    /// <summary>What stands between cells; null: the file shows it, which then has comma, semicolon, tab or pipe.</summary>
    public char? Delimiter { get; init; }

    /// <summary>What may stand between cells, in words.</summary>
    public static string AllowedDelimiters =>
        "comma, semicolon, tab, pipe, space, or one other character in quotes such as \":\"";

    /// <summary>The delimiter of a word such as <c>semicolon</c>, or of a character; null when it cannot be one.</summary>
    /// <param name="word">The word.</param>
    public static char? ParseDelimiter(string word) => word switch
    {
        "comma" => ',',
        "semicolon" => ';',
        "tab" => '\t',
        "pipe" => '|',
        "space" => ' ',
        [var character] when character is '\t' or ' '
            || (char.IsAscii(character) && !char.IsControl(character) && !char.IsAsciiLetterOrDigit(character)
            && character is not ('"' or '.' or '+' or '-' or '_' or '#')) => character,
        _ => null,
    };

    /// <summary>What messages and recipes call a delimiter.</summary>
    /// <param name="delimiter">The delimiter.</param>
    public static string Word(char delimiter) => delimiter switch
    {
        ',' => "comma",
        ';' => "semicolon",
        '\t' => "tab",
        '|' => "pipe",
        ' ' => "space",
        _ => delimiter.ToString(),
    };

    /// <summary>What stands before the decimals of a number: a point or a comma.</summary>
    public char Decimal { get; init; } = '.';

    /// <summary>Words that stand for a missing value; the empty cell always does.</summary>
    public ImmutableArray<string> Missing { get; init; } = [];
}

/// <summary>
/// A file of prepared data, as <c>clustertrain data prepare</c> writes them: rows are read from the mapped file, so that they may
/// exceed the memory.
/// Splits, scaling and weights are inside.
/// </summary>
/// <param name="File">The file.</param>
public sealed record PreparedSource(string File) : DataSource;

/// <summary>Rows written in the recipe itself.</summary>
public sealed record InlineSource : DataSource
{
    /// <summary>Features, one array per row.</summary>
    public required ImmutableArray<ImmutableArray<float>> Features { get; init; }

    /// <summary>Names of the features; empty: x1, x2, ...</summary>
    public ImmutableArray<string> Columns { get; init; } = [];

    /// <summary>Features computed from the written ones; they come after them.</summary>
    public ImmutableArray<DerivedFeature> Derived { get; init; } = [];

    /// <summary>Targets, one array per row: numbers, or for classification a single class index.</summary>
    public required ImmutableArray<ImmutableArray<float>> Targets { get; init; }
}
