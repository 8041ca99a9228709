using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tests;

/// <summary>Dates, true and false, columns left out, scalings, and tables in several files.</summary>
public sealed class ColumnKindTests
{
    private const string Rest = """
        layers: [{ units: 2, activation: softmax }]
        loss: categorical-cross-entropy
        """;

    [Fact]
    public void A_date_becomes_its_parts()
    {
        using var folder = new TempFolder();
        var data = Prepare(folder, "d,x,y\n2024-02-29 23:59,1,a\n1970-01-01,2,b\n2026-11-29T06:00:00Z,3,a\n",
            "dates: { d: [year, month, day, weekday, hour, days] }");
        Assert.Equal<string>(["d.year", "d.month", "d.day", "d.weekday", "d.hour", "d.days", "x"], data.FeatureNames);
        Assert.Equal([2024, 2, 29, 4, 23, 19782, 1, 1970, 1, 1, 4, 0, 0, 2, 2026, 11, 29, 7, 6, 20786, 3], Features(data.Train));
    }

    [Theory]
    [InlineData("{ kind: median, indicator: true }", 2024, 2, 1)]
    [InlineData("mean", 2024, 2, null)]
    [InlineData("{ kind: constant, value: \"1999-12-31\" }", 1999, 12, null)]
    public void A_missing_date_is_filled_with_a_whole_day(string policy, int year, int month, int? indicator)
    {
        using var folder = new TempFolder();
        var data = Prepare(folder, "d,y\n2024-02-01 12:00,a\n,b\n2024-02-10,a\n", "dates: { d: [year, month, hour] }", $"impute: {{ d: {policy} }}");
        var width = data.Train.Features;
        float[] expected = [year, month, 0, .. indicator is { } told ? [(float)told] : Array.Empty<float>()];
        Assert.Equal(expected, Features(data.Train)[width..(2 * width)]);
    }

    [Theory]
    [InlineData("yyyy-mm-dd", "31.12.2025",
        "is '31.12.2025', not a date such as yyyy-mm-dd. Correct it, or say how its dates are written: dates: { d: { format: dd.mm.yyyy } }.")]
    [InlineData("yyyy-mm-dd", "2025-02-29", "is '2025-02-29', not a date such as yyyy-mm-dd.")]
    [InlineData("yyyy-mm-dd", "25-02-29", "is '25-02-29', not a date")]
    [InlineData("yyyy-mm-dd", "2025-02-28 24:00", "is '2025-02-28 24:00', not a date")]
    [InlineData("yyyy-mm-dd", "2025-02-28 10", "is '2025-02-28 10', not a date")]
    [InlineData("yyyy-mm-dd", "2025-02-28+01:00", "is '2025-02-28+01:00', not a date")]
    [InlineData("yyyy-mm-dd", "2025-02-28T10:00+01:00",
        "is '2025-02-28T10:00+01:00', not a date such as yyyy-mm-dd. Correct it. A time of day may follow a date, such as 10:05 or "
        + "10:05:30Z, and no other time zone; other formats are yyyy/mm/dd, ")]
    [InlineData("yyyy-mm-dd", "NA", "Where it stands for a missing value, set data.missing: [\"NA\"].")]
    [InlineData("dd/mm/yyyy", "12/31/2025", "format: mm/dd/yyyy")]
    [InlineData("mm/dd/yyyy", "", "is empty. Fill the gap, leave the row out, or train with data.impute: { d: median }.")]
    public void What_is_no_date_is_an_error_with_its_place(string format, string cell, string message)
    {
        using var folder = new TempFolder();
        var good = format == "yyyy-mm-dd" ? "2024-01-02" : "01/02/2024";
        var error = Assert.Throws<DataException>(() => Prepare(folder, $"d,y\n{good},a\n{cell},b\n", $"dates: {{ d: {format} }}"));
        Assert.StartsWith($"{Path.Combine(folder.Path, "rows.csv")}: line 3, column 'd' ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Words_for_true_and_false_are_one_and_zero()
    {
        using var folder = new TempFolder();
        var data = Prepare(folder, "t,x,y\nyes,1,a\nNO,2,b\n1,3,a\nFalse,4,b\n T ,5,a\n",
            "booleans: [t], derive: [{ name: p, cross: [t, x] }], features: [t, p]");
        Assert.Equal([1, 1, 0, 0, 1, 3, 0, 0, 1, 5], Features(data.Train));
        var error = Assert.Throws<DataException>(() => Prepare(folder, "t,y\nyes,a\nmaybe,b\n", "booleans: [t]"));
        Assert.Contains("line 3, column 't' is 'maybe', not true or false. Write true or false", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Excluded_columns_may_hold_anything()
    {
        using var folder = new TempFolder();
        var data = Prepare(folder, "id,x,note,y\n1,2,hello,a\n,3,,b\n", "exclude: [id, note]");
        Assert.Equal<string>(["x"], data.FeatureNames);
        Assert.Contains("there is no column 'nota'. Did you mean 'note'?",
            Assert.Throws<DataException>(() => Prepare(folder, "x,note,y\n1,2,a\n2,3,b\n", "exclude: [nota]")).Message, StringComparison.Ordinal);
        Assert.Contains("all columns are targets or excluded",
            Assert.Throws<DataException>(() => Prepare(folder, "x,y\n1,a\n2,b\n", "exclude: [x]")).Message, StringComparison.Ordinal);
    }

    // Over the training rows 1, 2, 3, 4, 100: median 3, quartiles 2 and 4, range 99; the constant and the 0/1 column have no distance of quartiles.
    [Theory]
    [InlineData("min-max", new float[] { 0, 0, 0, 1f / 99, 0, 0, 2f / 99, 0, 0, 3f / 99, 0, 0, 1, 0, 1 })]
    [InlineData("robust", new float[] { -1, 0, 0, -0.5f, 0, 0, 0, 0, 0, 0.5f, 0, 0, 48.5f, 0, 2.5f })]
    [InlineData("none", new float[] { 1, 7, 0, 2, 7, 0, 3, 7, 0, 4, 7, 0, 100, 7, 1 })]
    public void Features_are_scaled(string scaling, float[] expected)
    {
        using var folder = new TempFolder();
        var data = Prepare(folder, "x,c,b,y\n1,7,0,a\n2,7,0,b\n3,7,0,a\n4,7,0,b\n100,7,1,a\n", "", $"scaling: {scaling}");
        foreach (var (value, found) in expected.Zip(Features(data.Train)))
        {
            Assert.Equal(value, found, 1e-6f);
        }
    }

    [Theory]
    [InlineData("scaling: standard")]
    [InlineData("scaling: z-score")]
    public void Standard_scaling_is_what_standardise_says(string keys)
    {
        using var folder = new TempFolder();
        const string Rows = "x,y\n1,a\n2,b\n30,a\n";
        Assert.Equal(Prepare(folder, Rows, "", "standardise: true").Fingerprint, Prepare(folder, Rows, "", keys).Fingerprint);
    }

    [Theory]
    [InlineData("min-max")]
    [InlineData("robust")]
    public void Scaling_is_learnt_from_the_training_rows_and_kept(string scaling)
    {
        using var folder = new TempFolder();
        var rows = "x,t,y\n" + string.Concat(Enumerable.Range(0, 40)
            .Select(i => $"{Math.Pow(1.5, i * 7 % 40):R},{1_700_000_000 + i},{(i % 2 == 0 ? "a" : "b")}\n"));
        var recipe = Recipe("", $"scaling: {scaling}, validation: 0.3, test: 0.2");
        var data = Prepare(folder, rows, "", $"scaling: {scaling}, validation: 0.3, test: 0.2");
        var train = RowSplit.Draw(40, new SplitSize(null, 0.2), new SplitSize(null, 0.3), 1, "rows").Train;
        double[] values = [.. train.Select(i => Math.Pow(1.5, i * 7 % 40)).Order()];
        Assert.Equal(scaling == "min-max" ? values[0] : (values[(values.Length - 1) / 2] + values[values.Length / 2]) / 2, data.Scaling.Origins[0]);
        var layout = new NetworkLayout(2, recipe.Layers);
        var path = Path.Combine(folder.Path, "m.safetensors");
        new Model(recipe, layout, TestNetworks.Start(layout), data).Write(path);
        var again = Model.Read(path).ReadRows(Path.Combine(folder.Path, "rows.csv")).Rows;
        Assert.Equal(Features(data.Train).Chunk(2), Features(again).Chunk(2).Index().Where(row => train.Contains(row.Index))
            .OrderBy(row => Array.IndexOf(train, row.Index)).Select(row => row.Item));
        DataPreparation.PrepareToFile(recipe, folder.Locations, Path.Combine(folder.Path, "rows.ctdata"));
        Assert.Equal(data.Fingerprint, PreparedDataFile.Open(Path.Combine(folder.Path, "rows.ctdata")).Fingerprint);
    }

    [Fact]
    public void Targets_are_scaled_by_the_training_rows_and_brought_back()
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", "x,y\n1,1700000010\n2,1700000020\n3,1700000060\n");
        var recipe = RecipeTexts.Parse(
            "data: { csv: { file: rows.csv, target: y }, task: regression, target_scale: auto }\nlayers: [{ units: 1 }]\nloss: mean-squared-error");
        var data = DataPreparation.Prepare(recipe, folder.Locations);
        var deviation = Math.Sqrt(((20.0 * 20) + (10 * 10) + (30 * 30)) / 3);
        var targets = new float[3];
        data.Train.Gather(0, 3, new float[3], targets);
        Assert.Equal([(float)(-20 / deviation), (float)(-10 / deviation), (float)(30 / deviation)], targets);
        Assert.Empty(data.Warnings);

        var layout = new NetworkLayout(1, recipe.Layers);
        var path = Path.Combine(folder.Path, "m.safetensors");
        new Model(recipe, layout, TestNetworks.Start(layout), data).Write(path);
        var model = Model.Read(path);
        Assert.Equal((data.TargetScale, 1700000030.0), (model.TargetScale, model.TargetOffsets.Single()));
        Assert.Equal(1700000060f, model.InUnit(targets[2], 0));
        Assert.Equal(data.Train.Fingerprint, model.ReadRows(Path.Combine(folder.Path, "rows.csv")).Rows.Fingerprint);
        DataPreparation.PrepareToFile(recipe, folder.Locations, Path.Combine(folder.Path, "rows.ctdata"));
        Assert.Equal<double>(data.TargetOffsets, PreparedDataFile.Open(Path.Combine(folder.Path, "rows.ctdata")).TargetOffsets);
    }

    [Theory]
    [InlineData("100,200,400,-50", 0.1)]
    [InlineData("100,200,400,0", null)]
    public void The_percentage_error_of_scaled_targets_is_that_of_the_targets_themselves(string numbers, double? expected)
    {
        using var folder = new TempFolder();
        float[] targets = [.. numbers.Split(',').Select(number => float.Parse(number, System.Globalization.CultureInfo.InvariantCulture))];
        folder.Write("rows.csv", $"x,y\n{string.Join('\n', targets.Select(number => $"1,{number}"))}\n");
        var recipe = RecipeTexts.Parse(
            "data: { csv: { file: rows.csv, target: y }, task: regression, target_scale: auto }\nlayers: [{ units: 1 }]\nloss: mean-squared-error");
        var data = DataPreparation.Prepare(recipe, folder.Locations);
        var layout = new NetworkLayout(1, recipe.Layers);
        var path = Path.Combine(folder.Path, "m.safetensors");
        new Model(recipe, layout, TestNetworks.Start(layout), data).Write(path);
        DataPreparation.PrepareToFile(recipe, folder.Locations, Path.Combine(folder.Path, "rows.ctdata"));

        Check(data.Train);
        Check(PreparedDataFile.Open(Path.Combine(folder.Path, "rows.ctdata")).Train);
        Check(Model.Read(path).ReadRows(Path.Combine(folder.Path, "rows.csv")).Rows);

        // Outputs a tenth too large.
        void Check(DataSet rows)
        {
            var scaled = new float[rows.Rows];
            rows.Gather(0, (int)rows.Rows, new float[rows.Rows], scaled);
            var sums = new EvaluationSums(TaskKind.Regression, 1) { ZeroTargets = rows.ZeroTargets };
            sums.Add([.. targets.Select(target => (float)(((target * 1.1) - data.TargetOffsets[0]) * data.TargetScale))], scaled,
                new float[rows.Rows]);
            var found = sums.Result().MeanAbsolutePercentageError;
            Assert.Equal(expected is null, found is null);
            Assert.Equal(expected ?? 0, found ?? 0, 5);
        }
    }

    [Theory]
    [InlineData("1700000030", "1700000031")]
    [InlineData("\"offset\"", "\"offs3t\"")]
    public void What_prepares_the_rows_is_hashed_in_the_model_file(string written, string damage)
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", "offset,y\n1,1700000010\n2,1700000020\n3,1700000060\n");
        var recipe = RecipeTexts.Parse(
            "data: { csv: { file: rows.csv, target: y }, task: regression, target_scale: auto }\nlayers: [{ units: 1 }]\nloss: mean-squared-error");
        var layout = new NetworkLayout(1, recipe.Layers);
        var path = Path.Combine(folder.Path, "m.safetensors");
        new Model(recipe, layout, TestNetworks.Start(layout), DataPreparation.Prepare(recipe, folder.Locations)).Write(path);
        var bytes = System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(path));
        Assert.Contains(written.Replace("\"", "\\\"", StringComparison.Ordinal), bytes, StringComparison.Ordinal);
        File.WriteAllBytes(path, System.Text.Encoding.Latin1.GetBytes(bytes.Replace(written.Replace("\"", "\\\"", StringComparison.Ordinal),
            damage.Replace("\"", "\\\"", StringComparison.Ordinal), StringComparison.Ordinal)));
        Assert.Contains("what prepares its rows does not match its SHA-256", Assert.Throws<SafetensorsException>(() => Model.Read(path)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("files: [b.csv, a.csv]", new float[] { 3, 4, 1, 2 })]
    [InlineData("file: \"?.csv\"", new float[] { 1, 2, 3, 4 })]
    [InlineData("files: [\"b*\", \"a*\"]", new float[] { 3, 4, 1, 2 })]
    public void A_table_may_stand_in_several_files(string files, float[] expected)
    {
        using var folder = new TempFolder();
        folder.Write("a.csv", "x,w,y\n1,u,a\n2,v,b\n");
        folder.Write("b.csv", "y;w;x\na;t;3\nb;u;4\n");
        var data = DataPreparation.Prepare(
            RecipeTexts.Parse($"data: {{ csv: {{ {files}, target: y, features: [x] }}, standardise: false }}\n{Rest}"), folder.Locations);
        Assert.Equal(expected, Features(data.Train));
        Assert.EndsWith(expected[3] == 4 ? "b.csv: line 3" : "a.csv: line 3", data.Train.Place(3), StringComparison.Ordinal);
        data = DataPreparation.Prepare(
            RecipeTexts.Parse($"data: {{ csv: {{ {files}, target: y, categorical: [w] }}, standardise: false }}\n{Rest}"), folder.Locations);
        Assert.Equal<string>(["t", "u", "v"], data.Encoding.Categories.Single().Names);
    }

    [Theory]
    [InlineData("files: [a.csv, c.csv]", "c.csv: line 1: other columns than in ", "no 'x', 'z' more. Give all files of a table the same columns.")]
    [InlineData("file: parts-*.csv", "parts-*.csv: no file matches. Looked in ", "Correct the pattern in the recipe")]
    [InlineData("files: [a.csv, d.csv]", "d.csv: a header but no rows.", "")]
    [InlineData("files: [a.csv, e.csv]", "e.csv: there is no such file.", "")]
    public void Files_that_are_no_table_together_are_refused(string files, string start, string end)
    {
        using var folder = new TempFolder();
        folder.Write("a.csv", "x,y\n1,a\n2,b\n");
        folder.Write("c.csv", "z,y\n1,a\n2,b\n");
        folder.Write("d.csv", "x,y\n");
        var error = Assert.Throws<DataException>(() =>
            DataPreparation.Prepare(RecipeTexts.Parse($"data: {{ csv: {{ {files}, target: y }} }}\n{Rest}"), folder.Locations));
        Assert.Contains(start, error.Message, StringComparison.Ordinal);
        Assert.Contains(end, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("csv: { file: a, files: [b], target: y }", "key 'data.csv.file' and files are both given; keep one")]
    [InlineData("csv: { files: [], target: y }", "key 'data.csv.files' is empty; name at least one file")]
    [InlineData("csv: { file: a, target: y, exclude: [x], features: [z] }",
        "key 'data.csv.exclude' has no effect where the features are listed; remove one of the two")]
    [InlineData("csv: { file: a, target: y, exclude: [y] }", "key 'data.csv.exclude' names the target 'y', which is no feature anyway; remove it")]
    [InlineData("csv: { file: a, target: y, dates: [d], categorical: [d] }", "key 'data.csv.categorical' and dates both name 'd'; keep it in one")]
    [InlineData("csv: { file: a, target: y, dates: [y] }",
        "key 'data.csv.target' is 'y', which dates or booleans name too; they are about features, remove it there")]
    [InlineData("csv: { file: a, target: y, dates: { d: [year, months] } }",
        "key 'data.csv.dates.d[1]' is 'months'; did you mean 'month'? Allowed: year, month, day, weekday, hour, days")]
    [InlineData("csv: { file: a, target: y, dates: { d: dd.mm.yy } }",
        "key 'data.csv.dates.d.format' is 'dd.mm.yy'; did you mean 'dd.mm.yyyy'? Allowed: yyyy-mm-dd, ")]
    [InlineData("csv: { file: a, target: y, dates: [d], derive: [{ name: r, ratio: [d, x] }] }",
        "computes 'r' from 'd', which is a column of dates; use columns of numbers")]
    [InlineData("csv: { file: a, target: y, booleans: [t], features: [x] }",
        "key 'data.csv.booleans' names 't', which is not among the features; add it there or remove it here")]
    [InlineData("csv: { file: a, target: y, booleans: [t] }, impute: { t: { kind: constant, value: perhaps } }",
        "key 'data.impute.t.value' is 'perhaps'; allowed: true, false")]
    [InlineData("csv: { file: a, target: y, dates: [d] }, impute: { d: { kind: constant, value: 12 } }",
        "key 'data.impute.d.value' is '12'; allowed: a date such as 2026-01-31")]
    [InlineData("csv: { file: a, target: y }, standardise: true, scaling: robust",
        "key 'data.scaling' is robust and standardise is true; keep one of the two")]
    [InlineData("csv: { file: a, target: y }, standardise: false, scaling: standard",
        "key 'data.scaling' is standard and standardise is false; keep one of the two")]
    [InlineData("csv: { file: a, target: y }, scaling: rubust", "did you mean 'robust'?")]
    [InlineData("csv: { file: a, target: y }, target_scale: auto", "key 'data.target_scale' has no meaning for classification")]
    [InlineData("csv: { file: a, target: y, drop: [x] }", "did you mean 'exclude'?")]
    public void What_a_recipe_says_wrong_of_columns_is_told(string data, string message)
    {
        var error = Assert.Throws<RecipeException>(() => RecipeTexts.Parse($"data: {{ {data} }}\n{Rest}"));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("c,c=x,y\nx,1,a\nz,2,b\n", "categorical: [c]", "'c=x', which comes of 'c' and of 'c=x'")]
    [InlineData("a,a=b,y\nb=c,c,p\nd,e,q\n", "categorical: [a, a=b]", "'a=b=c', which comes of 'a' and of 'a=b'")]
    public void Two_features_of_one_name_are_refused(string content, string csv, string message)
    {
        using var folder = new TempFolder();
        var error = Assert.Throws<DataException>(() => Prepare(folder, content, csv, "scale: 1"));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Contains("rows.csv: two features", error.Message, StringComparison.Ordinal);
    }

    // Plain numbers, unless the test is of scaling.
    private static Recipe Recipe(string csv, string keys)
    {
        var isOfScaling = keys.Contains("scal", StringComparison.Ordinal) || keys.Contains("standardise", StringComparison.Ordinal);
        var plain = isOfScaling ? "" : "standardise: false, ";
        return RecipeTexts.Parse($"data: {{ csv: {{ file: rows.csv, target: y, {csv} }}, {plain}{keys} }}\n{Rest}");
    }

    private static PreparedData Prepare(TempFolder folder, string content, string csv, string keys = "")
    {
        folder.Write("rows.csv", content);
        return DataPreparation.Prepare(Recipe(csv, keys), folder.Locations);
    }

    private static float[] Features(DataSet rows)
    {
        var features = new float[rows.Rows * rows.Features];
        rows.Gather(0, (int)rows.Rows, features, new float[rows.Rows * rows.Outputs]);
        return features;
    }
}
