using ClusterTrain.Learning;

namespace ClusterTrain.Hosting;

/// <summary>
/// Where a worker's rows come from: its own copy when it is the coordinator's data; otherwise what was fetched from the coordinator before, or is
/// fetched now, once, into the cache.
/// </summary>
internal static class MemberData
{
    private static readonly TimeSpan ReportPeriod = TimeSpan.FromMilliseconds(250);

    /// <summary>The run's data.</summary>
    /// <exception cref="LinkException">There is no way to have it.</exception>
    public static PreparedData Get(RunKnowledge run, NodeEndpoint coordinator, Hello own, MemberShared shared, CancellationToken cancellation)
    {
        var options = shared.Options;
        if (Own(run, options, cancellation, out var problem) is { } data)
            return data;
        if (options.Cache is null)
            throw new LinkException(RefusalKind.Data, $"trains on data of fingerprint {run.Data}, which this node has not: {problem}. Name a cache folder to fetch it into.");

        var path = Path.Combine(options.Cache, $"prepared-{run.Data}.ctdata");
        if (Cached(path, run) is { } cached)
            return cached;

        shared.Observe(new MemberNotice($"fetching the data from the coordinator at {coordinator}: {problem}"));
        Fetch(path, coordinator, own, shared, cancellation);
        return Cached(path, run)
            ?? throw new LinkException(RefusalKind.Data, $"sent data that is not what it trains on (fingerprint {run.Data}); its memory or disk may be bad");
    }

    private static PreparedData? Own(RunKnowledge run, MemberOptions options, CancellationToken cancellation, out string problem)
    {
        problem = "it has none of its own";
        try
        {
            if (options.OwnData?.Invoke(run.Recipe, cancellation) is not { } data)
                return null;
            if (data.Fingerprint == run.Data)
                return data;

            problem = $"its own is other data (fingerprint {data.Fingerprint}, the run's is {run.Data})";
        }
        catch (DataException error)
        {
            problem = $"it has none of its own: {error.Message}";
        }
        catch (OperationCanceledException)
        {
            throw new LinkException(RefusalKind.Rejoin, "was lost while the data was prepared");
        }

        return null;
    }

    private static PreparedData? Cached(string path, RunKnowledge run)
    {
        if (!File.Exists(path))
            return null;

        try
        {
            var data = PreparedDataFile.Open(path);
            if (data.Fingerprint == run.Data)
                return data;
        }
        catch (DataException)
        {
            // Damaged, and so of no use: it is replaced.
        }

        File.Delete(path);
        return null;
    }

    private static void Fetch(string path, NodeEndpoint coordinator, Hello own, MemberShared shared, CancellationToken cancellation)
    {
        var options = shared.Options;
        var (connection, _) = Dialling.Dial(coordinator, _ => own with { Lane = Lane.Data }, options, options.Limits.HandshakeTime, cancellation);
        using (connection)
        using (cancellation.Register(connection.Dispose))
        {
            var reported = options.Time.GetTimestamp();
            try
            {
                Directory.CreateDirectory(options.Cache!);
                DataTransfer.Receive(connection, path, options.Limits, Report);
            }
            catch (UnauthorizedAccessException error)
            {
                throw new LinkException(RefusalKind.Data, $"has the data, but {path} cannot be written: {error.Message}");
            }

            void Report(long bytes, long total)
            {
                if (bytes == total || options.Time.GetElapsedTime(reported) >= ReportPeriod)
                {
                    reported = options.Time.GetTimestamp();
                    shared.Observe(new MemberFetching(bytes, total));
                }
            }
        }
    }
}
