using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Tests;

public sealed class AssignmentTests
{
    [Theory]
    [InlineData(1, 8, new[] { 8 })]
    [InlineData(3, 8, new[] { 2, 3, 3 })]
    [InlineData(4, 8, new[] { 2, 2, 2, 2 })]
    [InlineData(5, 3, new[] { 0, 1, 0, 1, 1 })]
    public void Leaves_are_shared_in_contiguous_balanced_runs(int workers, int leaves, int[] counts)
    {
        var assignment = new Assignment(1, 1, [.. Enumerable.Range(0, workers).Select(index => new ActorId($"w{index}"))]);
        var next = 0;
        for (var worker = 0; worker < workers; worker++)
        {
            var (start, count) = assignment.Share(worker, leaves);
            Assert.Equal((next, counts[worker]), (start, count));
            next += count;
        }

        Assert.Equal(leaves, next);
    }

    [Fact]
    public void Every_leaf_has_exactly_one_worker_for_all_small_numbers()
    {
        for (var workers = 1; workers <= 16; workers++)
        {
            var assignment = new Assignment(1, 1, [.. Enumerable.Range(0, workers).Select(index => new ActorId($"w{index}"))]);
            for (var leaves = 1; leaves <= 40; leaves++)
            {
                var owners = Enumerable.Range(0, workers)
                    .SelectMany(worker => Enumerable.Range(assignment.Share(worker, leaves).Start, assignment.Share(worker, leaves).Count));
                Assert.Equal(Enumerable.Range(0, leaves), owners);
            }
        }
    }
}
