using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Tests;

public sealed class SnapshotCollectorTests : IDisposable
{
    // Two segments of a layout whose 3 parameters are cut as 2 + 1: the collector does not mind that real segments are larger.
    private static readonly Segment[] s_segments = [new(0, 0, 2), new(1, 2, 1)];

    private readonly TensorPool _pool = new();
    private readonly SnapshotCollector _collector;

    public SnapshotCollectorTests()
    {
        var layout = new NetworkLayout(3, [new LayerRecipe { Units = 1, Biases = null }]);
        _collector = new SnapshotCollector(layout, stateCount: 2, _pool);
        _collector.Begin(s_segments);
    }

    public void Dispose()
    {
        _collector.Begin([]);
        Assert.Equal(0, _pool.Lent);
    }

    [Fact]
    public void Segments_are_put_together_in_any_order()
    {
        Assert.False(Add(LineRun.Weights(1, 5, 1), 3)!.HasWeights);
        var snapshot = Add(LineRun.Weights(1, 5), 1, 2)!;
        Assert.True(snapshot.HasWeights);
        Assert.Equal([1, 2, 3], snapshot.Weights!.Span.ToArray());
    }

    [Fact]
    public void The_optimisers_planes_are_put_together_plane_by_plane()
    {
        Add(LineRun.State(1, 5), 1, 2, 10, 20);
        var snapshot = Add(LineRun.State(1, 5, 1), 3, 30)!;
        Assert.True(snapshot.HasState);
        Assert.Equal([1, 2, 3, 10, 20, 30], snapshot.State!.Span.ToArray());
    }

    [Fact]
    public void A_part_that_comes_twice_counts_once()
    {
        Add(LineRun.Weights(1, 5), 1, 2);
        var snapshot = Add(LineRun.Weights(1, 5), 1, 2)!;
        Assert.False(snapshot.HasWeights);
    }

    [Fact]
    public void Steps_do_not_mix()
    {
        Add(LineRun.Weights(1, 5), 1, 2);
        Assert.False(Add(LineRun.Weights(1, 6, 1), 3)!.HasWeights);
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(1, 2)]
    public void A_part_that_does_not_fit_the_layout_is_dropped(int segment, int length)
    {
        Assert.Null(Add(LineRun.Weights(1, 5, segment), new float[length]));
        Assert.Equal(0, _pool.Lent);
    }

    [Fact]
    public void What_is_dealt_with_is_dropped()
    {
        Add(LineRun.Weights(1, 5), 1, 2);
        Add(LineRun.Weights(1, 6), 1, 2);
        _collector.DropBefore(6);
        Assert.Equal(1, _pool.Lent);
    }

    private Snapshot? Add(TensorKey key, params float[] values) => _collector.Add(_pool.Tensor(key, 0, values), TimeSpan.Zero);
}
