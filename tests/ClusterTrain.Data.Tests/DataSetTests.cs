using System.Collections.Immutable;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tests;

public sealed class DataSetTests
{
    private const int Rows = 37;

    public static TheoryData<string> Storages => ["bytes", "standardised bytes", "floats"];

    [Theory]
    [MemberData(nameof(Storages))]
    public void Gather_gives_the_rows_asked_for(string storage)
    {
        var data = Prepare(storage, out var features).Train;
        long[] rows = [36, 0, 5, 5, 17, 1, 2, 3, 4, 6, 35];
        var x = new float[rows.Length * data.Features];
        var y = Filled(rows.Length * data.Outputs);

        data.Gather(rows, x, y);

        foreach (var (i, row) in rows.Index())
        {
            Assert.Equal(features[row], x[(i * data.Features)..((i + 1) * data.Features)]);
            Assert.Equal(OneHot(data, row), y[(i * data.Outputs)..((i + 1) * data.Outputs)]);
            Assert.Equal((int)row % 3, data.Label(row));
        }
    }

    [Theory]
    [MemberData(nameof(Storages))]
    public void Gather_of_consecutive_rows_gives_the_same_as_of_their_indices(string storage)
    {
        var data = Prepare(storage, out _).Train;
        var (x, y) = (Filled(9 * data.Features), Filled(9 * data.Outputs));
        var (chosenX, chosenY) = (new float[x.Length], new float[y.Length]);

        data.Gather(28, 9, x, y);
        data.Gather([28, 29, 30, 31, 32, 33, 34, 35, 36], chosenX, chosenY);

        Assert.Equal(chosenX, x);
        Assert.Equal(chosenY, y);
    }

    [Fact]
    public void Gather_gives_regression_targets_as_they_are()
    {
        var source = new InlineSource { Features = [[1], [2], [3]], Targets = [[0.5f, -1], [1.5f, -2], [2.5f, -3]] };
        using var folder = new TempFolder();
        var recipe = new DataRecipe { Source = source, Task = TaskKind.Regression };
        var prepared = DataPreparation.Prepare(recipe, 1, folder.Locations);
        var (x, y) = (new float[2], new float[4]);

        prepared.Train.Gather([2, 0], x, y);

        Assert.Equal([3, 1], x);
        Assert.Equal([2.5f, -3, 0.5f, -1], y);
        Assert.Empty(prepared.Train.Classes);
        Assert.Equal<string>(["y0", "y1"], prepared.TargetNames);
        Assert.Throws<InvalidOperationException>(() => prepared.Train.Label(0));
    }

    [Theory]
    [MemberData(nameof(Storages))]
    public void Gather_allocates_nothing(string storage)
    {
        var data = Prepare(storage, out _).Train;
        long[] rows = [3, 1, 4, 1, 5, 9, 2, 6];
        var (x, y) = (new float[rows.Length * data.Features], new float[rows.Length * data.Outputs]);
        data.Gather(rows, x, y);
        data.Gather(0, rows.Length, x, y);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            data.Gather(rows, x, y);
            data.Gather(i % 8, rows.Length, x, y);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Gather_refuses_rows_that_are_not_there_and_spans_that_do_not_fit()
    {
        var data = Prepare("bytes", out _).Train;
        var (x, y) = (new float[data.Features], new float[data.Outputs]);

        Assert.Throws<ArgumentOutOfRangeException>(() => data.Gather([Rows], x, y));
        Assert.Throws<ArgumentOutOfRangeException>(() => data.Gather([-1], x, y));
        Assert.Throws<ArgumentOutOfRangeException>(() => data.Gather(Rows, 1, x, y));
        Assert.Throws<ArgumentOutOfRangeException>(() => data.Gather(long.MaxValue, 1, x, y));
        Assert.Throws<ArgumentException>(() => data.Gather([0, 1], x, y));
        Assert.Throws<ArgumentException>(() => data.Gather([0], x, new float[data.Outputs + 1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => data.Label(Rows));
    }

    [Fact]
    public void Scaling_gives_the_same_bits_in_vectors_and_one_by_one()
    {
        for (var features = 1; features <= 70; features++)
        {
            var raw = Enumerable.Range(0, 2 * features).Select(i => (i * 7 % 256) + 0.1f).ToArray();
            var factors = Enumerable.Range(0, features).Select(i => 1f / (i + 3)).ToArray();
            var shifts = Enumerable.Range(0, features).Select(i => (i * 0.37f) - 50).ToArray();
            var (uniform, each) = (new float[raw.Length], new float[raw.Length]);

            FeatureScaling.Uniform(features, 1 / 255f).Apply(raw, uniform);
            new FeatureScaling(features, [.. factors], [.. shifts]).Apply(raw, each);

            Assert.Equal(raw.Select(value => MathF.FusedMultiplyAdd(value, 1 / 255f, 0)), uniform);
            var expected = raw.Select((value, i) => MathF.FusedMultiplyAdd(value, factors[i % features], shifts[i % features]));
            Assert.Equal(expected, each);
        }
    }

    [Fact]
    public void Fingerprint_changes_with_values_targets_classes_and_order_only()
    {
        string[] prints =
        [
            Print([[1, 2], [3, 4]], [[0], [1]]),
            Print([[1, 2], [3, 5]], [[0], [1]]),
            Print([[1, 2], [3, 4.5f]], [[0], [1]]),
            Print([[3, 4], [1, 2]], [[1], [0]]),
            Print([[1, 2], [3, 4]], [[1], [0]]),
            Print([[1, 2], [3, 4]], [[0], [2]]),
            Print([[1], [2]], [[0], [1]]),
        ];

        Assert.Equal(prints.Length, prints.Distinct().Count());
        Assert.Equal(prints[0], Print([[1, 2], [3, 4]], [[0], [1]]));
        Assert.All(prints, print => Assert.Matches("^[0-9a-f]{64}$", print));
    }

    private static string Print(ImmutableArray<ImmutableArray<float>> features, ImmutableArray<ImmutableArray<float>> targets)
    {
        using var folder = new TempFolder();
        var recipe = new DataRecipe { Source = new InlineSource { Features = features, Targets = targets } };
        return DataPreparation.Prepare(recipe, 1, folder.Locations).Train.Fingerprint;
    }

    // 37 rows of 19 features, so that every vector width has a remainder; the prepared features are computed here once more.
    private static PreparedData Prepare(string storage, out float[][] features)
    {
        const int Width = 19;
        var offset = storage == "floats" ? 0.25f : 0;
        var raw = Enumerable.Range(0, Rows)
            .Select(row => Enumerable.Range(0, Width).Select(i => (((row * 31) + (i * 17)) % 256) + offset).ToArray())
            .ToArray();
        var source = new InlineSource
        {
            Features = [.. raw.Select(row => row.ToImmutableArray())],
            Targets = [.. Enumerable.Range(0, Rows).Select(row => ImmutableArray.Create((float)(row % 3)))],
        };
        using var folder = new TempFolder();
        var recipe = new DataRecipe
        {
            Source = source,
            Scale = 1 / 255.0,
            Scaling = storage == "standardised bytes" ? ScalingKind.Standard
            : ScalingKind.None
        };
        var prepared = DataPreparation.Prepare(recipe, 1, folder.Locations);
        features = [.. raw.Select(row =>
        {
            var values = new float[Width];
            prepared.Scaling.Apply(row, values);
            return values;
        })];
        return prepared;
    }

    private static float[] OneHot(DataSet data, long row) =>
        [.. Enumerable.Range(0, data.Outputs).Select(i => i == row % 3 ? 1f : 0f)];

    private static float[] Filled(int length) => [.. Enumerable.Repeat(float.NaN, length)];
}
