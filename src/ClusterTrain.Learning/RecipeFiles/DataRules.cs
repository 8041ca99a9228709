using System.Collections.Immutable;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>What must hold between the keys of the data.</summary>
internal static class DataRules
{
    public static void Check(IdxSource idx, RecipeSection section)
    {
        if (section.Has("test_features") == section.Has("test_labels"))
        {
            return;
        }

        var (given, missing) = section.Has("test_features") ? ("test_features", "test_labels") : ("test_labels", "test_features");
        section.Tell(given, $"is given without {missing}; test rows need both files");
    }

    public static void Check(CsvSource csv, RecipeSection section)
    {
        if (section.Has("target") && section.Has("targets"))
        {
            section.Tell("target", "and targets are both given; keep one");
        }
        else if (!section.Has("target") && !section.Has("targets"))
        {
            section.Tell("targets", "is missing; name the column to predict, for example target: class");
        }

        if (csv.Header && csv.Columns.Length > 0)
        {
            section.Tell("columns", "is given, but the file's first line names the columns; write header: false, or remove "
                + "columns");
        }

        CheckFiles(section);
        if (!section.Sound("columns", "target", "targets", "features", "exclude", "categorical", "booleans", "dates", "derive"))
        {
            return;
        }

        CheckNames(section, csv.Derived);
        string[] dates = [.. csv.Dates.Select(date => date.Column)];
        if (!csv.Header && csv.Columns.Length > 0)
        {
            Known("target", csv.Targets);
            Known("targets", csv.Targets);
            Known("features", csv.Features.Except(csv.Derived.Select(feature => feature.Name)));
            Known("exclude", csv.Exclude);
            Known("categorical", csv.Categorical);
            Known("booleans", csv.Booleans);
            Known("dates", dates);
            CheckColumns(section, csv.Derived, csv.Columns);
        }

        CheckOperands(csv.Targets, "a target");
        CheckOperands(csv.Categorical, "categorical");
        CheckOperands(dates, "a column of dates");
        CheckTargets(csv, section, dates);
        CheckKinds(section, ("categorical", csv.Categorical), ("booleans", csv.Booleans), ("dates", dates),
            ("exclude", csv.Exclude));
        if (csv.Features.IsEmpty)
        {
            return;
        }

        const string Remedy = "which is not among the features; add it there or remove it here";
        string[] used = [.. csv.Features, .. csv.Derived.SelectMany(feature => new[] { feature.Left, feature.Right })];
        Unused("categorical", csv.Categorical, csv.Features);
        Unused("booleans", csv.Booleans, used);
        Unused("dates", dates, csv.Features);
        if (csv.Exclude.Length > 0)
        {
            section.Tell("exclude", "has no effect where the features are listed; remove one of the two");
        }

        if (csv.Derived.FirstOrDefault(feature => !csv.Features.Contains(feature.Name)) is { } left)
        {
            section.Tell("derive", $"computes '{RecipeText.Shown(left.Name)}', {Remedy}");
        }

        void Unused(string key, IEnumerable<string> names, IReadOnlyList<string> features)
        {
            if (names.FirstOrDefault(name => !features.Contains(name)) is { } unused)
            {
                section.Tell(key, $"names '{RecipeText.Shown(unused)}', {Remedy}");
            }
        }

        void Known(string key, IEnumerable<string> names)
        {
            if (section.Has(key) && names.FirstOrDefault(name => !csv.Columns.Contains(name)) is { } unknown)
            {
                section.Tell(key, $"names column '{RecipeText.Shown(unknown)}', which columns does not "
                    + $"have{DidYouMean(unknown, csv.Columns)}");
            }
        }

        void CheckOperands(IReadOnlyList<string> refused, string because)
        {
            foreach (var feature in csv.Derived)
            {
                if (new[] { feature.Left, feature.Right }.FirstOrDefault(refused.Contains) is { } operand)
                {
                    section.Tell("derive", $"computes '{RecipeText.Shown(feature.Name)}' from '{RecipeText.Shown(operand)}', "
                        + $"which is {because}; "
                        + "use columns of numbers that are no targets");
                }
            }
        }
    }

    private static void CheckFiles(RecipeSection section)
    {
        if (section.Has("file") && section.Has("files"))
        {
            section.Tell("file", "and files are both given; keep one");
        }
        else if (!section.Has("file") && !section.Has("files"))
        {
            section.Tell("file", "is missing; it has no default, write it");
        }
    }

    private static void CheckTargets(CsvSource csv, RecipeSection section, string[] dates)
    {
        if (csv.Targets.FirstOrDefault(csv.Categorical.Contains) is { } word)
        {
            section.Tell("categorical", $"names the target '{RecipeText.Shown(word)}'; labels are encoded by themselves, remove "
                + "it");
        }

        if (csv.Targets.FirstOrDefault(name => csv.Booleans.Contains(name) || dates.Contains(name)) is { } read)
        {
            section.Tell(section.Has("target") ? "target" : "targets",
                $"is '{RecipeText.Shown(read)}', which dates or booleans name too; they are about features, remove it there");
        }

        if (csv.Targets.FirstOrDefault(csv.Features.Contains) is { } both)
        {
            section.Tell("features", $"and the targets both have column '{RecipeText.Shown(both)}'; a column is one or the "
                + "other");
        }

        if (csv.Targets.FirstOrDefault(csv.Exclude.Contains) is { } left)
        {
            section.Tell("exclude", $"names the target '{RecipeText.Shown(left)}', which is no feature anyway; remove it");
        }
    }

    // A column is read in one way.
    private static void CheckKinds(RecipeSection section, params ReadOnlySpan<(string Key, IReadOnlyList<string> Names)> kinds)
    {
        for (var i = 0; i < kinds.Length; i++)
        {
            for (var j = 0; j < i; j++)
            {
                if (kinds[j].Names.FirstOrDefault(kinds[i].Names.Contains) is { } both)
                {
                    section.Tell(kinds[j].Key, $"and {kinds[i].Key} both name '{RecipeText.Shown(both)}'; keep it in one");
                }
            }
        }
    }

    public static void Check(InlineSource inline, RecipeSection section)
    {
        if (!section.Sound("features", "targets", "columns", "derive"))
        {
            return;
        }

        CheckNames(section, inline.Derived);
        IsTable("features", inline.Features);
        IsTable("targets", inline.Targets);
        if (!section.Sound("features", "targets"))
        {
            return;
        }

        if (inline.Features.Length != inline.Targets.Length)
        {
            section.Tell("targets", $"has {inline.Targets.Length} rows, but features has {inline.Features.Length}; they must "
                + "have equally many");
        }

        var width = inline.Features[0].Length;
        if (!inline.Columns.IsEmpty && inline.Columns.Length != width)
        {
            section.Tell("columns", $"has {inline.Columns.Length} names, but a row has {width} features; write one for each");
        }
        else
        {
            CheckColumns(section, inline.Derived, inline.Columns.IsEmpty ? [.. Enumerable.Range(1, width).Select(i => $"x{i}")]
                : inline.Columns);
        }

        void IsTable(string key, ImmutableArray<ImmutableArray<float>> rows)
        {
            if (rows.IsEmpty || rows[0].IsEmpty)
            {
                section.Tell(key, "is empty; write at least one row of at least one number");
                return;
            }

            var wrong = rows.ToList().FindIndex(row => row.Length != rows[0].Length);
            if (wrong >= 0)
            {
                section.Tell(key, $"has {rows[wrong].Length} numbers in row {wrong}, but {rows[0].Length} in row 0; all rows "
                    + "must have the same length");
            }
        }
    }

    public static void Check(DataRecipe data, RecipeSection section)
    {
        if (section.Sound("task"))
        {
            CheckTask(data, section);
        }

        if (data.Validation?.Fraction + data.Test?.Fraction >= 1)
        {
            section.Tell("test", "and validation together hold back every row; their sum must be below 1");
        }

        if (data.Test is not null && data.Source is CsvSource { TestFile: not null } or IdxSource { TestFeatures: not null })
        {
            section.Tell("test", "holds rows back, but the source has test rows of its own; keep one of the two");
        }

        CheckSplit(data, section);
        if (section.Has("scaling") && section.Sound("scaling") && section.Node.Entries.GetValueOrDefault("standardise")?.Value is RecipeScalar scalar
            && bool.TryParse(scalar.Text, out var isStandardised) && isStandardised != (data.Scaling == ScalingKind.Standard))
        {
            section.Tell("scaling",
                $"is {RecipeWords.Scaling.Of(data.Scaling)} and standardise is {(isStandardised ? "true" : "false")}; keep one of the two");
        }

        if (data.Source is not CsvSource csv || !section.Sound(TableKey(section)))
        {
            return;
        }

        Each("impute", (column, tell) =>
        {
            if (csv.Targets.Contains(column))
            {
                tell("is a target, and targets are never filled in; leave the rows without one out");
            }
        });
        Each("unseen", (column, tell) =>
        {
            if (csv.Categorical.Contains(column))
            {
                return;
            }

            var near = Spelling.Nearest(column, csv.Categorical);
            tell(near is null
                ? "is not a categorical column; name it in csv.categorical, or remove it here"
                : $"is not a categorical column; did you mean '{RecipeText.Shown(near)}'? Name it in csv.categorical, or remove it "
                + "here");
        });

        void Each(string key, Action<string, Action<string>> check)
        {
            if (section.Node.Entries.GetValueOrDefault(key)?.Value is not RecipeMapping columns)
            {
                return;
            }

            foreach (var (column, entry) in columns.Entries)
            {
                check(column, problem => section.At.Key(key, "").Key(RecipeText.Shown(column), "").Tell(entry.Value.Place,
                    problem));
            }
        }
    }

    // A table has two words.
    private static string TableKey(RecipeSection section) => section.Has("parquet") ? "parquet" : "csv";

    private static void CheckSplit(DataRecipe data, RecipeSection section)
    {
        if (data.Source is CsvSource csv)
        {
            if (csv.Group is not null && csv.Time is not null)
            {
                section.Tell("time", "and group are both given, and a split goes by one column; keep one of the two");
            }

            foreach (var (key, column) in new[] { ("group", csv.Group), ("time", csv.Time) })
            {
                if (column is not null && csv.Targets.Contains(column))
                {
                    section.Tell(key, $"names the target '{RecipeText.Shown(column)}'; name another column, or remove it");
                }
            }

            if (section.Has("split") && (csv.Group ?? csv.Time) is not null)
            {
                section.Tell("split", $"is given beside {(csv.Group is null ? "time" : "group")}, and that column decides the "
                    + "split; keep one of the two");
            }
        }

        if (data.Split == SplitKind.Stratified && data.Task == TaskKind.Regression)
        {
            section.Tell("split", "is stratified, which needs classes; write split: random, or remove it");
        }
    }

    private static void CheckTask(DataRecipe data, RecipeSection section)
    {
        var isClassification = data.Task == TaskKind.Classification;
        if ((data.ScaleTargets || data.TargetScale is not null) && isClassification)
        {
            section.Tell("target_scale", "has no meaning for classification; remove it, or set task: regression");
        }

        if (data.ClassWeights is not null && !isClassification)
        {
            section.Tell("class_weights", "has no meaning for regression; remove it, or set task: classification");
        }

        var table = TableKey(section);
        if (data.Source is CsvSource csv && section.Sound($"{table}.target", $"{table}.targets")
            && (csv.Targets.IsEmpty || (isClassification && csv.Targets.Length > 1)))
        {
            section.Tell($"{table}.targets", $"has {csv.Targets.Length} columns; allowed: "
                + (isClassification ? "exactly one for classification (several need task: regression)" : "at least one"));
        }

        if (data.Source is not InlineSource inline || !isClassification || !section.Sound("inline.targets"))
        {
            return;
        }

        var wrong = inline.Targets.ToList().FindIndex(row => row is not [>= 0 and < RecipeLimits.Units]
            || row[0] != MathF.Floor(row[0]));
        if (wrong >= 0)
        {
            section.Tell("inline.targets",
                $"has [{string.Join(", ", inline.Targets[wrong].Select(x => RecipeText.Shown(x)))}] in row {wrong}; "
                + "allowed for classification: one class index from 0, such as [2] (numbers as targets need task: regression)");
        }
    }

    private static void CheckColumns(RecipeSection section, IReadOnlyList<DerivedFeature> features, IReadOnlyList<string> columns)
    {
        foreach (var feature in features)
        {
            if (columns.Contains(feature.Name))
            {
                section.Tell("derive", $"names a feature '{RecipeText.Shown(feature.Name)}' like a column; choose another name");
            }

            foreach (var operand in new[] { feature.Left, feature.Right }.Except(columns))
            {
                section.Tell("derive", $"needs column '{RecipeText.Shown(operand)}' for '{RecipeText.Shown(feature.Name)}', "
                    + "which does not exist"
                    + DidYouMean(operand, columns));
            }
        }
    }

    private static void CheckNames(RecipeSection section, IReadOnlyList<DerivedFeature> features)
    {
        foreach (var (index, feature) in features.Index())
        {
            if (features.Take(index).Any(other => other.Name == feature.Name))
            {
                section.Tell($"derive[{index}].name",
                    $"is '{RecipeText.Shown(feature.Name)}', which another derived feature has; choose another");
            }
        }
    }

    private static string DidYouMean(string name, IReadOnlyList<string> names) =>
        Spelling.Nearest(name, names) is { } near ? $"; did you mean '{RecipeText.Shown(near)}'?" : "";
}
