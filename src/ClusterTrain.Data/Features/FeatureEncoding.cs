using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using ClusterTrain.Data.Common;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Features;

/// <summary>
/// How the columns of a source become the inputs of a network: some are words, which become one feature per category; features
/// are derived from others; then all are scaled. A model carries it, so that its predictions see what its training saw.
/// </summary>
public sealed record FeatureEncoding
{
    /// <summary>The columns that are read, in the order of their values in a row.</summary>
    public required ImmutableArray<string> Columns { get; init; }

    /// <summary>The columns of words with their categories; all others hold numbers.</summary>
    public required ImmutableArray<ColumnCategories> Categories { get; init; }

    /// <summary>Features computed from columns.</summary>
    public required ImmutableArray<DerivedFeature> Derived { get; init; }

    /// <summary>The features, in order: names of columns and of derived features.</summary>
    public required ImmutableArray<string> Features { get; init; }

    /// <summary>The scaling of the features, each category counted as one.</summary>
    public required FeatureScaling Scaling { get; init; }

    /// <summary>
    /// All columns of the training file, in its order, when it was CSV without a header: what a file without one is read by. Default otherwise.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ImmutableArray<string> FileColumns { get; init; }

    /// <summary>What stands between the cells of the training file where it was CSV; null: a comma.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public char? Delimiter { get; init; }

    /// <summary>What missing values are filled by; default: nothing is filled. A column that is not here may miss nothing.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ImmutableArray<ColumnFill> Fills { get; init; }

    /// <summary>What categories become that no training row has; default: errors. In a column that is not here they are errors.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ImmutableArray<UnseenCategory> Unseen { get; init; }

    /// <summary>The columns of dates, each of which becomes its parts; default: there are none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ImmutableArray<DateColumn> Dates { get; init; }

    /// <summary>The columns of true and false, which become 1 and 0; default: there are none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ImmutableArray<string> Booleans { get; init; }

    /// <summary>
    /// Name of each input of the network; that of a category is <c>column=category</c>. The last ones say for the columns that ask for it
    /// whether their value is missing.
    /// </summary>
    [JsonIgnore]
    public ImmutableArray<string> FeatureNames => [.. ColumnFeatureNames, .. Indicators.Select(IndicatorName)];

    /// <summary>The names without those of the indicators: what another program needs to know of a row.</summary>
    [JsonIgnore]
    internal ImmutableArray<string> ColumnFeatureNames => [.. Features.SelectMany(NamesOf)];

    /// <summary>The columns that have a feature which is 1 where their value is missing.</summary>
    [JsonIgnore]
    internal ImmutableArray<string> Indicators => [.. Filled.Where(fill => fill.HasIndicator).Select(fill => fill.Column)];

    /// <summary>True when rows are encoded by what was learnt from the training rows.</summary>
    [JsonIgnore]
    internal bool IsFitted => !Fills.IsDefaultOrEmpty || !Unseen.IsDefaultOrEmpty;

    private ImmutableArray<ColumnFill> Filled => Fills.IsDefault ? [] : Fills;

    /// <summary>Names of the features of a date, such as <c>sold.year</c>.</summary>
    internal static IEnumerable<string> FeatureNamesOf(DateColumn date) =>
        date.Parts.Select(part => $"{date.Column}.{RecipeWords.DatePart.Of(part)}");

    /// <summary>What a feature is called once it is one input, or several.</summary>
    internal IEnumerable<string> NamesOf(string feature) =>
        Category(feature)?.FeatureNames ?? (Date(feature) is { } date ? FeatureNamesOf(date) : null) ?? [feature];

    /// <summary>How a column's dates are read; null: it has none.</summary>
    internal DateColumn? Date(string column) => Dates.IsDefault ? null : Dates.FirstOrDefault(date => date.Column == column);

    /// <summary>True for a column of true and false.</summary>
    internal bool IsBoolean(string column) => !Booleans.IsDefault && Booleans.Contains(column);

    /// <summary>Name of the feature that says whether a column's value is missing.</summary>
    internal static string IndicatorName(string column) => $"{column} is missing";

    /// <summary>What a column's missing values are filled by; null: they are errors.</summary>
    internal ColumnFill? Fill(string column) => Filled.FirstOrDefault(fill => fill.Column == column);

    /// <summary>What a column's unseen categories become; null: errors.</summary>
    internal UnseenCategory? UnseenOf(string column) => Unseen.IsDefault ? null : Unseen.FirstOrDefault(unseen => unseen.Column == column);

    /// <summary>True when both treat missing values and unseen categories alike.</summary>
    public bool FillsAs(FeatureEncoding other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Filled.SequenceEqual(other.Filled) && (Unseen.IsDefault ? [] : Unseen).SequenceEqual(other.Unseen.IsDefault ? [] : other.Unseen);
    }

    /// <summary>Columns of numbers used as they are, but for the scaling.</summary>
    public static FeatureEncoding Plain(ImmutableArray<string> columns, FeatureScaling scaling) =>
        new() { Columns = columns, Categories = [], Derived = [], Features = columns, Scaling = scaling };

    /// <summary>The names of unnamed columns: a prefix and a number.</summary>
    internal static ImmutableArray<string> Numbered(string prefix, int first, int count) =>
        [.. Enumerable.Range(first, count).Select(i => prefix + i.ToString(CultureInfo.InvariantCulture))];

    /// <summary>One line of JSON; <see cref="FromJson"/> gives back the same encoding.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, FeatureEncodingJson.Default.FeatureEncoding);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="DataException">It is not an encoding.</exception>
    public static FeatureEncoding FromJson(string json)
    {
        try
        {
            var encoding = JsonSerializer.Deserialize(json, FeatureEncodingJson.Default.FeatureEncoding)
                ?? throw new DataException("The encoding of the features is empty.");
            encoding.Check();
            return encoding;
        }
        catch (JsonException exception)
        {
            throw new DataException($"The encoding of the features is not valid: {exception.Message}", exception);
        }
    }

    /// <summary>The categories of a column; null when it holds numbers or is none.</summary>
    internal ColumnCategories? Category(string column) => Categories.FirstOrDefault(words => words.Column == column);

    private void Check()
    {
        Require(IsNames(Columns) && IsNames(Features), "columns and features have names, each once");
        Require(!Derived.IsDefault && !Categories.IsDefault, "derived features and categories are lists");
        Require(
            Categories.All(words => words is not null && Columns.Contains(words.Column) && IsNames(words.Names)),
            "each column of words is a column and has categories");
        Require(
            Dates.IsDefault || Dates.All(date =>
                date is { Column: not null, Parts.IsDefaultOrEmpty: false } && Columns.Contains(date.Column) && Category(date.Column) is null
                && DateColumn.Formats.Contains(date.Format) && date.Parts.All(Enum.IsDefined) && date.Parts.Distinct().Count() == date.Parts.Length),
            "each column of dates is a column and has a format and parts");
        Require(
            Booleans.IsDefault || Booleans.All(column =>
                column is not null && Columns.Contains(column) && Category(column) is null && Date(column) is null),
            "each column of true and false is a column");
        var numbers = Columns.Except(Categories.Select(words => words.Column)).Where(column => Date(column) is null).ToHashSet();
        Require(
            Derived.All(feature => feature is { Name: not null } && Enum.IsDefined(feature.Kind)
                && numbers.Contains(feature.Left) && numbers.Contains(feature.Right)),
            "each derived feature is computed from columns of numbers");
        var known = Columns.Concat(Derived.Select(feature => feature.Name)).ToHashSet();
        Require(Features.All(known.Contains), "each feature is a column or derived");
        Require(
            FileColumns.IsDefault || (IsNames(FileColumns) && Columns.All(FileColumns.Contains)), "the training file has the columns that are read");
        Require(
            Filled.All(fill => fill is not null && Columns.Contains(fill.Column) && (Category(fill.Column) is { } words
                ? fill.Number is null && (fill.Category is null || words.Names.Contains(fill.Category))
                : fill.Category is null && fill.Number is { } number && float.IsFinite((float)number))),
            "each filled column is a column, and is filled by one of its categories or by a number");
        Require(
            Unseen.IsDefault || Unseen.All(unseen => unseen is not null && Category(unseen.Column) is { } words
                && (unseen.Category is null || words.Names.Contains(unseen.Category))),
            "unseen categories are those of columns of words");
        Require(Scaling is not null && FeatureNames.Length == Scaling.Features, "the scaling is one of these features");
        Scaling!.Check();
    }

    private static bool IsNames(ImmutableArray<string> names) => !names.IsDefaultOrEmpty
        && names.Length <= DataLimits.Columns && names.All(name => name is not null) && names.Distinct().Count() == names.Length;

    private static void Require(bool holds, string rule)
    {
        if (!holds)
        {
            throw new DataException($"The encoding of the features does not hold to the rule that {rule}.");
        }
    }
}

/// <summary>A column of words.</summary>
/// <param name="Column">Its name.</param>
/// <param name="Names">The words that the training file has, in numeric order when all are integers, else in ordinal order.</param>
/// <remarks>The empty word, the last one, is the category of missing values.</remarks>
public sealed record ColumnCategories(string Column, ImmutableArray<string> Names)
{
    /// <summary>Names of the features that the categories become.</summary>
    internal IEnumerable<string> FeatureNames => Names.Select(word => $"{Column}={(word.Length == 0 ? "(missing)" : word)}");
}

/// <summary>What the missing values of a column are filled by.</summary>
/// <param name="Column">Its name.</param>
/// <param name="Number">The number, for a column of numbers.</param>
/// <param name="Category">The category, for a column of words; null: no training row misses the value, and a row that does has an unseen
/// category.</param>
/// <param name="HasIndicator">True: a feature is 1 where the value is missing.</param>
public sealed record ColumnFill(string Column, double? Number, string? Category, bool HasIndicator);

/// <summary>What the categories of a column become that no training row has.</summary>
/// <param name="Column">Its name.</param>
/// <param name="Category">The category they become; null: all features of the column are 0.</param>
public sealed record UnseenCategory(string Column, string? Category);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(FeatureEncoding))]
internal sealed partial class FeatureEncodingJson : JsonSerializerContext;
