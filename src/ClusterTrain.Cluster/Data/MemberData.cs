using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Cluster.Data;

/// <summary>Where a worker may find its rows.</summary>
/// <param name="Own">Prepares the node's own copy of a recipe's data; null, also as its answer: it has none.</param>
/// <param name="Cache">Folder where fetched data is kept; null: none is fetched.</param>
/// <param name="Limits">The bounds of the transfer.</param>
/// <param name="Clock">The clock.</param>
/// <param name="Notice">Told that data is about to be fetched, and why.</param>
/// <param name="Fetched">Told the bytes so far and in all, now and then.</param>
internal sealed record DataSources(
    Func<Recipe, CancellationToken, PreparedData?>? Own, string? Cache, LinkLimits Limits, TimeProvider Clock, Action<string> Notice,
    Action<long, long> Fetched);

/// <summary>
/// A worker's rows: its own copy when it is the coordinator's data; otherwise what was fetched from the coordinator before, or is fetched now,
/// once, into the cache.
/// </summary>
/// <param name="run">The run.</param>
/// <param name="sources">Where to look.</param>
internal sealed class MemberData(RunKnowledge run, DataSources sources)
{
    private static readonly TimeSpan s_reportPeriod = TimeSpan.FromMilliseconds(250);

    /// <summary>Finds the rows.</summary>
    /// <param name="dial">Opens a data connection to the coordinator.</param>
    /// <param name="cancellation">The link to the coordinator was lost.</param>
    /// <exception cref="LinkException">There is no way to have them.</exception>
    public PreparedData Get(Func<Connection> dial, CancellationToken cancellation)
    {
        if (Own(cancellation, out var problem) is { } data)
        {
            return data;
        }

        if (sources.Cache is null)
        {
            throw new LinkException(
                RefusalKind.Data,
                $"trains on data of fingerprint {run.Data}, which this node does not have: {problem}. Name a cache folder to fetch it into.");
        }

        var path = Path.Combine(sources.Cache, $"prepared-{run.Data}.ctdata");
        if (Cached(path) is { } cached)
        {
            return cached;
        }

        sources.Notice($"fetching the data from the coordinator: {problem}");
        Fetch(path, dial, cancellation);
        return Cached(path)
            ?? throw new LinkException(
                RefusalKind.Data, $"sent data that is not what it trains on (fingerprint {run.Data}); its memory or disk may be bad");
    }

    private PreparedData? Own(CancellationToken cancellation, out string problem)
    {
        problem = "it has none of its own";
        try
        {
            if (sources.Own?.Invoke(run.Recipe, cancellation) is not { } data)
            {
                return null;
            }

            if (data.Fingerprint == run.Data)
            {
                return data;
            }

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

    private PreparedData? Cached(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            var data = PreparedDataFile.Open(path);
            if (data.Fingerprint == run.Data)
            {
                return data;
            }
        }
        catch (DataException)
        {
            // Damaged, and so of no use: it is replaced.
        }

        File.Delete(path);
        return null;
    }

    private void Fetch(string path, Func<Connection> dial, CancellationToken cancellation)
    {
        using var connection = dial();
        using (cancellation.Register(connection.Dispose))
        {
            var reported = sources.Clock.GetTimestamp();
            try
            {
                Directory.CreateDirectory(sources.Cache!);
                DataTransfer.Receive(connection, path, sources.Limits, Report);
            }
            catch (UnauthorizedAccessException error)
            {
                throw new LinkException(RefusalKind.Data, $"has the data, but {path} cannot be written: {error.Message}");
            }

            void Report(long bytes, long total)
            {
                if (bytes == total || sources.Clock.GetElapsedTime(reported) >= s_reportPeriod)
                {
                    reported = sources.Clock.GetTimestamp();
                    sources.Fetched(bytes, total);
                }
            }
        }
    }
}
