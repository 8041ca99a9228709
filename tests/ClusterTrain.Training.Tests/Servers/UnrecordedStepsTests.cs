using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Servers;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Tests;

/// <summary>What a segment's server keeps until it is in the receipt. Epochs have four steps.</summary>
public sealed class UnrecordedStepsTests : IDisposable
{
    private static readonly StepReport s_start = new(1, 0, 5, 0, TimeSpan.Zero);

    private readonly TensorPool _pool = new();
    private readonly RecordingContext _context = new("server");
    private readonly TrainingPlan _plan = new(LineRun.Recipe(epochs: 9, batchRows: 1), 4);
    private readonly UnrecordedSteps _unrecorded;

    public UnrecordedStepsTests() => _unrecorded = new UnrecordedSteps(_plan, _pool, receiptSteps: 3, recorded: 5, s_start);

    public void Dispose()
    {
        _context.Clear();
        _unrecorded.Dispose();
        Assert.Equal(0, _pool.Lent);
    }

    [Theory]
    [InlineData(0, 3, false)]
    [InlineData(0, 4, true)]
    [InlineData(0, 8, true)]
    [InlineData(3, 3, true)]
    [InlineData(3, 4, true)]
    [InlineData(3, 5, false)]
    [InlineData(3, 6, true)]
    public void The_ends_of_epochs_and_every_so_many_steps_are_for_the_receipt(long receiptSteps, long step, bool expected)
    {
        using var unrecorded = new UnrecordedSteps(_plan, _pool, receiptSteps, 0, s_start);
        Assert.Equal(expected, unrecorded.IsForReceipt(step));
    }

    [Fact]
    public void Weights_are_missing_that_are_for_the_receipt_not_in_it_and_not_kept()
    {
        Assert.Equal([6, 8, 9, 12], Missing(12));
        Keep(8);
        Assert.Equal([9, 12], Missing(12));
        Keep(9);
        _unrecorded.Forget(9);
        Assert.Equal([12], Missing(12));
        _unrecorded.Forget(12);
        Assert.Empty(Missing(12));
    }

    [Fact]
    public void A_copy_is_kept_while_the_senders_buffer_is_given_back()
    {
        var weights = _pool.Tensor(LineRun.Weights(1, 6), 2.5, 1, 2, 3, 4);
        _unrecorded.KeepCopy(weights with { Offset = 1, Length = 2 });
        _pool.Tensor(LineRun.Weights(1, 7), 0, 9, 9, 9, 9).Lease.Release();
        Assert.Equal(1, _pool.Lent);

        _unrecorded.SendWeights(_context, LineRun.Coordinator, 3, before: 7);
        var sent = Assert.Single(_context.Tensors).Tensor;
        Assert.Equal((LineRun.Weights(3, 6), 2.5), (sent.Key, sent.Loss));
        Assert.Equal([2f, 3], sent.Values.ToArray());
    }

    [Fact]
    public void A_new_coordinator_is_sent_all_that_is_not_recorded_and_the_end_of_the_epoch_before_it()
    {
        Keep(6);
        KeepEpochEnd(8);
        Keep(9);
        KeepEpochEnd(12);
        _unrecorded.SendAll(_context, LineRun.Coordinator, 7);
        Assert.Equal([5, 8, 12], Reports());
        Assert.Equal([6, 8, 9, 12], Weights());
        Assert.All(_context.Sent<StepReport>(), report => Assert.Equal(7, report.Term));
        Assert.All(_context.Tensors, sent => Assert.Equal(7, sent.Tensor.Key.Term));
    }

    [Theory]
    [InlineData(7, new long[] { 5, 8, 12 }, new long[] { 8, 9, 12 })]
    [InlineData(8, new long[] { 8, 12 }, new long[] { 9, 12 })]
    [InlineData(9, new long[] { 8, 12 }, new long[] { 12 })]
    [InlineData(12, new long[] { 12 }, new long[0])]
    public void What_is_recorded_is_forgotten_but_for_the_last_epochs_end(long recorded, long[] reports, long[] weights)
    {
        Keep(6);
        KeepEpochEnd(8);
        Keep(9);
        KeepEpochEnd(12);
        _unrecorded.Forget(recorded);
        Assert.Equal(weights.Length, _pool.Lent);
        _unrecorded.SendAll(_context, LineRun.Coordinator, 7);
        Assert.Equal(reports, Reports());
        Assert.Equal(weights, Weights());
        Assert.Equal(recorded, _unrecorded.Recorded);
    }

    [Fact]
    public void The_receipt_never_gets_shorter()
    {
        _unrecorded.Forget(6);
        _unrecorded.Forget(5);
        Assert.Equal(6, _unrecorded.Recorded);
    }

    [Fact]
    public void Weights_of_the_steps_before_one_are_sent_alone()
    {
        Keep(6);
        Keep(8);
        Keep(9);
        _unrecorded.SendWeights(_context, LineRun.Coordinator, 1, before: 8);
        Assert.Equal([6], Weights());
    }

    private void Keep(long step) => _unrecorded.Keep(_pool.Tensor(LineRun.Weights(1, step), 0, step));

    private void KeepEpochEnd(long step)
    {
        Keep(step);
        _unrecorded.KeepEpochEnd(new StepReport(1, 0, step, 1, TimeSpan.Zero));
    }

    private IEnumerable<long> Missing(int last) => Enumerable.Range(1, last).Select(step => (long)step).Where(_unrecorded.IsMissing);

    private IEnumerable<long> Reports() => _context.SentTo<StepReport>(LineRun.Coordinator).Select(report => report.Step);

    private IEnumerable<long> Weights() => _context.Tensors.Select(sent => sent.Tensor.Key.Step);
}
