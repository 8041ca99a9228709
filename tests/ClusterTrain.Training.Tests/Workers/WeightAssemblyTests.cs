using ClusterTrain.Learning.Networks;
using ClusterTrain.Training.Tensors;
using ClusterTrain.Training.Workers;

namespace ClusterTrain.Training.Tests;

public sealed class WeightAssemblyTests : IDisposable
{
    private static readonly Segment[] s_segments = [new(0, 0, 2), new(1, 2, 1)];

    private readonly TensorPool _pool = new();
    private readonly WeightAssembly _weights;

    public WeightAssemblyTests()
    {
        _weights = new WeightAssembly(_pool, 3);
        _weights.Begin(2);
    }

    public void Dispose()
    {
        _weights.Clear();
        Assert.Equal(0, _pool.Lent);
    }

    [Fact]
    public void Two_segments_make_a_whole_in_any_order()
    {
        Assert.False(_weights.IsWhole);
        Assert.False(Add(5, 1, 3));
        Assert.True(Add(5, 0, 1, 2));
        AssertWhole(5, 1, 2, 3);
    }

    [Fact]
    public void One_server_is_a_step_ahead_and_the_step_in_hand_can_still_be_computed()
    {
        Add(5, 0, 1, 2);
        Add(5, 1, 3);
        Assert.False(Add(6, 0, 10, 20));
        AssertWhole(5, 1, 2, 3);

        Assert.True(Add(5, 1, 3));
        AssertWhole(5, 1, 2, 3);
        Assert.True(Add(6, 1, 30));
        AssertWhole(6, 10, 20, 30);
    }

    [Fact]
    public void A_worker_that_joins_between_two_servers_steps_makes_the_older_one_whole_first()
    {
        Assert.False(Add(5, 0, 1, 2));
        Assert.False(Add(6, 0, 10, 20));
        Assert.True(Add(5, 1, 3));
        AssertWhole(5, 1, 2, 3);
        Assert.True(Add(6, 1, 30));
        AssertWhole(6, 10, 20, 30);
    }

    [Fact]
    public void Weights_that_come_late_set_nothing_back()
    {
        Add(6, 0, 10, 20);
        Add(6, 1, 30);
        Assert.False(Add(4, 0, 9, 9));
        Assert.False(Add(5, 1, 9));
        AssertWhole(6, 10, 20, 30);
    }

    [Fact]
    public void A_step_two_ahead_replaces_the_one_in_hand()
    {
        Add(5, 0, 1, 2);
        Add(5, 1, 3);
        Assert.False(Add(7, 0, 10, 20));
        Assert.False(_weights.IsWhole);
        Assert.True(Add(7, 1, 30));
        AssertWhole(7, 10, 20, 30);
    }

    [Fact]
    public void A_single_segment_is_used_where_it_lies_and_only_one_step_is_kept()
    {
        _weights.Begin(1);
        foreach (var step in new[] { 5, 6, 7 })
        {
            var message = _pool.Tensor(LineRun.Weights(1, step), 0, step, 2, 3);
            Assert.True(_weights.Add(message, new Segment(0, 0, 3)));
            Assert.True(_weights.Values.Overlaps(message.Values));
            Assert.Equal(1, _pool.Lent);
        }
    }

    [Fact]
    public void A_new_topology_begins_at_any_step()
    {
        Add(5, 0, 1, 2);
        Add(5, 1, 3);
        _weights.Begin(2);
        Assert.False(_weights.IsWhole);
        Add(2, 0, 7, 8);
        Assert.True(Add(2, 1, 9));
        AssertWhole(2, 7, 8, 9);
    }

    private bool Add(long step, int segment, params float[] values) =>
        _weights.Add(_pool.Tensor(LineRun.Weights(1, step, segment), 0, values), s_segments[segment]);

    private void AssertWhole(long step, params float[] values)
    {
        Assert.True(_weights.IsWhole);
        Assert.Equal(step, _weights.Step);
        Assert.Equal(values, _weights.Values.ToArray());
    }
}
