using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cli.Output;

/// <summary>What a worker of a cluster moves in a step between machines; where memory is shared, what it would.</summary>
/// <param name="Workers">Workers with leaves.</param>
/// <param name="Pushed">Bytes of gradient sums that one pushes.</param>
/// <param name="Received">Bytes of weights that one receives: the model's.</param>
/// <param name="Gradient">Bytes of the model's gradient, in the recipe's precision.</param>
internal sealed record StepTraffic(int Workers, long Pushed, long Received, long Gradient)
{
    /// <summary>
    /// Bytes that each of so many machines would send, and receive, if they averaged the gradients among themselves: 2(n - 1)/n of the model, the
    /// least without a server (ring all-reduce: Patarasuk and Yuan 2009).
    /// </summary>
    public long AllReduce => (Workers - 1) * (Gradient + Received) / Workers;

    /// <summary>In one sentence.</summary>
    public string Sentence =>
        $"each step a worker pushed {Figures.Bytes(Pushed)} of sums and received {Figures.Bytes(Received)} of weights"
        + (Workers > 1 ? $"; ring all-reduce between {Workers} machines would move {Figures.Bytes(AllReduce)} each way" : "");

    /// <summary>The traffic that an event tells; otherwise what was known before.</summary>
    /// <param name="happened">The event.</param>
    /// <param name="parameters">The model's.</param>
    /// <param name="gradientBytes">Bytes of a number of its gradient.</param>
    /// <param name="before">What was known.</param>
    public static StepTraffic? Of(RunEvent happened, long parameters, int gradientBytes, StepTraffic? before)
    {
        if (happened is not MembersMeasured { Workers: var measured })
        {
            return before;
        }

        var pushed = measured.Where(worker => worker.Leaves > 0).Select(worker => worker.BytesPerStep).ToArray();
        return pushed.Length == 0
            ? before
            : new StepTraffic(pushed.Length, (long)pushed.Average(), parameters * sizeof(float), parameters * gradientBytes);
    }
}
