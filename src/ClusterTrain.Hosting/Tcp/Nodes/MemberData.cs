using ClusterTrain.Learning;

namespace ClusterTrain.Hosting;

/// <summary>Where a worker's rows come from: its own copy when it is the coordinator's data.</summary>
internal static class MemberData
{
    public static PreparedData Get(RunKnowledge run, NodeEndpoint coordinator, Hello own, MemberShared shared, CancellationToken cancellation)
    {
        string problem;
        try
        {
            var data = shared.Options.OwnData?.Invoke(run.Recipe, cancellation);
            if (data is not null && data.Fingerprint == run.Data)
                return data;

            problem = data is null ? "it has none of its own" : $"its own has the fingerprint {data.Fingerprint}";
        }
        catch (DataException error)
        {
            problem = error.Message;
        }

        throw new LinkException(RefusalKind.Data, $"trains on data of fingerprint {run.Data}, which this node has not: {problem}");
    }
}
