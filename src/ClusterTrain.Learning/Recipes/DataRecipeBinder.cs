using System.Collections.Immutable;

namespace ClusterTrain.Learning;

/// <summary>Makes the data part of a recipe of its tree.</summary>
internal sealed class DataRecipeBinder(RecipeProblems problems)
{
    private static readonly string[] SourceKeys = ["set", "idx", "csv", ParquetKey, "inline", "prepared"];

    /// <summary>Another word for csv, whose files may be Parquet too.</summary>
    private const string ParquetKey = "parquet";

    /// <summary>What is settled when data are prepared, so that a prepared file has it inside.</summary>
    private static readonly string[] PreparedKeys = ["scale", "standardise", "scaling", "target_scale", "class_weights", "validation", "test"];

    private static readonly string SplitSizes =
        $"a number of rows from 1 to {RecipeLimits.SplitRows}, a fraction between 0 and 1 such as 0.1, or none";

    /// <summary>The data; null, and a problem, when they cannot be used.</summary>
    public DataRecipe? Data(RecipeSection root)
    {
        if (RecipeSection.Of(root.Node("data", isRequired: true), "data", problems) is not { } section) return null;
        string[] present = [.. SourceKeys.Where(section.Has)];
        if (present.Length != 1)
        {
            var found = present.Length == 0 ? "none is given" : $"given: {string.Join(", ", present)}";
            problems.Add(section.Place, $"key 'data' needs exactly one source of {string.Join(", ", SourceKeys.Where(key => key != ParquetKey))}; {found}");
        }

        var set = Set(section);
        var idx = Idx(section.Section("idx"));
        var csv = section.Section("csv") ?? section.Section(ParquetKey);
        var inline = section.Section("inline");
        var task = section.Word("task", RecipeWords.Task) ?? TaskKind.Classification;
        var prepared = section.Text("prepared") is { } file ? new PreparedSource(file) : null;
        var format = CsvFormatBinder.Format(section);
        DataSource? source = set ?? idx ?? Csv(csv, task, format, section) ?? Inline(inline, task) ?? (DataSource?)prepared;
        var data = new DataRecipe
        {
            Source = source ?? new NamedSource(""),
            Task = task,
            Scale = section.IsNone("scale") ? null : section.Number("scale", RecipeRanges.DataScale),
            Scaling = Scaling(section),
            Validation = Split(section, "validation"),
            Test = Split(section, "test"),
            ScaleTargets = section.IsWord("target_scale", "auto"),
            TargetScale = section.IsNone("target_scale") || section.IsWord("target_scale", "auto") ? null : section.Number("target_scale", RecipeRanges.TargetScale),
            ClassWeights = ClassWeights(section),
        };
        section.Finish();
        if (csv is null)
        {
            foreach (var key in CsvFormatBinder.Keys.Where(section.Has))
                section.Problem(key, "is about the columns of a CSV file, and the source is none; remove it");
        }

        if (source is PreparedSource)
        {
            foreach (var key in PreparedKeys.Where(section.Has))
                section.Problem(key, "has no effect on a prepared file, which has it inside; remove it here and set it where the file is prepared");
        }

        if ((data.ScaleTargets || data.TargetScale is not null) && task == TaskKind.Classification)
            section.Problem("target_scale", "has no meaning for classification; remove it, or set task: regression");
        if (data.ClassWeights is not null && task == TaskKind.Regression)
            section.Problem("class_weights", "has no meaning for regression; remove it, or set task: classification");

        if (data.Validation?.Fraction + data.Test?.Fraction >= 1)
            section.Problem("test", "and validation together hold back every row; their sum must be below 1");
        if (data.Test is not null && source is CsvSource { TestFile: not null } or IdxSource { TestFeatures: not null })
            section.Problem("test", "holds rows back, but the source has test rows of its own; keep one of the two");

        return source is null || present.Length != 1 ? null : data;
    }

    private static DataSource? Set(RecipeSection section)
    {
        if (section.Text("set") is not { } name) return null;
        string[] known = [.. KnownDataSet.All.Select(set => set.Name)];
        if (known.Contains(name)) return new NamedSource(name);
        var near = Spelling.Nearest(name, known);
        section.Problem("set", $"is '{RecipeText.Shown(name)}'" + (near is null ? "" : $"; did you mean '{near}'?")
            + $"{(near is null ? "; allowed" : " Allowed")}: {string.Join(", ", known)} (a file is named with idx or csv)");
        return null;
    }

    private static ScalingKind Scaling(RecipeSection section)
    {
        var isStandard = section.Flag("standardise") ?? false;
        var kind = section.Word("scaling", RecipeWords.Scaling);
        if (isStandard && kind is { } other && other != ScalingKind.Standard)
            section.Problem("scaling", $"is {RecipeWords.Scaling.Of(other)} and standardise is true; keep one of the two");
        return kind ?? (isStandard ? ScalingKind.Standard : ScalingKind.None);
    }

    private ClassWeightsRecipe? ClassWeights(RecipeSection section)
    {
        const string Key = "class_weights";
        const string Allowed = "allowed: balanced, none, or a weight for each class, such as { ham: 1, spam: 2.5 }";
        if (section.IsNone(Key) || section.Node(Key) is not { } node) return null;
        if (section.IsWord(Key, "balanced")) return new([]);
        if (node is not RecipeMapping { Entries.Count: > 0 } mapping)
        {
            section.Problem(Key, $"is {RecipeText.Shown(node)}; {Allowed}");
            return null;
        }

        // Each class is a key of its own, so that a wrong weight is told with its place.
        var classes = new RecipeSection(mapping, section.PathOf(Key), problems);
        return new([.. mapping.Entries.Keys.Order(StringComparer.Ordinal)
            .Select(name => new ClassWeight(name, classes.Number(name, RecipeRanges.ClassWeight) ?? 1))]);
    }

    private static SplitSize? Split(RecipeSection section, string key)
    {
        if (section.IsNone(key) || section.Node(key) is not { } node) return null;
        if (RecipeText.TryInteger(node, out var rows))
        {
            if (rows >= 1 && rows <= RecipeLimits.SplitRows) return new((long)rows, null);
        }
        else if (RecipeText.TryNumberOrFraction(node, out var fraction) && fraction is > 0 and < 1)
        {
            return new(null, fraction);
        }

        section.Problem(key, $"is {RecipeText.Shown(node)}; allowed: {SplitSizes}");
        // Any size: the recipe is refused already, and the keys that need a split shall not complain as well.
        return new(1, null);
    }

    private static IdxSource? Idx(RecipeSection? section)
    {
        if (section is null) return null;
        var features = section.Text("features", isRequired: true);
        var labels = section.Text("labels", isRequired: true);
        var testFeatures = section.Text("test_features");
        var testLabels = section.Text("test_labels");
        section.Finish();
        if (section.Has("test_features") != section.Has("test_labels"))
        {
            var (given, missing) = section.Has("test_features") ? ("test_features", "test_labels") : ("test_labels", "test_features");
            section.Problem(given, $"is given without {missing}; test rows need both files");
        }

        return features is null || labels is null
            ? null
            : new() { Features = features, Labels = labels, TestFeatures = testFeatures, TestLabels = testLabels };
    }

    private CsvSource? Csv(RecipeSection? section, TaskKind task, CsvFormat format, RecipeSection data)
    {
        if (section is null) return null;
        var files = Files(section);
        var testFile = section.Text("test_file");
        var header = section.Flag("header") ?? true;
        var columns = section.Texts("columns") ?? [];
        var targets = Targets(section, task);
        var features = section.Texts("features") ?? [];
        var categorical = section.Texts("categorical") ?? [];
        var derived = DerivedFeatureBinder.Features(section, problems);
        var (dates, booleans, exclude) = (DateBinder.Dates(section, problems), section.Texts("booleans") ?? [], section.Texts("exclude") ?? []);
        var impute = ImputationBinder.Impute(data, categorical, [.. dates.Select(date => date.Column)], booleans, targets ?? [], problems);
        var unseen = ImputationBinder.Unseen(data, categorical, problems);
        section.Finish();
        if (header && columns.Count > 0)
            section.Problem("columns", "is given, but the file's first line names the columns; write header: false, or remove columns");
        if (!header && columns.Count > 0)
        {
            Known("target", targets ?? []);
            Known("targets", targets ?? []);
            Known("features", [.. features.Except(derived.Select(feature => feature.Name))]);
            Known("categorical", categorical);
            Known("dates", [.. dates.Select(date => date.Column)]);
            Known("booleans", booleans);
            Known("exclude", exclude);
            DerivedFeatureBinder.CheckColumns(section, derived, columns);
        }

        DerivedFeatureBinder.CheckOperands(section, derived, targets ?? [], "a target");
        DerivedFeatureBinder.CheckOperands(section, derived, categorical, "categorical");
        DerivedFeatureBinder.CheckOperands(section, derived, [.. dates.Select(date => date.Column)], "a column of dates");
        if (targets?.FirstOrDefault(categorical.Contains) is { } word)
            section.Problem("categorical", $"names the target '{RecipeText.Shown(word)}'; labels are encoded by themselves, remove it");
        CheckKinds(section, ("categorical", categorical), ("dates", [.. dates.Select(date => date.Column)]), ("booleans", booleans), ("exclude", exclude));
        if (targets?.FirstOrDefault(name => booleans.Contains(name) || dates.Any(date => date.Column == name)) is { } read)
            section.Problem("target", $"is '{RecipeText.Shown(read)}', which dates or booleans name too; they are about features, remove it there");
        if (features.Count > 0)
        {
            foreach (var (key, names) in new[] { ("categorical", categorical), ("dates", [.. dates.Select(date => date.Column)]), ("booleans", booleans) })
            {
                if (names.FirstOrDefault(name => !features.Contains(name)) is { } unused && (key != "booleans" || !derived.Any(feature => feature.Left == unused || feature.Right == unused)))
                    section.Problem(key, $"names '{RecipeText.Shown(unused)}', which is not among the features; add it there or remove it here");
            }

            if (exclude.Count > 0)
                section.Problem("exclude", "has no effect where the features are listed; remove one of the two");
            if (derived.FirstOrDefault(feature => !features.Contains(feature.Name)) is { } missed)
                section.Problem("derive", $"computes '{RecipeText.Shown(missed.Name)}', which is not among the features; add it there or remove it here");
        }

        if (targets?.FirstOrDefault(features.Contains) is { } both)
            section.Problem("features", $"and the targets both have column '{RecipeText.Shown(both)}'; a column is one or the other");
        if (targets?.FirstOrDefault(exclude.Contains) is { } left)
            section.Problem("exclude", $"names the target '{RecipeText.Shown(left)}', which is no feature anyway; remove it");
        if (files is null || targets is null) return null;
        return new()
        {
            Files = files.Value,
            TestFile = testFile,
            Header = header,
            Columns = [.. columns],
            Targets = [.. targets],
            Features = [.. features],
            Categorical = [.. categorical],
            Dates = dates,
            Booleans = [.. booleans],
            Exclude = [.. exclude],
            Derived = derived,
            Format = format,
            Impute = impute,
            Unseen = unseen,
        };

        void Known(string key, IReadOnlyList<string> names)
        {
            if (section.Has(key) && names.FirstOrDefault(name => !columns.Contains(name)) is { } unknown)
            {
                var near = Spelling.Nearest(unknown, columns);
                section.Problem(key, $"names column '{RecipeText.Shown(unknown)}', which columns does not have"
                    + (near is null ? "" : $"; did you mean '{RecipeText.Shown(near)}'?"));
            }
        }
    }

    private static ImmutableArray<string>? Files(RecipeSection section)
    {
        if (!section.Has("files"))
            return section.Text("file", isRequired: true) is { } file ? [file] : null;
        if (section.Text("file") is not null)
            section.Problem("file", "and files are both given; keep one");
        var files = section.Texts("files");
        if (files is { Count: 0 })
            section.Problem("files", "is empty; name at least one file");
        return files is { Count: > 0 } ? [.. files] : null;
    }

    // A column is read in one way.
    private static void CheckKinds(RecipeSection section, params ReadOnlySpan<(string Key, IReadOnlyList<string> Names)> kinds)
    {
        for (var i = 0; i < kinds.Length; i++)
        {
            for (var j = 0; j < i; j++)
            {
                if (section.Has(kinds[i].Key) && section.Has(kinds[j].Key) && kinds[j].Names.FirstOrDefault(kinds[i].Names.Contains) is { } both)
                    section.Problem(kinds[j].Key, $"and {kinds[i].Key} both name '{RecipeText.Shown(both)}'; keep it in one");
            }
        }
    }

    private static IReadOnlyList<string>? Targets(RecipeSection section, TaskKind task)
    {
        var target = section.Text("target");
        var targets = section.Texts("targets");
        if (section.Has("target") && section.Has("targets"))
        {
            section.Problem("target", "and targets are both given; keep one");
            return null;
        }

        if (target is not null) return [target];
        if (section.Has("target") || (targets is null && section.Has("targets"))) return null;
        if (targets is null)
        {
            section.Problem("targets", "is missing; name the column to predict, for example target: class");
            return null;
        }

        if (targets.Count == 0 || (task == TaskKind.Classification && targets.Count > 1))
        {
            section.Problem("targets", $"has {targets.Count} columns; allowed: "
                + (task == TaskKind.Classification ? "exactly one for classification (several need task: regression)" : "at least one"));
            return null;
        }

        return targets;
    }

    private InlineSource? Inline(RecipeSection? section, TaskKind task)
    {
        if (section is null) return null;
        var features = section.FloatRows("features");
        var targets = section.FloatRows("targets");
        var columns = section.Texts("columns") ?? [];
        var derived = DerivedFeatureBinder.Features(section, problems);
        section.Finish();
        if (features is null || targets is null) return null;
        if (!IsTable(section, "features", features) || !IsTable(section, "targets", targets)) return null;
        if (features.Length != targets.Length)
        {
            section.Problem("targets", $"has {targets.Length} rows, but features has {features.Length}; they must have equally many");
            return null;
        }

        if (columns.Count > 0 && columns.Count != features[0].Length)
        {
            section.Problem("columns", $"has {columns.Count} names, but a row has {features[0].Length} features; write one for each");
            return null;
        }

        DerivedFeatureBinder.CheckColumns(section, derived, columns.Count > 0 ? columns : InlineTable.Numbered(features[0].Length));
        if (task == TaskKind.Classification)
        {
            var wrong = Array.FindIndex(targets, row => row is not [>= 0 and < RecipeLimits.Units] || row[0] != MathF.Floor(row[0]));
            if (wrong >= 0)
            {
                section.Problem("targets", $"has [{string.Join(", ", targets[wrong].Select(x => RecipeText.Shown(x)))}] in row {wrong}; allowed for "
                    + "classification: one class index from 0, such as [2] (numbers as targets need task: regression)");
                return null;
            }
        }

        return new() { Features = Rows(features), Targets = Rows(targets), Columns = [.. columns], Derived = derived };
    }

    private static bool IsTable(RecipeSection section, string key, float[][] rows)
    {
        if (rows.Length == 0 || rows[0].Length == 0)
        {
            section.Problem(key, "is empty; write at least one row of at least one number");
            return false;
        }

        var wrong = Array.FindIndex(rows, row => row.Length != rows[0].Length);
        if (wrong < 0) return true;
        section.Problem(key, $"has {rows[wrong].Length} numbers in row {wrong}, but {rows[0].Length} in row 0; "
            + "all rows must have the same length");
        return false;
    }

    private static ImmutableArray<ImmutableArray<float>> Rows(float[][] rows) => [.. rows.Select(row => row.ToImmutableArray())];
}
