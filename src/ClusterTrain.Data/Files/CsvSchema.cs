using System.Collections.Immutable;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Files;

/// <summary>
/// What is read from the rows of a CSV file. The training file fixes it; files read after it have the same columns and no other
/// words.
/// </summary>
internal sealed class CsvSchema
{
    private CsvSchema(
        ImmutableArray<string> columns,
        ImmutableArray<DerivedFeature> derived,
        ImmutableArray<string> features,
        ImmutableArray<WordCodes?> words,
        ImmutableArray<string> targets,
        WordCodes? labels,
        ImmutableArray<string> fileColumns = default,
        char delimiter = ',')
    {
        Delimiter = delimiter;
        (Columns, Derived, Features, Words, Targets, Labels) = (columns, derived, features, words, targets, labels);
        FileColumns = fileColumns;
        Rules = new FeatureRules(columns, derived, features);
    }

    /// <summary>Columns that features need.</summary>
    public ImmutableArray<string> Columns { get; }

    /// <summary>Features computed from them.</summary>
    public ImmutableArray<DerivedFeature> Derived { get; }

    /// <summary>The features, columns and derived ones, in order.</summary>
    public ImmutableArray<string> Features { get; }

    /// <summary>For each column the numbers of its words; null: it holds numbers.</summary>
    public ImmutableArray<WordCodes?> Words { get; }

    /// <summary>The target columns, in order.</summary>
    public ImmutableArray<string> Targets { get; }

    /// <summary>The numbers of the labels; null: the targets are numbers.</summary>
    public WordCodes? Labels { get; }

    /// <summary>All columns of a training file without a header; default: it has one.</summary>
    public ImmutableArray<string> FileColumns { get; }

    /// <summary>What stands between the cells of the training file.</summary>
    public char Delimiter { get; }

    /// <summary>For each column how its dates are read; null: it has none.</summary>
    public ImmutableArray<DateColumn?> Dates { get; private init; }

    /// <summary>For each column whether it holds true and false.</summary>
    public ImmutableArray<bool> AreBooleans { get; private init; }

    /// <summary>The columns whose values may be missing.</summary>
    public ImmutableHashSet<string> MayMiss { get; private init; } = [];

    /// <summary>The columns whose categories need not be those of the training file.</summary>
    public ImmutableHashSet<string> MayBeUnseen { get; private init; } = [];

    /// <summary>True when rows stay columns until the training rows are known, see <see cref="SourceTable.Codes"/>.</summary>
    public bool KeepsColumns => !MayMiss.IsEmpty || !MayBeUnseen.IsEmpty || Dates.Any(date => date is not null);

    /// <summary>From columns to features.</summary>
    public FeatureRules Rules { get; }

    /// <summary>What a recipe asks of its training file.</summary>
    /// <param name="source">The recipe's source.</param>
    /// <param name="file">The columns of the file.</param>
    /// <param name="task">What the targets are.</param>
    /// <param name="delimiter">What stands between the cells of the file.</param>
    /// <exception cref="DataException">Columns are missing or used in two ways.</exception>
    public static CsvSchema Of(CsvSource source, CsvColumns file, TaskKind task, char delimiter)
    {
        if (task == TaskKind.Classification && source.Targets.Length != 1)
        {
            throw new DataException(
                $"{file.File}: a classification has one target column, the label; {source.Targets.Length} are named.");
        }

        _ = file.Indices(source.Targets);
        var derived = source.Derived.ToDictionary(feature => feature.Name);
        var features = FeatureNames(source, file);
        CheckDerived(source, file);
        _ = file.Indices([.. features.Where(name => !derived.ContainsKey(name))]);
        ImmutableArray<string> columns = [.. features
            .Where(name => !derived.ContainsKey(name))
            .Concat(source.Derived.SelectMany(feature => new[] { feature.Left, feature.Right }))
            .Distinct()];
        _ = file.Indices(columns);
        _ = file.Indices(source.Categorical);
        _ = file.Indices([.. source.Dates.Select(date => date.Column), .. source.Booleans, .. source.Exclude]);
        CheckParts(source, file, features);
        CheckImputed(source, file, columns, features);
        return new CsvSchema(
            columns,
            source.Derived,
            features,
            [.. columns.Select(column => source.Categorical.Contains(column) ? new WordCodes() : null)],
            source.Targets,
            task == TaskKind.Classification ? new WordCodes() : null,
            file.AreInFile ? default : file.Names,
            delimiter)
        {
            Dates = [.. columns.Select(column => source.Dates.FirstOrDefault(date => date.Column == column))],
            AreBooleans = [.. columns.Select(source.Booleans.Contains)],
            MayMiss = [.. source.Impute.Select(column => column.Column)],
            MayBeUnseen = [.. source.Unseen.Select(column => column.Column)],
        };
    }

    /// <summary>What a trained model asks of a file.</summary>
    public static CsvSchema Of(FeatureEncoding encoding, ImmutableArray<string> targets, ImmutableArray<string> classes) => new(
        encoding.Columns,
        encoding.Derived,
        encoding.Features,
        [.. encoding.Columns.Select(column => encoding.Category(column) is { } category ? new WordCodes(category.Names) : null)],
        targets,
        classes.IsEmpty ? null : new WordCodes(classes))
    {
        Dates = [.. encoding.Columns.Select(encoding.Date)],
        AreBooleans = [.. encoding.Columns.Select(encoding.IsBoolean)],
        MayMiss = [.. encoding.Columns.Where(column => encoding.Fill(column) is not null)],
        MayBeUnseen = [.. encoding.Columns.Where(column => encoding.UnseenOf(column) is not null)],
    };

    /// <summary>How the features came about, once the training file is read.</summary>
    public FeatureEncoding Encoding(int features) => new()
    {
        Columns = Columns,
        Categories = [.. Columns.Zip(Words)
            .Where(pair => pair.Second is not null)
            .Select(pair => new ColumnCategories(pair.First, pair.Second!.Words))],
        Derived = Derived,
        Features = Features,
        Dates = Dates.OfType<DateColumn>().ToImmutableArray() is { IsEmpty: false } dates ? dates : default,
        Booleans = Columns.Where((_, i) => AreBooleans[i]).ToImmutableArray() is { IsEmpty: false } booleans ? booleans : default,
        FileColumns = FileColumns,
        Delimiter = Delimiter == ',' ? null : Delimiter,
        Scaling = FeatureScaling.Uniform(features, 1),
    };

    private static ImmutableArray<string> FeatureNames(CsvSource source, CsvColumns file)
    {
        if (source.Features.IsEmpty)
        {
            var rest = file.Names.RemoveRange(source.Targets).RemoveRange(source.Exclude).RemoveRange(source.SplitColumns)
                .AddRange(source.Derived.Select(feature => feature.Name));
            return !rest.IsEmpty
                ? rest
                : throw new DataException(
                    $"{file.File}: {(source.Exclude.IsEmpty ? "all columns are targets" : "all columns are targets or excluded")}; at least one has "
                        + "to be a feature.");
        }

        var seen = new HashSet<string>(source.Targets);
        foreach (var name in source.Features)
        {
            if (!seen.Add(name))
            {
                throw new DataException(
                    $"{file.File}: column '{name}' is used twice, as features or as target and feature. Use each column once.");
            }
        }

        return source.Features;
    }

    private static void CheckParts(CsvSource source, CsvColumns file, ImmutableArray<string> features)
    {
        if (source.Dates.SelectMany(FeatureEncoding.FeatureNamesOf).FirstOrDefault(features.Contains) is { } taken)
        {
            throw new DataException($"{file.File}: there is a feature '{taken}' already, as a part of a date is called. Rename it, or leave the part "
                + "out.");
        }
    }

    private static void CheckImputed(CsvSource source, CsvColumns file, ImmutableArray<string> columns, ImmutableArray<string> features)
    {
        foreach (var column in source.Impute)
        {
            if (!columns.Contains(column.Column))
            {
                throw new DataException(
                    $"{file.File}: data.impute fills the column '{column.Column}', which is not among those that features need. " +
                    $"{NearestColumn.Suggest(column.Column, columns)} Remove it there, or add it to the features.");
            }

            if (column.Indicator && !features.Contains(column.Column))
            {
                throw new DataException(
                    $"{file.File}: data.impute asks for an indicator of '{column.Column}', which is not a feature itself. Add it to the features, or "
                        + "remove the indicator.");
            }

            if (column.Indicator && FeatureEncoding.IndicatorName(column.Column) is var name && (columns.Contains(name) || features.Contains(name)))
            {
                throw new DataException($"{file.File}: there is a feature '{name}' already, as the indicator of '{column.Column}' is called. Rename "
                    + "it.");
            }
        }

        if (source.Unseen.FirstOrDefault(column => !columns.Contains(column.Column)) is { } unused)
        {
            throw new DataException(
                $"{file.File}: data.unseen names the column '{unused.Column}', which is not among those that features need. Remove it there, or add "
                    + "it to the features.");
        }
    }

    private static void CheckDerived(CsvSource source, CsvColumns file)
    {
        foreach (var feature in source.Derived)
        {
            if (file.Names.Contains(feature.Name))
            {
                throw new DataException(
                    $"{file.File}: there is a column '{feature.Name}' already. Choose another name for the derived feature.");
            }
        }
    }
}
