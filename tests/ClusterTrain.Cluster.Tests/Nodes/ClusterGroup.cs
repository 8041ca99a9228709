namespace ClusterTrain.Cluster.Tests;

/// <summary>Clusters need the machine's few cores for themselves: their tests run one after the other, beside no others.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ClusterGroup
{
    public const string Name = "clusters";
}
