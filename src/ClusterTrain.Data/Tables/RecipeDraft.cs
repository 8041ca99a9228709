using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Files;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tables;

/// <summary>A first recipe for one's own table, with comments, made by a look at all of its cells.</summary>
/// <param name="Text">The recipe, YAML.</param>
/// <param name="Summary">What it trains, in a sentence.</param>
/// <param name="Warnings">What a reader should look at, each with what to do.</param>
public sealed record RecipeDraft(string Text, string Summary, ImmutableArray<string> Warnings)
{
    private const int FewestRows = 20;
    private const int MostClasses = 20;
    private const int MostCategories = 100;
    private const int FewWords = 10;
    private const int FewRows = 5;
    private const double Uneven = 10;

    /// <summary>Drafts a recipe.</summary>
    /// <param name="path">The CSV file.</param>
    /// <param name="target">The column to predict: its name, or for a file without a header c0, c1, ...</param>
    /// <param name="name">The recipe's name.</param>
    /// <param name="file">What the recipe calls the file.</param>
    /// <param name="delimiter">What stands between the cells; null: the file shows it.</param>
    /// <param name="decimalPoint">What stands before decimals, a point or a comma; null: the cells show it.</param>
    /// <exception cref="DataException">The file is no table to train with; the message names the place and the remedy.</exception>
    public static RecipeDraft Of(string path, string target, string name, string file, char? delimiter = null, char? decimalPoint = null) =>
        Of([path], target, name, [file], delimiter, decimalPoint);

    /// <summary>Drafts a recipe for files that make one table.</summary>
    /// <param name="paths">The CSV files.</param>
    /// <param name="target">The column to predict: its name, or for files without a header c0, c1, ...</param>
    /// <param name="name">The recipe's name.</param>
    /// <param name="files">What the recipe calls the files: each of them, or one pattern for all.</param>
    /// <param name="delimiter">What stands between the cells; null: the files show it.</param>
    /// <param name="decimalPoint">What stands before decimals, a point or a comma; null: the cells show it.</param>
    /// <exception cref="DataException">The files are no table to train with; the message names the place and the remedy.</exception>
    public static RecipeDraft Of(
        IReadOnlyList<string> paths, string target, string name, IReadOnlyList<string> files, char? delimiter = null, char? decimalPoint = null)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(files);
        ArgumentOutOfRangeException.ThrowIfZero(paths.Count);
        ArgumentException.ThrowIfNullOrEmpty(target);
        var table = TableProfile.Of(paths, target, delimiter, decimalPoint);
        return new Drafting(table).Draft(name, files);
    }

    private sealed class Drafting(TableProfile table)
    {
        private readonly IReadOnlySet<string> _missing = table.WordsForMissing;
        private readonly List<string> _warnings = [.. table.Warnings];
        private readonly List<string> _remarks = [];
        private readonly List<ColumnProfile> _numbers = [];
        private readonly List<ColumnProfile> _words = [];
        private readonly List<ColumnProfile> _dates = [];
        private readonly List<ColumnProfile> _booleans = [];
        private readonly List<string> _features = [];
        private int _inputs;

        private char Point => table.Format.Decimal;

        public RecipeDraft Draft(string name, IReadOnlyList<string> files)
        {
            CheckTarget();
            var isRegression = IsRegression();
            var classes = isRegression ? [] : Classes();
            WarnOfNumbersForClasses(isRegression);
            foreach (var column in table.Columns.Where(column => column != table.Target))
            {
                Sort(column);
            }

            if (table.Columns.Length == 1)
            {
                throw new DataException($"{table.File}: the target is the only column. Name a file that has features too.");
            }

            if (_features.Count == 0)
            {
                throw new DataException(
                    $"{table.File}: no column but the target can be a feature: {string.Join("; ", _remarks)}. Add columns of numbers, or of words "
                        + "that come again.");
            }

            var text = new StringBuilder();
            var told = isRegression ? $"a regression of '{table.Target.Name}'"
                : $"a classification of '{table.Target.Name}' into {classes.Count} classes";
            var summary = $"{told} from {_features.Count} of {Count(table.Columns.Length, "column")}, {Count(table.Rows, "row")}";
            Head(text, summary, name);
            Data(text, files, isRegression);
            Model(text, isRegression ? null : classes.Count);
            return new RecipeDraft(text.ToString(), summary, [.. _warnings]);
        }

        private void CheckTarget()
        {
            var target = table.Target;
            var word = target.WordsForMissing.FirstOrDefault(word => _missing.Contains(word.Key));
            if ((target.FirstEmpty ?? (word.Key is null ? null : word.Value.Place)) is { } place)
            {
                var more = target.Missing(_missing) is > 1 and var count ? $" and so are {count - 1} more" : "";
                throw new DataException(
                    $"{table.File}: {place}, column '{target.Name}', the target, is {(target.FirstEmpty is null ? $"'{word.Key}'" : "empty")}{more}. "
                        + "Targets are never filled in: "
                    + "leave these rows out.");
            }

            if (target.Categories(_missing) is { Count: 1 } only)
            {
                throw new DataException($"{table.File}: column '{target.Name}', the target, is '{only.Keys.First()}' in all rows. Name another "
                    + "target, or add rows of another kind.");
            }

            RefuseLarge(target);
            if (target.DateFormats.Count > 0 || target.LikeDate is not null)
            {
                throw new DataException($"{table.File}: column '{target.Name}', the target, holds dates, and what is predicted is a number or a "
                    + "class. Write numbers in its place, such as days from a beginning, or name another target.");
            }

            if (!IsNameable(target))
            {
                throw new DataException($"{table.File}: the target's name '{RecipeText.Shown(target.Name)}' has characters that no recipe has. "
                    + "Rename it.");
            }
        }

        private bool IsRegression() => table.Target.AreNumbers(Point)
            && (table.Target.HasMany || !table.Target.AreIntegers || table.Target.Categories(_missing).Count > MostClasses
                || IsPerRow(table.Target, table.Target.Categories(_missing)));

        private Dictionary<string, long> Classes()
        {
            var (target, classes) = (table.Target, table.Target.Categories(_missing));
            if (target.HasMany || classes.Count > FewWords && classes.Count * 2L > table.Rows)
            {
                var (place, cell) = target.FirstWord(Point);
                throw new DataException(
                    $"{table.File}: column '{target.Name}', the target, has {(target.HasMany ? "very many" : classes.Count)} different words in "
                        + $"{table.Rows} rows: too many for classes, "
                    + $"and {place} is '{RecipeText.Shown(cell)}', not a number. Correct it, or name another target.");
            }

            if (target.Numbers(Point) is > 0 and var numbers && numbers < target.Values)
            {
                var (place, cell) = target.FirstWord(Point);
                var distinct = classes.Keys.Count(key => CellNumber.TryParse(key, out _, Point));
                if (numbers * 10 >= target.Values * 9 && (target.Values - numbers < FewRows || distinct > MostClasses))
                {
                    throw new DataException(
                        $"{table.File}: {place}, column '{target.Name}', the target, is '{RecipeText.Shown(cell)}', and nearly all others are numbers. "
                            + "Correct it, or remove the rows without a number.");
                }

                Warn($"the target has numbers and words, such as '{RecipeText.Shown(cell)}' in {place}; all of them are taken for classes. Where the "
                    + "numbers are quantities, remove the rows that contain words.");
            }

            WarnOfCapitals(target);
            var rare = classes.Where(of => of.Value < FewRows).Select(of => of.Key).Order(StringComparer.Ordinal).ToList();
            if (rare.Count > 0)
            {
                Warn($"fewer than {FewRows} rows have the class {NearestColumn.Quoted(rare)}: a split may have none of it. Add such rows, or join "
                    + "classes.");
            }

            if (classes.Values.Max() > Uneven * classes.Values.Min())
            {
                Warn($"the classes are uneven: '{classes.MaxBy(of => of.Value).Key}' has {classes.Values.Max()} rows, "
                    + $"'{classes.MinBy(of => of.Value).Key}' {classes.Values.Min()}. "
                    + "Where the rare ones matter, set class_weights: balanced.");
            }

            if (target.AreNumbers(Point))
            {
                Warn($"the target has {classes.Count} different whole numbers, which are taken for classes. Where they are quantities, set task: "
                    + "regression, one unit without softmax, and loss: mean-squared-error.");
            }

            return classes;
        }

        private void WarnOfNumbersForClasses(bool isRegression)
        {
            var target = table.Target;
            if (isRegression && target.AreWhole && !target.AreIntegers && target.Categories(_missing).Count is var count and <= MostClasses)
            {
                Warn($"the target has {count} different numbers, all of them whole though written with decimals, which are taken for quantities. "
                    + "Where they are classes, write them without decimals.");
            }
        }

        private void WarnOfCapitals(ColumnProfile column)
        {
            var alike = column.Categories(_missing).Keys.Order(StringComparer.Ordinal)
                .GroupBy(word => string.Concat(word.Where(c => !char.IsWhiteSpace(c))).ToUpperInvariant()).FirstOrDefault(words => words.Count() > 1);
            if (alike is not null)
            {
                Warn($"column '{RecipeText.Shown(column.Name)}': {NearestColumn.Quoted([.. alike])} differ only in case or spaces, and are "
                    + "different words. Write them the same way if they mean the same.");
            }
        }

        // Which columns are features, and why the others are not.
        private void Sort(ColumnProfile column)
        {
            var (name, categories) = (column.Name, column.Categories(_missing));
            var isNumber = column.AreNumbers(Point);
            if (!IsNameable(column))
            {
                LeaveOut(column, name.Length == 0 ? "has no name" : "has characters in its name that no recipe has");
            }
            else if (table.Columns.Count(other => other.Name == name) > 1)
            {
                LeaveOut(column, "is the name of several columns");
            }
            else if (categories.Count == 0)
            {
                LeaveOut(column, "is empty");
            }
            else if (categories.Count == 1 && (column.Missing(_missing) == 0 || isNumber))
            {
                LeaveOut(column, $"has only one value, '{RecipeText.Shown(categories.Keys.First())}'");
            }
            else if (column.TooLong is { Cell: var digits } && isNumber && IsPerRow(column, categories))
            {
                LeaveOut(column, $"has numbers of 16 digits and more, such as {RecipeText.Shown(digits)}, one for nearly each row: names, not "
                    + "quantities");
            }
            else if (column.CountsRows || (column.AreIntegers && IsNamedAsId(name) && IsPerRow(column, categories)))
            {
                LeaveOut(column, "numbers the rows");
            }
            else if (column.DateFormats is [_, _, ..] formats)
            {
                LeaveOut(column, $"holds dates, and whether the day or the month comes first cannot be told; if it matters, name it under dates with "
                    + $"the format {string.Join(" or ", formats)}");
            }
            else if (column.DateFormats.Count == 1 && column.DateParts.Count == 0)
            {
                LeaveOut(column, "holds times of one hour of one day");
            }
            else if (column.DateFormats.Count == 1)
            {
                AddDates(column);
            }
            else if (column.AreBooleans)
            {
                AddBooleans(column);
            }
            else if (isNumber)
            {
                AddNumber(column);
            }
            else if (column.LikeDate is { } date)
            {
                LeaveOutOfMany(column, categories, column.UsualFormat is { } usual
                    ? $"holds dates, and {date.Place} is '{RecipeText.Shown(date.Cell)}', not one such as {usual}; write all of them in one way"
                    : $"holds dates or times in a form that is not read, such as '{RecipeText.Shown(date.Cell)}' in {date.Place}; write them as "
                        + "2024-01-31, a time of day such as 10:05 after it");
            }
            else if (column.LikeNumber is { } like)
            {
                LeaveOutOfMany(column, categories, $"holds numbers mixed with other characters, such as '{RecipeText.Shown(like.Cell)}' in "
                    + $"{like.Place}; write them as {(Point == ',' ? "1234,5" : "1234.5")}");
            }
            else if (column.Numbers(Point) * 10 >= column.Values * 9 && column.FirstWord(Point) is var (place, cell))
            {
                LeaveOut(column, NoNumbers(column.Values - column.Numbers(Point), place, RecipeText.Shown(cell)));
            }
            else if (IsPerRow(column, categories))
            {
                LeaveOut(column, $"has {(column.HasMany ? "very many" : categories.Count)} different words in {table.Rows} rows, a name for nearly "
                    + "each");
            }
            else if (categories.Count > MostCategories)
            {
                LeaveOut(column, $"has {categories.Count} different words; join rare ones, if it matters");
            }
            else
            {
                AddWords(column, categories.Count);
            }
        }

        private static string NoNumbers(long cells, string place, string first) => cells == 1
            ? $"has a cell that is no number, {place}, '{first}'; correct it, or name it in data.missing"
            : $"has {cells} cells that are no numbers, the first in {place}, '{first}'; correct them, or name them in data.missing";

        private void AddNumber(ColumnProfile column)
        {
            RefuseLarge(column);
            if (Point == ',' && column.MayHaveThousands)
            {
                Warn($"column '{column.Name}': the commas may stand between thousands, such as in '{RecipeText.Shown(column.FirstWord('.').Cell)}'; "
                    + "they are read as standing before decimals.");
            }

            if (Point == '.' && table.Format.Delimiter == ';' && column.MayHaveThousandsWithPoints)
            {
                Warn($"column '{column.Name}': the points may stand between thousands; they are read as standing before decimals. Where they do not, "
                    + "write the numbers without them.");
            }

            if (column.MayBeDatesWithoutMarks)
            {
                Warn($"column '{column.Name}' may hold dates, which are read as numbers here. Where it does, write them as 2024-01-31.");
            }

            if (column.TooLong is { Cell: var digits })
            {
                Warn($"column '{column.Name}' has numbers of 16 digits and more, such as {RecipeText.Shown(digits)}, which are told apart by their "
                    + "first 15. Where they are names and no quantities, remove it from the features, or name it as categorical.");
            }

            _numbers.Add(column);
            _features.Add(column.Name);
            _inputs += column.Missing(_missing) > 0 ? 2 : 1; // an indicator of missing values too
            WarnOfMissing(column);
        }

        private void AddWords(ColumnProfile column, int categories)
        {
            WarnOfCapitals(column);
            _words.Add(column);
            _features.Add(column.Name);
            _inputs += categories + (column.Missing(_missing) > 0 ? 1 : 0);
            WarnOfMissing(column);
        }

        private void AddDates(ColumnProfile column)
        {
            _dates.Add(column);
            _features.Add(column.Name);
            _inputs += column.DateParts.Count;
            WarnOfMissing(column);
        }

        private void AddBooleans(ColumnProfile column)
        {
            _booleans.Add(column);
            _features.Add(column.Name);
            _inputs++;
            WarnOfMissing(column);
        }

        private void WarnOfMissing(ColumnProfile column)
        {
            if (column.Missing(_missing) is var missing && missing * 2 > table.Rows)
            {
                Warn($"column '{column.Name}' is missing in {missing} of {table.Rows} rows. Check whether it is useful, or remove it from the "
                    + "features.");
            }
        }

        // Few of them may well be categories.
        private void LeaveOutOfMany(ColumnProfile column, Dictionary<string, long> categories, string because)
        {
            if (categories.Count > FewWords || IsPerRow(column, categories))
            {
                LeaveOut(column, because);
                return;
            }

            Warn($"column '{column.Name}' {because}. They are taken for words here.");
            AddWords(column, categories.Count);
        }

        private void LeaveOut(ColumnProfile column, string because)
        {
            var remark = $"'{RecipeText.Shown(column.Name)}' {because}";
            _remarks.Add(remark);
            Warn($"left out: column {remark}.");
        }

        private void RefuseLarge(ColumnProfile column)
        {
            if (column.AreNumbers(Point) && column.TooLarge is var (place, cell))
            {
                throw new DataException($"{table.File}: {place}, column '{column.Name}' is '{RecipeText.Shown(cell)}', not a finite 32-bit "
                    + "number. Correct it or leave the row out.");
            }
        }

        private void Warn(string warning) => _warnings.Add(warning);

        private static bool IsNamedAsId(string name) => Spelling.Plain(name) is var plain
            && (plain.EndsWith("id", StringComparison.Ordinal) || plain.EndsWith("key", StringComparison.Ordinal)
                || plain.EndsWith("number", StringComparison.Ordinal) || plain is "index" or "nr" or "no" or "row");

        private static bool IsPerRow(ColumnProfile column, Dictionary<string, long> categories) =>
            column.HasMany || (categories.Count > FewWords && categories.Count * 2L > column.Values);

        private static bool IsNameable(ColumnProfile column) =>
            column.Name.Length is > 0 and <= RecipeLimits.TextCharacters && RecipeForms.IsText(column.Name);

        private void Head(StringBuilder text, string summary, string name)
        {
            Line(text, $"# {char.ToUpperInvariant(summary[0])}{summary[1..]}. Every line may be changed; `clustertrain train` with this file trains "
                + $"it.");
            foreach (var warning in _warnings)
            {
                Line(text, $"# Note: {string.Concat(warning.ReplaceLineEndings(" ").Select(c => char.IsControl(c) ? ' ' : c))}");
            }

            Line(text, $"name: {RecipeWriter.Text(name)}");
            Line(text, "seed: 1                       # another seed draws other splits and start weights");
        }

        private void Data(StringBuilder text, IReadOnlyList<string> files, bool isRegression)
        {
            Line(text, "data:");
            Line(text, "  csv:");
            if (files is [var file])
            {
                Line(text, $"    file: {RecipeWriter.Text(file)}");
            }
            else
            {
                List(text, "files", files);
            }

            if (!table.HasHeader)
            {
                Line(text, "    header: false             # the columns are called c0, c1, ...");
            }

            Line(text, $"    target: {RecipeWriter.Text(table.Target.Name)}");
            List(text, "features", _features);
            if (_words.Count > 0)
            {
                List(text, "categorical", _words.Select(column => column.Name));
            }

            if (_booleans.Count > 0)
            {
                List(text, "booleans", _booleans.Select(column => column.Name));
            }

            if (_dates.Count > 0)
            {
                Line(text, "    dates:                    # each becomes its parts");
            }

            foreach (var column in _dates)
            {
                var parts = string.Join(", ", column.DateParts.Select(RecipeWords.DatePart.Of));
                var format = column.DateFormats[0] == DateColumn.DefaultFormat ? "" : $"format: {column.DateFormats[0]}, ";
                Line(text, $"      {RecipeWriter.Text(column.Name)}: {(format.Length == 0 ? $"[{parts}]" : $"{{ {format}parts: [{parts}] }}")}");
            }

            if (table.Format.Delimiter is { } delimiter)
            {
                Line(text, $"  delimiter: {RecipeWriter.Text(CsvFormat.Word(delimiter))}");
            }

            if (Point == ',')
            {
                Line(text, "  decimal: \",\"");
            }

            if (table.Format.Missing.Length > 0)
            {
                Line(text, $"  missing: [{string.Join(", ", table.Format.Missing.Select(RecipeWriter.Text))}]   # besides the empty cell");
            }

            Policies(text);
            Line(text, $"  task: {(isRegression ? "regression" : "classification")}");
            Line(text, "  standardise: true           # mean 0 and deviation 1, by the training rows");
            if (isRegression)
            {
                Line(text, "  target_scale: auto          # the same for the target; predictions are in its own unit");
            }

            if (table.Rows < FewestRows)
            {
                _warnings.Add($"{table.Rows} rows are too few to hold some back: the model cannot be evaluated. Add rows.");
                return;
            }

            Line(text, "  validation: 0.15            # rows that tell when to stop");
            Line(text, "  test: 0.15                  # rows of the last figures, never seen before");
        }

        private void Policies(StringBuilder text)
        {
            var filled = _features.Select(name => table.Columns.First(column => column.Name == name)).Where(column => column.Missing(_missing) > 0)
                .ToList();
            if (filled.Count > 0)
            {
                Line(text, "  impute:                     # what fills missing values, computed over the training rows");
            }

            foreach (var column in filled)
            {
                var policy = _words.Contains(column) ? "category" : "{ kind: median, indicator: true }";
                Line(text, $"    {RecipeWriter.Text(column.Name)}: {policy}   # missing in {column.Missing(_missing)} rows");
            }

            if (_words.Count > 0)
            {
                Line(text, "  unseen:                     # what a category becomes that no training row has; error refuses it");
            }

            foreach (var column in _words)
            {
                Line(text, $"    {RecipeWriter.Text(column.Name)}: own-code");
            }
        }

        private void Model(StringBuilder text, int? classes)
        {
            var units = _inputs > 100 ? 64 : 32;
            Line(text, $"layers:                       # {_inputs} inputs or so");
            Line(text, $"  - {{ units: {units}, activation: relu }}");
            Line(text, $"  - {{ units: {units}, activation: relu }}");
            Line(text, classes is { } count ? $"  - {{ units: {count}, activation: softmax }}" : "  - { units: 1 }");
            Line(text, $"loss: {(classes is null ? "mean-squared-error" : "categorical-cross-entropy")}");
            Line(text, "optimiser: { kind: adam, rate: 0.003 }");
            Line(text, "l2: 0.0001");
            Line(text, $"batch: {(table.Rows < 2000 ? 16 : table.Rows < 20_000 ? 32 : table.Rows < 200_000 ? 64 : 128)}");
            Line(text, $"epochs: {(table.Rows < 2000 ? 100 : table.Rows < 200_000 ? 50 : 15)}                    # at most");
            if (table.Rows >= FewestRows)
            {
                Line(text, "early_stopping: { patience: 15 }   # stops when the validation rows no longer improve, with the best weights");
            }
        }

        // Long lists continue over several lines.
        private static void List(StringBuilder text, string key, IEnumerable<string> names)
        {
            const int MostCharacters = 110;
            var line = $"    {key}: [";
            foreach (var (index, name) in names.Index())
            {
                var item = (index == 0 ? "" : ", ") + RecipeWriter.Text(name);
                if (line.Length + item.Length > MostCharacters && index > 0)
                {
                    Line(text, line + ",");
                    (line, item) = ("      ", item[2..]);
                }

                line += item;
            }

            Line(text, line + "]");
        }

        private static void Line(StringBuilder text, string line) => text.Append(line).Append('\n');

        private static string Count(long count, string thing) =>
            string.Create(CultureInfo.InvariantCulture, $"{count:N0} {thing}{(count == 1 ? "" : "s")}");
    }
}
