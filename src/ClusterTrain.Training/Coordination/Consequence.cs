namespace ClusterTrain.Training.Coordination;

/// <summary>What follows from what a worker answered, or did not answer, for the coordinator to do.</summary>
internal abstract record Consequence
{
    /// <summary>Other workers are to share the leaves.</summary>
    internal sealed record DivideAnew : Consequence;

    /// <summary>A vote is over: training continues, with other workers.</summary>
    internal sealed record EndVote : Consequence;

    /// <summary>The weights may be wrong, or a vote came to no end: the steps since the checkpoint are replayed.</summary>
    internal sealed record ReplaySteps : Consequence;

    /// <summary>The run cannot continue.</summary>
    /// <param name="Reason">Why, and what to do.</param>
    internal sealed record Fail(string Reason) : Consequence;
}
