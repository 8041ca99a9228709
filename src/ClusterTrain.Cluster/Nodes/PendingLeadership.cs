using ClusterTrain.Cluster.Membership;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Training.Coordination;
using AkkaCluster = Akka.Cluster.Cluster;

namespace ClusterTrain.Cluster.Nodes;

/// <summary>A leadership whose node may still be waiting for its run's data, or for the singleton.</summary>
internal sealed class PendingLeadership : ILeadership
{
    private readonly Lock _gate = new();
    private Leadership? _leadership;
    private bool _isAborted;
    private Action<RunEvent>? _happened;
    private Action<bool>? _ended;
    private bool? _leadsAgain;

    public Registered? Answer => _leadership?.Answer;

    /// <summary>The singleton is told what happens from now on.</summary>
    public void Attach(Action<RunEvent> happened, Action<bool> ended)
    {
        bool? leadsAgain;
        lock (_gate)
        {
            (_happened, _ended, leadsAgain) = (happened, ended, _leadsAgain);
        }

        if (leadsAgain is { } again)
        {
            ended(again);
        }
    }

    public void Begin(Leadership leadership)
    {
        lock (_gate)
        {
            _leadership = leadership;
            if (!_isAborted)
            {
                return;
            }
        }

        leadership.Abort();
    }

    public void Happened(RunEvent happened) => Volatile.Read(ref _happened)?.Invoke(happened);

    public void End(bool leadsAgain)
    {
        Action<bool>? ended;
        lock (_gate)
        {
            (ended, _leadsAgain) = (_ended, leadsAgain);
        }

        ended?.Invoke(leadsAgain);
    }

    public string Report(AkkaCluster cluster, IEnumerable<Register> registered) =>
        _leadership?.Report(cluster, registered) ?? StatusBoard.Report(null, default, cluster, registered);

    public void Register(string address, Register register) => _leadership?.Register(address, register);

    public void Abort()
    {
        lock (_gate)
        {
            _isAborted = true;
        }

        _leadership?.Abort();
    }
}
