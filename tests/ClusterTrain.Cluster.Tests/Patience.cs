namespace ClusterTrain.Cluster.Tests;

/// <summary>
/// How long a test waits for what must happen: it keeps a test from hanging and measures nothing, for the machine may be slow and
/// busy.
/// </summary>
internal static class Patience
{
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
}
