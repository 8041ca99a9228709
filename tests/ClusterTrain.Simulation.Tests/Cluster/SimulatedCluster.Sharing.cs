using ClusterTrain.Training.Actors;

namespace ClusterTrain.Simulation.Tests;

/// <content>Memory that the processes of a machine share.</content>
internal sealed partial class SimulatedCluster
{
    private readonly Dictionary<ActorId, int> _placeOf = [];

    /// <summary>Tensors that were read where they lay.</summary>
    public long Shared { get; private set; }

    /// <summary>A process takes a tensor: where it lies, when it is of the same machine; otherwise its memory is its own, as over a network.</summary>
    private TensorMessage Take(Process process, in Envelope envelope)
    {
        var sent = envelope.Tensor;
        if (_scenario.Machines is { } machines && _placeOf[envelope.Sender] % machines == process.Place % machines)
        {
            Shared++;
            return sent with { Lease = process.Read(sent, _plant.HoldsWhatIsRead), Offset = 0 };
        }

        var lease = process.Pool.Rent(sent.Length);
        sent.Values.CopyTo(lease.Span);
        sent.Lease.Release();
        return sent with { Lease = lease, Offset = 0 };
    }
}
