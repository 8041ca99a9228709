using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Simulation.Tests;

/// <summary>
/// A fault put into the cluster on purpose, from outside production code: around an actor, between two actors, at the disk. The
/// checkers must find it. One instance serves one simulation; this one plants nothing.
/// </summary>
internal class Plant
{
    /// <summary>False: checkpoints are renamed into place without having been flushed.</summary>
    public virtual bool FlushesCheckpoints => true;

    /// <summary>False: a coordinator that hung may still write when another one leads.</summary>
    public virtual bool RefusesFormer => true;

    /// <summary>False: memory that another process reads is given back before that process has done so.</summary>
    public virtual bool HoldsWhatIsRead => true;

    /// <summary>May put something around a parameter server.</summary>
    public virtual IActor Around(IActor server, TrainingPlan plan) => server;

    /// <summary>True: a control message is forgotten before it is sent.</summary>
    public virtual bool Forgets(ActorId to, IMessage message) => false;

    /// <summary>May change where a restarted coordinator begins.</summary>
    public virtual RunStart Resume(RunStart start) => start;
}
