using ClusterTrain.Data.Common;
using ClusterTrain.Data.Files;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tests;

public sealed class RowSplitTests
{
    private static readonly SplitSize s_fifth = new(null, 0.2);

    [Fact]
    public void A_stratified_split_has_the_sizes_of_a_random_one_and_the_share_of_each_class()
    {
        // 700 of a, 250 of b, 47 of c, 3 of d.
        ushort[] labels = [.. Enumerable.Range(0, 1000)
            .Select(i => (ushort)(i * 7 % 1000 is var at && at < 700 ? 0 : at < 950 ? 1 : at < 997 ? 2 : 3))];
        var split = RowSplit.Stratify(RowTargets.FromLabels(labels, ["a", "b", "c", "d"]), 1000, s_fifth, s_fifth, 1, "rows");
        var random = RowSplit.Draw(1000, s_fifth, s_fifth, 1, "rows");

        Assert.Equal((random.Train.Length, random.Validation!.Length, random.Test!.Length),
            (split.Train.Length, split.Validation!.Length, split.Test!.Length));
        Assert.Equal([140, 50, 9, 1], Counts(split.Test));
        Assert.Equal([112, 40, 8, 0], Counts(split.Validation));
        AssertWhole(split, 1000);

        int[] Counts(int[] rows) => [.. Enumerable.Range(0, 4).Select(label => rows.Count(row => labels[row] == label))];
    }

    [Fact]
    public void A_class_of_one_row_is_trained_with()
    {
        for (var seed = 0UL; seed < 20; seed++)
        {
            ushort[] labels = [.. Enumerable.Range(0, 50).Select(i => (ushort)(i == 17 ? 1 : i % 2 * 2))];
            var split = RowSplit.Stratify(RowTargets.FromLabels(labels, ["a", "only", "b"]), 50, new SplitSize(null, 0.3), s_fifth, seed, "rows");
            Assert.Contains(17, split.Train);
        }
    }

    [Fact]
    public void Another_seed_draws_other_rows_and_the_same_seed_the_same()
    {
        var targets = RowTargets.FromLabels([.. Enumerable.Range(0, 90).Select(i => (ushort)(i % 3))], ["a", "b", "c"]);
        var (one, again, other) = (Draw(1), Draw(1), Draw(2));
        Assert.Equal(one.Test!, again.Test!);
        Assert.NotEqual(one.Test!, other.Test!);

        RowSplit Draw(ulong seed) => RowSplit.Stratify(targets, 90, s_fifth, null, seed, "rows");
    }

    [Fact]
    public void Rows_of_one_group_stay_together()
    {
        // Groups of 1 to 9 rows, mixed.
        double[] groups = [.. Enumerable.Range(0, 60).SelectMany(group => Enumerable.Repeat((double)group, 1 + (group * 4 % 9))).Index()
            .OrderBy(of => of.Index * 37 % 101).Select(of => of.Item)];
        var split = RowSplit.Group(new SplitKeys("customer", false, groups), s_fifth, s_fifth, 3, "rows");

        AssertWhole(split, groups.Length);
        var parts = new[] { split.Train, split.Validation!, split.Test! }.Select(part => part.Select(row => groups[row]).ToHashSet()).ToList();
        Assert.Empty(parts[0].Intersect(parts[1]));
        Assert.Empty(parts[0].Intersect(parts[2]));
        Assert.Empty(parts[1].Intersect(parts[2]));
        Assert.InRange(split.Test!.Length, (groups.Length / 5) - 9, groups.Length / 5);
        Assert.Empty(split.Warnings);
    }

    [Fact]
    public void Groups_that_do_not_fit_are_told()
    {
        double[] groups = [.. Enumerable.Range(0, 100).Select(i => (double)(i / 34))];
        var split = RowSplit.Group(new SplitKeys("site", false, groups), new SplitSize(10, null), null, 1, "rows");
        Assert.Equal(32, split.Test!.Length);
        Assert.StartsWith("the groups of 'site' make 32 test rows of 10 wanted, because a group is never divided.", Assert.Single(split.Warnings),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, "has one group for 3 parts")]
    [InlineData(2, "has 2 groups for 3 parts")]
    public void Fewer_groups_than_parts_are_refused(int groups, string message)
    {
        double[] values = [.. Enumerable.Range(0, 30).Select(i => (double)(i % groups))];
        var error = Assert.Throws<DataException>(() => RowSplit.Group(new SplitKeys("id", false, values), s_fifth, s_fifth, 1, "rows.csv"));
        Assert.StartsWith($"rows.csv: data.group 'id' {message}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_latest_rows_are_the_test_and_those_before_them_the_validation()
    {
        double[] times = [.. Enumerable.Range(0, 50).Select(i => (double)(i * 19 % 50 / 2))];
        var split = RowSplit.ByTime(new SplitKeys("day", true, times), s_fifth, new SplitSize(8, null), "rows");

        AssertWhole(split, 50);
        Assert.Equal((32, 8, 10), (split.Train.Length, split.Validation!.Length, split.Test!.Length));
        Assert.True(split.Train.Max(row => times[row]) <= split.Validation.Min(row => times[row]));
        Assert.True(split.Validation.Max(row => times[row]) <= split.Test.Min(row => times[row]));
        Assert.Throws<DataException>(() => RowSplit.ByTime(new SplitKeys("day", true, new double[9]), s_fifth, null, "rows"));
    }

    [Theory]
    [InlineData("2024-03-31,2023-12-01,2024-4-1,2024-01-05 17:00", "1")]
    [InlineData("31.03.2024,1.12.2023,1.4.2024,5.1.2024 17:00", "1")]
    [InlineData("2024-04-01T00:00:00Z,2024-03-31T23:00:00+02:00,2024-04-01T09:00:00Z,2024-04-01T08:00:00Z", "1")]
    [InlineData("1700000000.5,1600000000,1800000000,1700000001", "1")]
    public void Times_are_dates_or_numbers(string times, string first)
    {
        using var folder = new TempFolder();
        var data = Prepare(folder, "t,x,y\n"
            + string.Concat(times.Split(',').Index().Select(of => $"{of.Item},{of.Index},{of.Index}\n")), "time: t, task: regression, test: 3", "y");
        Assert.Equal(float.Parse(first, System.Globalization.CultureInfo.InvariantCulture), Feature(data.Train, 0));
        Assert.Equal<string>(["x"], data.FeatureNames);
    }

    [Theory]
    [InlineData("time: t", "2024-01-01,soon,2024-01-03", "line 3, column 't' is 'soon', not a date, as the rows before have")]
    [InlineData("time: t", "5,2024-01-02,7", "line 3, column 't' is '2024-01-02', not a number or a date")]
    [InlineData("time: t", "03/04/2024,04/04/2024,05/04/2024", "line 2, column 't' is '03/04/2024', not a number or a date")]
    [InlineData("time: t", "5,,7", "line 3, column 't' is empty. Give the row a time, or leave it out")]
    [InlineData("group: t", "5,,7", "line 3, column 't' is empty. Give the row a group, or leave it out")]
    [InlineData("group: tt", "5,6,7", "data.group is 'tt', and there is no such column. Did you mean 't'?")]
    [InlineData("time: day", "5,6,7", "data.time is 'day', and there is no such column. The columns are t, x, y.")]
    [InlineData("group: t", "5,5,5", "data.group 't' has one group for 2 parts of the rows")]
    public void Columns_that_cannot_say_the_split_are_refused(string key, string cells, string message)
    {
        using var folder = new TempFolder();
        var rows = "t,x,y\n" + string.Concat(cells.Split(',').Index().Select(of => $"{of.Item},{of.Index},{of.Index % 2}\n"));
        Assert.Contains(message, Assert.Throws<DataException>(() => Prepare(folder, rows, $"{key}, test: 1", "y")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Times_are_found_in_every_file_of_a_table_and_read_by_the_format_of_their_column()
    {
        using var folder = new TempFolder();
        folder.Write("a.csv", "t,x,y\n01/05/2024,5,0\n01/02/2024,2,0\n");
        folder.Write("b.csv", "y,x,t\n0,1,12/31/2023\n0,4,01/04/2024\n0,3,01/03/2024\n");
        var locations = new DataLocations(folder.Path, [], Path.Combine(folder.Path, "cache"));
        var data = DataPreparation.Prepare(Recipe("dates: { t: mm/dd/yyyy }"), locations);

        Assert.Equal<string>(["t.year", "t.month", "t.day", "t.weekday", "x"], data.FeatureNames);
        Assert.Equal([5f, 4f], [X(data.Test!, 0), X(data.Test!, 1)]);
        Assert.Equal([2f, 1f, 3f], [X(data.Train, 0), X(data.Train, 1), X(data.Train, 2)]);

        folder.Write("b.csv", "y,x,t\n0,1,12/31/2023\n0,4,04.01.2024\n");
        var error = Assert.Throws<DataException>(() => DataPreparation.Prepare(Recipe("categorical: [t]"), locations));
        Assert.Contains("a.csv: line 2, column 't' is '01/05/2024', not a number or a date", error.Message, StringComparison.Ordinal);
        folder.Write("a.csv", "t,x,y\n2024-01-05,5,0\n");
        error = Assert.Throws<DataException>(() => DataPreparation.Prepare(Recipe("exclude: [t]"), locations));
        Assert.Contains("b.csv: line 2, column 't' is '12/31/2023', not a date, as the rows before have", error.Message, StringComparison.Ordinal);

        static Recipe Recipe(string columns) => RecipeReader.Parse(
            $$"""
            data: { csv: { file: "?.csv", target: y, {{columns}} }, time: t, task: regression, test: 2, standardise: false }
            layers: [ { units: 1 } ]
            loss: mean-squared-error
            """,
            "r",
            []);

        static float X(DataSet rows, long row)
        {
            var features = new float[rows.Features];
            rows.Gather(row, 1, features, new float[rows.Outputs]);
            return features[^1];
        }
    }

    [Fact]
    public void Tables_with_classes_are_stratified_unless_they_say_otherwise()
    {
        using var folder = new TempFolder();
        var rows = "x,y\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"{i},{(i % 10 == 0 ? "rare" : "usual")}\n"));
        Assert.Equal(1, Rare(Prepare(folder, rows, "test: 10", "y")));
        Assert.Equal(Prepare(folder, rows, "test: 10", "y").Fingerprint, Prepare(folder, rows, "split: stratified, test: 10", "y").Fingerprint);
        var random = Prepare(folder, rows, "split: random, test: 10", "y");
        Assert.Equal(RowSplit.Draw(40, new SplitSize(10, null), null, 1, "").Test!.Select(row => (float)row), Enumerable.Range(0, 10)
            .Select(row => Feature(random.Test!, row)));

        static int Rare(PreparedData data) => Enumerable.Range(0, 10).Count(row => data.Test!.Label(row) == 0);
    }

    [Fact]
    public void A_class_that_a_part_has_no_row_of_is_warned_of()
    {
        using var folder = new TempFolder();
        var rows = "x,y\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"{i},{(i == 5 ? "rare" : i % 2 == 0 ? "a" : "b")}\n"));
        var warnings = Prepare(folder, rows, "validation: 10, test: 10", "y").Warnings;
        Assert.Contains(
            "no test row has the class 'rare'. The test figures say nothing about it: use more rows of it, hold back a larger share, or leave the "
                + "class out.", warnings);
    }

    private static PreparedData Prepare(TempFolder folder, string rows, string keys, string target)
    {
        folder.Write("rows.csv", rows);
        var recipe = RecipeReader.Parse(
            $$"""
            data: { csv: { file: rows.csv, target: {{target}} }, standardise: false, {{keys}} }
            layers: [ { units: {{(keys.Contains("regression", StringComparison.Ordinal) ? "1 } ]\nloss: mean-squared-error" : "2, activation: softmax } ]\nloss: categorical-cross-entropy")}}
            """,
            "r",
            []);
        return DataPreparation.Prepare(recipe, new DataLocations(folder.Path, [], Path.Combine(folder.Path, "cache")));
    }

    private static float Feature(DataSet rows, long row)
    {
        var (features, targets) = (new float[rows.Features], new float[rows.Outputs]);
        rows.Gather(row, 1, features, targets);
        return features[0];
    }

    private static void AssertWhole(RowSplit split, int rows)
    {
        int[] all = [.. split.Train, .. split.Validation ?? [], .. split.Test ?? []];
        Assert.Equal(Enumerable.Range(0, rows), all.Order());
        Assert.Equal(split.Train.Order(), split.Train);
        Assert.Equal(split.Test!.Order(), split.Test!);
    }
}
