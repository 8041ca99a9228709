namespace ClusterTrain.Simulation.Tests;

/// <summary>The connection between two places. In each direction messages arrive in the order sent, or not at all.</summary>
internal sealed class Link
{
    /// <summary>Counts the connections; what was sent on a former one is lost.</summary>
    public int Number { get; private set; } = 1;

    public bool IsConnected { get; private set; }

    /// <summary>From the lower place to the higher one, and back.</summary>
    public Direction[] Directions { get; } = [new(), new()];

    public bool IsBlocked => Directions[0].Blocks > 0 || Directions[1].Blocks > 0;

    public Direction Towards(int from, int to) => Directions[from < to ? 0 : 1];

    public void Connect() => IsConnected = true;

    public void Close()
    {
        IsConnected = false;
        Number++;
        foreach (var direction in Directions)
        {
            foreach (var (_, envelope) in direction.Held)
            {
                envelope.Drop();
            }

            direction.Held.Clear();
        }
    }

    internal sealed class Direction
    {
        /// <summary>Partitions that keep messages from getting through now.</summary>
        public int Blocks { get; set; }

        /// <summary>Messages that wait for a partition to end; the sender does not know yet.</summary>
        public List<(Process To, Envelope Envelope)> Held { get; } = [];

        public long LastArrivalUs { get; set; }
    }
}
