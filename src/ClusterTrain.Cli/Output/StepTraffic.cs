using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cli.Output;

/// <summary>What a worker of a cluster moves in a step, whether over the network or named in shared memory.</summary>
/// <param name="Workers">Workers with leaves.</param>
/// <param name="Pushed">Bytes of gradient sums that one pushes.</param>
/// <param name="Received">Bytes of weights that one receives: the model's.</param>
internal sealed record StepTraffic(int Workers, long Pushed, long Received)
{
    /// <summary>
    /// The least that each of so many machines has to send, and to receive, to average gradients: 2(n - 1)/n of the model, as ring all-reduce does
    /// (Patarasuk and Yuan 2009).
    /// </summary>
    public long Least => 2 * (Workers - 1) * Received / Workers;

    /// <summary>In one sentence.</summary>
    public string Sentence =>
        $"each step a worker pushed {Figures.Bytes(Pushed)} of sums and received {Figures.Bytes(Received)} of weights; "
        + $"the least for {Figures.Count(Workers, "machine")} is {Figures.Bytes(Least)} each way";

    /// <summary>The traffic that an event tells; otherwise what was known before.</summary>
    /// <param name="happened">The event.</param>
    /// <param name="parameters">The model's.</param>
    /// <param name="before">What was known.</param>
    public static StepTraffic? Of(RunEvent happened, long parameters, StepTraffic? before)
    {
        if (happened is not MembersMeasured { Workers: var measured })
        {
            return before;
        }

        var pushed = measured.Where(worker => worker.Leaves > 0).Select(worker => worker.BytesPerStep).ToArray();
        return pushed.Length == 0 ? before : new StepTraffic(pushed.Length, (long)pushed.Average(), parameters * sizeof(float));
    }
}
