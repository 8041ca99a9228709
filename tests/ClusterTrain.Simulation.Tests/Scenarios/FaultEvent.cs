namespace ClusterTrain.Simulation.Tests;

/// <summary>
/// Something that goes wrong, or changes, at a virtual time. Places are machines: 0 the coordinator's, then the servers', then the
/// workers'.
/// </summary>
/// <param name="AtUs">When, in virtual microseconds.</param>
internal abstract record FaultEvent(long AtUs)
{
    /// <summary>When the last of its effects is over.</summary>
    public virtual long EndUs => AtUs;
}

/// <summary>A process ends without a word and loses its memory.</summary>
/// <param name="AtUs">When.</param>
/// <param name="Place">Where.</param>
/// <param name="DownUs">How long until another is started in its place; null: never.</param>
/// <param name="PowerLoss">True when the machine goes too: what was not flushed to its disk is lost.</param>
internal sealed record Crash(long AtUs, int Place, long? DownUs, bool PowerLoss) : FaultEvent(AtUs)
{
    public override long EndUs => AtUs + (DownUs ?? 0);
}

/// <summary>Nothing gets from one place to another, in one direction or both.</summary>
internal sealed record Partition(long AtUs, int From, int To, bool OneWay, long ForUs) : FaultEvent(AtUs)
{
    public override long EndUs => AtUs + ForUs;
}

/// <summary>Nothing gets from or to a place.</summary>
internal sealed record Isolation(long AtUs, int Place, long ForUs) : FaultEvent(AtUs)
{
    public override long EndUs => AtUs + ForUs;
}

/// <summary>A connection breaks and what is in flight on it is lost; it can be made again at once.</summary>
internal sealed record Disconnect(long AtUs, int From, int To) : FaultEvent(AtUs);

/// <summary>A process stands still, then continues as if nothing had been.</summary>
internal sealed record Stall(long AtUs, int Place, long ForUs) : FaultEvent(AtUs)
{
    public override long EndUs => AtUs + ForUs;
}

/// <summary>A machine's clock jumps ahead.</summary>
internal sealed record ClockJump(long AtUs, int Place, long ByUs) : FaultEvent(AtUs);

/// <summary>The next checkpoints cannot be written.</summary>
internal sealed record DiskFailure(long AtUs, int Writes) : FaultEvent(AtUs);

/// <summary>A worker is added.</summary>
internal sealed record WorkerJoins(long AtUs, int Place) : FaultEvent(AtUs);

/// <summary>A worker says goodbye and ends.</summary>
internal sealed record WorkerLeaves(long AtUs, int Place) : FaultEvent(AtUs);

/// <summary>The run is stopped with a checkpoint; when it has ended everything is started again.</summary>
internal sealed record StopAndResume(long AtUs) : FaultEvent(AtUs);

/// <summary>A parameter server is asked to stop; once it was told to it ends, and another is started in its place.</summary>
internal sealed record ServerLeaves(long AtUs, int Place, long DownUs) : FaultEvent(AtUs)
{
    public override long EndUs => AtUs + DownUs;
}

/// <summary>All processes are asked to stop at once; when the run has ended everything is started again.</summary>
internal sealed record StopAll(long AtUs) : FaultEvent(AtUs);

/// <summary>
/// The coordinator hangs. After a while another one opens the run folder and leads, unless it has woken up by then; when it wakes up later it
/// continues as if nothing had been, but the disk refuses what it writes and nobody is connected to it.
/// </summary>
internal sealed record CoordinatorHangs(long AtUs, long SuccessorUs, long WakesUs) : FaultEvent(AtUs)
{
    public override long EndUs => AtUs + Math.Max(SuccessorUs, WakesUs);
}
