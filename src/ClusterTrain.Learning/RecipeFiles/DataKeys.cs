using System.Collections.Immutable;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.Recipes;
using static ClusterTrain.Learning.RecipeFiles.RecipeForms;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>The keys of the data of a recipe, one row each.</summary>
internal static class DataKeys
{
    private static readonly ImputationKind[] s_ofNumbers = [ImputationKind.Mean, ImputationKind.Median, ImputationKind.Constant];
    private static readonly ImputationKind[] s_ofWords = [ImputationKind.Category, ImputationKind.MostFrequent,
        ImputationKind.Constant];

    private static readonly RecipeForm<ImmutableArray<UnseenRecipe>> s_unseen = new MapForm<UnseenRecipe>(
        column => Word(RecipeWords.Unseen).As(kind => new UnseenRecipe(column, kind), unseen => unseen.Kind),
        unseen => unseen.Column,
        "a word for each column, such as { city: own-code }")
        .As(all => all.RemoveAll(unseen => unseen.Kind == UnseenKind.Error), all => all);

    private static readonly RecipeForm<ClassWeightsRecipe> s_classWeights = new MapForm<ClassWeight>(
        name => Number(1e-6, 1e6).As(weight => new ClassWeight(name, weight), weight => weight.Weight),
        weight => weight.Class,
        "balanced, none, or a weight for each class, such as { ham: 1, spam: 2.5 }")
        .Where(weights => weights.Length > 0 ? null : "has no class; write balanced, or a weight for each class")
        .As(weights => new ClassWeightsRecipe(weights), weights => weights.Given)
        .Or("balanced", new([]))
        .Or("none", null!);

    private static readonly RecipeForm<(double? Number, bool IsAuto)> s_targetScale =
        OrNone(Number(1e-30, 1e30, "auto, a number or a fraction such as 1/100000, from 1e-30 to 1e30"))
        .As(number => (Number: number, IsAuto: false), scale => scale.Number)
        .Or("auto", (null, true));

    private static readonly RecipeForm<ImmutableArray<ImmutableArray<float>>> s_rows =
        new ListForm<ImmutableArray<float>>(Floats, "a list, [a, b, ...]") { IsBlock = true };

    private static readonly RecipeForm<ImmutableArray<string>?> s_pair = Perhaps(new ListForm<string>(Text, "a list, [a, b]")
        .Where(columns => columns.Length == 2 ? null : $"has {columns.Length} columns; allowed: two, [a, b]"));

    public static readonly RecipeTable<DerivedFeature> Derived = new RecipeTable<DerivedFeature>(
        new("", (DerivedKind)(-1), "", ""), "A feature computed from two columns of numbers, in float32 rounded once.")
        .Key("name", Text, f => f.Name, (f, v) => f with { Name = v }, "Its name; no column has it.", "rooms per house",
            always: true, required: _ => true)
        .Key("ratio", s_pair, f => Operands(f, DerivedKind.Ratio),
            (f, v) => f with { Kind = DerivedKind.Ratio, Left = v!.Value[0], Right = v.Value[1] },
            "a / b.", "[rooms, houses]")
        .Key("cross", s_pair, f => Operands(f, DerivedKind.Cross),
            (f, v) => f with { Kind = DerivedKind.Cross, Left = v!.Value[0], Right = v.Value[1] },
            "a · b.", "[width, height]")
        .ExactlyOne("rule", " (ratio: [a, b] is a / b, cross: [a, b] is a times b)", "ratio", "cross");

    private static readonly RecipeForm<ImmutableArray<DerivedFeature>> s_derived =
        new ListForm<DerivedFeature>(new PartForm<DerivedFeature>(Derived), "a list, [a, b, ...]") { IsBlock = true };

    private static readonly RecipeForm<ImmutableArray<DatePart>> s_parts = new ListForm<DatePart>(
        Word(RecipeWords.DatePart), $"a list of {string.Join(", ", RecipeWords.DatePart.Rows.Select(row => row.Word))}")
    {
        IsSet = true,
    }
    .Where(parts => parts.Length > 0
        ? null : $"has none; allowed: {string.Join(", ", RecipeWords.DatePart.Rows.Select(row => row.Word))}");

    private static readonly RecipeTable<DateColumn> s_date = new RecipeTable<DateColumn>(
        Date(""), "A column of dates. A list alone is its parts.")
    {
        Short = "format",
    }
        .Key("format", OneOf(DateColumn.Formats, ""), d => d.Format, (d, v) => d with { Format = v },
            "How its dates are written; a time of day may follow.", "dd.mm.yyyy", always: true)
        .Key("parts", s_parts, d => d.Parts, (d, v) => d with { Parts = v },
            "The features it becomes: `weekday` from 1 (Monday) to 7, `days` since 1 January 1970.", "[year, month, hour]",
            always: true);

    private static readonly RecipeForm<ImmutableArray<DateColumn>> s_dates = new MapForm<DateColumn>(
        column => new PartForm<DateColumn>(s_date, () => Date(column))
            .OrList(s_parts, parts => Date(column) with { Parts = parts }),
        date => date.Column,
        "a list of columns, or for each column parts or a format, such as { sold: [year, month] }")
    {
        IsBlock = true,
    }
        .OrList(Texts, columns => [.. columns.Order(StringComparer.Ordinal).Select(Date)]);

    private static readonly RecipeForm<ImmutableArray<string>?> s_files = Perhaps(Texts.Where(files => files.Length > 0
        ? null : "is empty; name at least one file"));

    public static readonly RecipeTable<IdxSource> Idx = new RecipeTable<IdxSource>(
        new() { Features = "", Labels = "" }, "IDX files, plain or gzip: images or vectors, and labels.")
        .Key("features", Text, i => i.Features, (i, v) => i with { Features = v },
            "File of the training features.", "train-images-idx3-ubyte.gz", "inputs x", always: true, required: _ => true)
        .Key("labels", Text, i => i.Labels, (i, v) => i with { Labels = v },
            "File of the training labels.", "train-labels-idx1-ubyte.gz", always: true, required: _ => true)
        .Key("test_features", Text, i => i.TestFeatures!, (i, v) => i with { TestFeatures = v }, "File of the test features.",
            "t10k-images-idx3-ubyte.gz")
        .Key("test_labels", Text, i => i.TestLabels!, (i, v) => i with { TestLabels = v }, "File of the test labels.",
            "t10k-labels-idx1-ubyte.gz")
        .Rule(DataRules.Check);

    public static readonly RecipeTable<CsvSource> Csv = new RecipeTable<CsvSource>(
        new() { Targets = [] }, "A table: CSV files, plain or gzip, a row a line, or Parquet files.")
        .Key("file", Text, c => c.Files is [var only] ? only : null!, (c, v) => c with { Files = [v] },
            "File of the training rows; it is looked for beside the recipe, then where data are. With `*` and `?` in its name: "
            + "all files that fit, in ordinal order.", "houses.csv", "path trainfile", always: true)
        .Key("files", s_files, c => c.Files.Length > 1 ? c.Files : null, (c, v) => c with { Files = v!.Value },
            "The files of the training rows, in place of `file`, one after the other; all have the same columns.",
            "[houses-2025.csv, houses-2026.csv]", "paths parts trainfiles")
        .Key("test_file", Text, c => c.TestFile!, (c, v) => c with { TestFile = v },
            "File of the test rows, with the same columns, or a name that fits several.", "houses-test.csv", "testfile")
        .Key("header", Flag, c => c.Header, (c, v) => c with { Header = v }, "True: the first line names the columns.", "false",
            always: true)
        .Key("columns", Texts, c => c.Columns, (c, v) => c with { Columns = v },
            "Names of the columns of a file without a header. Without them: c0, c1, ...", "[rooms, area, price]")
        .Key("target", Text, _ => null!, (c, v) => c with { Targets = [v] }, "The column to predict.", "price")
        .Key("targets", Texts, c => c.Targets, (c, v) => c with { Targets = v },
            "The columns to predict, in place of `target`; several need `task: regression`.", "[price, rent]", "label labels y",
            always: true)
        .Key("features", Texts, c => c.Features, (c, v) => c with { Features = v },
            "The features, in order: columns, and derived features by name. Without them: all other columns, then all derived "
            + "features.", "[rooms, area]",
            "inputs x")
        .Key("exclude", Texts, c => c.Exclude, (c, v) => c with { Exclude = v },
            "Columns that are no features, where `features` does not list them.", "[id, owner]",
            "drop ignore dropcolumns skip without excluded")
        .Key("categorical", Texts, c => c.Categorical, (c, v) => c with { Categorical = v },
            "Columns of words: each becomes a feature per category, 1 for the row's own and 0 for the others.", "[city, heating]",
            "onehot categories categoricalcolumns categoricals")
        .Key("booleans", Texts, c => c.Booleans, (c, v) => c with { Booleans = v },
            "Columns of true and false, yes and no, t and f, on and off, or 1 and 0: each becomes a feature that is 1 or 0.",
            "[garden]", "boolean bool bools flags binarycolumns")
        .Key("dates", s_dates, c => c.Dates, (c, v) => c with { Dates = v },
            $"Columns of dates: each becomes its parts. Without a format: {DateColumn.DefaultFormat}; without parts: "
            + $"{string.Join(", ", DateColumn.UsualParts.Select(RecipeWords.DatePart.Of))}.",
            "{ sold: [year, month], built: dd.mm.yyyy, seen: { format: mm/dd/yyyy, parts: [hour] } }",
            "date datetime datecolumns parsedates times timestamps")
        .Key("derive", s_derived, c => c.Derived, (c, v) => c with { Derived = v },
            "Features computed from columns.", "[{ name: rooms per house, ratio: [rooms, houses] }]",
            "derived crosses ratios featurecrosses engineered")
        .Choice("file", "files")
        .Choice("target", "targets")
        .Rule(DataRules.Check);

    public static readonly RecipeTable<InlineSource> Inline = new RecipeTable<InlineSource>(
        new() { Features = [], Targets = [] }, "Rows written in the recipe itself.")
        .Key("features", s_rows, i => i.Features, (i, v) => i with { Features = v },
            "A list of numbers for each row.", "[[0, 0], [0, 1]]", "inputs x", always: true, required: _ => true)
        .Key("targets", s_rows, i => i.Targets, (i, v) => i with { Targets = v },
            "A list for each row: numbers, or for a classification the index of the class, from 0.", "[[0], [1]]",
            "label labels y",
            always: true, required: _ => true)
        .Key("columns", Texts, i => i.Columns, (i, v) => i with { Columns = v },
            "Names of the features. Without them: x1, x2, ...", "[left, right]")
        .Key("derive", s_derived, i => i.Derived, (i, v) => i with { Derived = v },
            "Features computed from the written ones; they come after them.", "[{ name: both, cross: [x1, x2] }]",
            "derived crosses ratios featurecrosses engineered")
        .Rule(DataRules.Check);

    public static readonly RecipeTable<DataRecipe> Data = new RecipeTable<DataRecipe>(
        new() { Source = new NamedSource("") },
        "The rows, from exactly one source, and how they are prepared. All that is computed from rows is computed over "
        + "the training rows only.")
        .Key("set", OneOf(NamedSource.Known, " (a file is named with idx or csv)"), d => (d.Source as NamedSource)?.Name!,
            (d, v) => d with { Source = new NamedSource(v) }, "A data set known by name: found on this machine or fetched.",
                "digits",
            "dataset source name")
        .Key("idx", new PartForm<IdxSource>(Idx) { IsBlock = true }, d => (d.Source as IdxSource)!,
            (d, v) => d with { Source = v },
            "IDX files.", "{ features: train-images.gz, labels: train-labels.gz }")
        .Key("csv", new PartForm<CsvSource>(Csv) { IsBlock = true }, d => (d.Source as CsvSource)!,
            (d, v) => d with { Source = v },
            "CSV or Parquet files.", "{ file: houses.csv, target: price }")
        .Key("parquet", new PartForm<CsvSource>(Csv) { IsBlock = true }, _ => null!, (d, v) => d with { Source = v },
            "Another word for `csv`: the kind of a file is detected.", "{ file: houses.parquet, target: price }")
        .Key("inline", new PartForm<InlineSource>(Inline) { IsBlock = true }, d => (d.Source as InlineSource)!,
            (d, v) => d with { Source = v },
            "Rows written in the recipe.", "{ features: [[0, 0], [0, 1], [1, 0], [1, 1]], targets: [[0], [1], [1], [0]] }")
        .Key("prepared", Text, d => (d.Source as PreparedSource)?.File!, (d, v) => d with { Source = new PreparedSource(v) },
            "A file that `clustertrain data prepare` wrote; splits and scaling are in it.", "houses.ctdata",
            "preparedfile binary mapped")
        .Key("delimiter", Perhaps(Value(CsvFormat.AllowedDelimiters, CsvFormat.ParseDelimiter, CsvFormat.Word)),
            d => (d.Source as CsvSource)?.Format.Delimiter, (d, v) => Format(d, format => format with { Delimiter = v }),
            "What stands between the cells of a CSV file. Without it: detected.", "semicolon",
            "sep separator fieldseparator delim fielddelimiter", unless: NoCsv)
        .Key("decimal", Value("\",\" and \".\", in quotes", DecimalOf, point => point.ToString()),
            d => (d.Source as CsvSource)?.Format.Decimal ?? '.', (d, v) => Format(d, format => format with { Decimal = v }),
            "What stands before the decimals of a number in a CSV file.", "\",\"",
            "decimalpoint decimalseparator decimalcomma decimals", unless: NoCsv)
        .Key("missing", Texts, d => (d.Source as CsvSource)?.Format.Missing ?? [],
            (d, v) => Format(d, format => format with
            {
                Missing = [.. v.Select(word => word.Trim()).Where(word => word.Length > 0).Distinct()],
            }),
            "Words that stand for a missing value in a CSV file; the empty cell always does.", "[NA, \"?\"]",
            "na navalues nan missingvalues missingwords nullvalues nas", unless: NoCsv)
        .Key("group", Text, d => (d.Source as CsvSource)?.Group!, (d, v) => OnCsv(d, csv => csv with { Group = v }),
            "The column of a CSV file that says which rows belong together: those of one group are in one part of a split.",
            "customer_id", "groups groupby groupcolumn groupkfold", unless: NoCsv)
        .Key("time", Text, d => (d.Source as CsvSource)?.Time!, (d, v) => OnCsv(d, csv => csv with { Time = v }),
            "The column of times of a CSV file: the latest rows are held back.", "sold_on",
            "timecolumn timeseries chronological timestamp", unless: NoCsv)
        .Key("impute", d => Impute(d.Source as CsvSource), d => (d.Source as CsvSource)?.Impute ?? [],
            (d, v) => OnCsv(d, csv => csv with { Impute = v }),
            "What fills the missing values of the columns of a CSV file; in other columns they are errors.",
            "{ rooms: median, city: category }",
            "imputation imputer fill fillna missingpolicy fillmissing", unless: NoCsv)
        .Key("unseen", s_unseen, d => (d.Source as CsvSource)?.Unseen ?? [], (d, v) => OnCsv(d, csv => csv with { Unseen = v }),
            "What categories become that no training row has, by categorical column of a CSV file; in other columns they are "
            + "errors.",
            "{ city: own-code }", "unknown handleunknown unseencategories unknowncategories", unless: NoCsv)
        .Key("task", Word(RecipeWords.Task), d => d.Task, (d, v) => d with { Task = v }, "What the targets are.", "regression",
            always: true)
        .Key("scale",
            OrNone(Number(-1e30, 1e30, "a number or a fraction such as 1/255, its size from 1e-30 to 1e30",
                x => Math.Abs(x) is >= 1e-30 and <= 1e30)),
            d => d.Scale, (d, v) => d with { Scale = v },
            "Features are multiplied by it before anything else; for pixels 1/255.", "1/255", "divide rescale", always: true,
            unless: InPrepared)
        .Key("standardise", Perhaps(Flag),
            d => d.Scaling is ScalingKind.None or ScalingKind.Standard ? d.Scaling == ScalingKind.Standard : null,
            (d, v) => d with { Scaling = v == true ? ScalingKind.Standard : ScalingKind.None },
            "True: each feature gets mean 0 and deviation 1, as with `scaling: standard`. Without it: true for tables without "
            + "`scale`, else false.", "true",
            "standardize normalise normalize standardscaler", always: true, unless: InPrepared,
            usual: d => d is { Source: CsvSource, Scale: null })
        .Key("scaling", Perhaps(Word(RecipeWords.Scaling)),
            d => d.Scaling is ScalingKind.None or ScalingKind.Standard ? null : d.Scaling,
            (d, v) => d with { Scaling = v!.Value },
            "How each feature is shifted and scaled; `none`: not at all. Without it: as `standardise` says.", "robust",
            "scaler featurescaling minmax robust", unless: InPrepared)
        .Key("target_scale", s_targetScale, d => (Number: d.TargetScale, IsAuto: d.ScaleTargets),
            (d, v) => d with { TargetScale = v.Number, ScaleTargets = v.IsAuto },
            "Regression: targets are multiplied by it for training; predictions are in the targets' own unit. `auto`: the mean "
            + "of each target is taken from it first, and one factor gives all of them together a deviation of 1.", "auto",
            "targetscaling labelscale yscale scaletarget", unless: InPrepared)
        .Key("class_weights", s_classWeights, d => d.ClassWeights!, (d, v) => d with { ClassWeights = v },
            "Classification: how much the rows of each class count in training. `balanced`: each class as much as any other; "
            + "else a weight for each "
            + "class, 1 for those not named. Needs `loss: categorical-cross-entropy`.",
            "{ ham: 1, spam: 2.5 }", "classweight sampleweight sampleweights balanced", unless: InPrepared)
        .Key("validation", OrNone(Split), d => d.Validation, (d, v) => d with { Validation = v },
            "What is held back to watch the run: a number of rows, or a share of them.", "0.1",
            "val validationsplit dev valsplit validationsize validationfraction", always: true, unless: InPrepared)
        .Key("test", OrNone(Split), d => d.Test, (d, v) => d with { Test = v },
            "What is held back for the final figures, of a source without test rows of its own.", "0.2",
            "testsplit testsize testfraction",
            always: true, unless: InPrepared)
        .Key("split", Perhaps(Word(RecipeWords.Split)), WrittenSplit,
            (d, v) => d with { Split = HasSplit(d) ? v!.Value : SplitKind.Random },
            "How rows are chosen to be held back where neither `group` nor `time` decides it. Without it: tables with classes "
            + "are stratified, all else is split by chance.",
            "random", "splitby stratify stratified splitkind shuffle", always: true, unless: InPrepared,
            usual: d => HasSplit(d) ? DefaultSplit(d.Source, d.Task) : SplitKind.Random)
        .ExactlyOne("source", "", "set", "idx", "csv", "parquet", "inline", "prepared")
        .Rule(DataRules.Check);

    private static DateColumn Date(string column) => new(column, DateColumn.DefaultFormat, DateColumn.UsualParts);

    // What fills missing values. What columns hold is not known without a recipe, for a page or an editor.
    private static MapForm<ImputationRecipe> Impute(CsvSource? csv) => new(
        column => new PartForm<ImputationRecipe>(Imputation(csv is null ? null : ContentOf(csv, column)),
            () => new(column, ImputationKind.Mean, null, null, false)),
        imputation => imputation.Column,
        "a policy for each column, such as { age: median, city: category }")
    {
        IsBlock = true,
    };

    private static ColumnContent ContentOf(CsvSource csv, string column) =>
        csv.Categorical.Contains(column) ? ColumnContent.Words
        : csv.Booleans.Contains(column) ? ColumnContent.Booleans
        : csv.Dates.Any(date => date.Column == column) ? ColumnContent.Dates
        : ColumnContent.Numbers;

    private static RecipeTable<ImputationRecipe> Imputation(ColumnContent? content)
    {
        var kinds = content switch
        {
            null => Word(RecipeWords.Imputation),
            ColumnContent.Words => Word(RecipeWords.Imputation, s_ofWords, "and the column is categorical"),
            ColumnContent.Dates => Word(RecipeWords.Imputation, s_ofNumbers, "and the column holds dates"),
            ColumnContent.Booleans => Word(RecipeWords.Imputation, s_ofNumbers, "and the column holds true and false"),
            _ => Word(RecipeWords.Imputation, s_ofNumbers, "and the column holds numbers (csv.categorical does not name it)"),
        };
        var table = new RecipeTable<ImputationRecipe>(
            new("", ImputationKind.Mean, null, null, false),
            "What the missing values of a column are filled by. Numbers, dates, true and false: mean, median or constant; words: "
            + "category, most-frequent or constant.")
        {
            Short = "kind",
            Decider = ("kind", "kind"),
        }
            .Key("kind", kinds, i => i.Kind, (i, v) => i with { Kind = v }, "How they are filled.", "constant", "type method",
                always: true, required: _ => true);
        var number = content switch
        {
            ColumnContent.Numbers => Number(float.MinValue, float.MaxValue, "a number that fits a 32-bit float",
                x => float.IsFinite((float)x)),
            ColumnContent.Booleans =>
                Value("true, false", text => BooleanCell.Read(text), value => value == 1 ? "true" : "false"),
            _ => null,
        };
        var word = Text.As(word => word.Trim(), word => word);
        if (content == ColumnContent.Dates)
        {
            word = word.Where(date => DateCell.Read(date, DateColumn.DefaultFormat) is null
                ? $"is '{RecipeText.Shown(date)}'; allowed: a date such as 2026-01-31" : null);
        }

        table = number is not null
            ? table.Key("value", Perhaps(number), i => i.Number, (i, v) => i with { Number = v }, "The constant.", "0",
                when: IsConstant, required: _ => true)
            : table.Key("value", word, i => i.Word!, (i, v) => i with { Word = v },
                "The constant: a number, a word for a categorical column, a date such as 2026-01-31, or true or false.", "0",
                when: IsConstant, required: _ => true);
        return table.Key("indicator", Flag, i => i.Indicator, (i, v) => i with { Indicator = v },
            "True: a feature besides, 1 where the value is missing, if it is in any training row.", "true", always: true);

        static bool IsConstant(ImputationRecipe imputation) => imputation.Kind == ImputationKind.Constant;
    }

    /// <summary>
    /// How rows are held back where a recipe does not say it: images and known sets have many rows of each class and are split by
    /// chance.
    /// </summary>
    internal static SplitKind DefaultSplit(DataSource? source, TaskKind task) =>
        task == TaskKind.Classification && source is CsvSource { Group: null, Time: null }
            ? SplitKind.Stratified : SplitKind.Random;

    private static bool HasSplit(DataRecipe data) => data is not { Validation: null, Test: null };

    // Recipes that could not be stratified keep their fingerprints.
    private static SplitKind? WrittenSplit(DataRecipe data) =>
        HasSplit(data) && !data.IsSplitUnsaid && (data.Split != SplitKind.Random || DefaultSplit(data.Source, data.Task) != SplitKind.Random)
            ? data.Split : null;

    private static ImmutableArray<string>? Operands(DerivedFeature feature, DerivedKind kind) =>
        feature.Kind == kind ? [feature.Left, feature.Right] : null;

    private static char? DecimalOf(string text) => text switch
    {
        "," or "comma" => ',',
        "." or "point" => '.',
        _ => null,
    };

    private static DataRecipe OnCsv(DataRecipe data, Func<CsvSource, CsvSource> change) =>
        data with { Source = change((CsvSource)data.Source) };

    private static DataRecipe Format(DataRecipe data, Func<CsvFormat, CsvFormat> change) =>
        OnCsv(data, csv => csv with { Format = change(csv.Format) });

    private static string? NoCsv(DataRecipe data) =>
        data.Source is CsvSource ? null : "is about the columns of a CSV file, but the source is not a CSV file; remove it";

    // What the cells of a column are.
    private enum ColumnContent
    {
        Numbers,
        Words,
        Dates,
        Booleans,
    }

    private static string? InPrepared(DataRecipe data) => data.Source is PreparedSource
        ? "has no effect on a prepared file, which has it inside; remove it here and set it where the file is prepared"
        : null;
}
