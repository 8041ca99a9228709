using System.Globalization;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Nodes;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Cli.Output;

/// <summary>Shows what a worker or parameter server does.</summary>
internal interface IMemberView : IDisposable
{
    /// <summary>Before it connects.</summary>
    /// <param name="options">What it does.</param>
    /// <param name="endpoint">Where it listens; null: nowhere.</param>
    void Begin(NodeOptions options, NodeEndpoint? endpoint);

    /// <summary>What happens; called from several threads, one at a time.</summary>
    void Observe(NodeEvent happened);

    /// <summary>How it ended.</summary>
    void End(NodeOutcome outcome);
}

/// <summary>Plain lines: what happens on one stream, warnings on the other.</summary>
/// <param name="surroundings">Where to write.</param>
internal sealed class PlainMemberView(Surroundings surroundings) : IMemberView
{
    private const double Megabyte = 1e6;
    private static readonly TimeSpan s_fetchPeriod = TimeSpan.FromSeconds(2);

    private long? _lastFetch;

    public void Begin(NodeOptions options, NodeEndpoint? endpoint)
    {
        var what = options switch
        {
            { IsWorker: true, IsParameterServer: true } => $"worker of {Figures.Count(options.Threads, "thread")} and parameter server at {endpoint}",
            { IsWorker: true } => $"worker of {Figures.Count(options.Threads, "thread")}",
            _ => $"parameter server at {endpoint}",
        };
        Line($"{what}; joining {string.Join(", ", options.Join)}");
        if (endpoint is not null && !options.Security.HasSecret)
        {
            Line("without a cluster secret it listens on loopback only");
        }
    }

    public void Observe(NodeEvent happened)
    {
        switch (happened)
        {
            case NodeNotice notice:
                Line(notice.Message);
                break;
            case NodeWarning warning:
                surroundings.Error.WriteLine($"warning: {warning.Message}");
                break;
            case MemberJoined joined:
                Line($"joined {joined.Coordinator} as {joined.Id}");
                break;
            case MemberFetching fetching when IsDue(fetching):
                Line(string.Create(
                    CultureInfo.InvariantCulture, $"fetched {fetching.Bytes / Megabyte:F1} of {fetching.Total / Megabyte:F1} MB"));
                break;
        }
    }

    public void End(NodeOutcome outcome)
    {
        switch (outcome)
        {
            case NodeFinished:
                Line("the run is over");
                break;
            case NodeLeft:
                Line("left the run");
                break;
            case NodeFailed error:
                surroundings.Error.WriteLine($"error: {error.Reason}");
                break;
        }
    }

    public void Dispose() => surroundings.Out.Flush();

    private bool IsDue(MemberFetching fetching)
    {
        if (fetching.Bytes != fetching.Total && _lastFetch is { } last && surroundings.Time.GetElapsedTime(last) < s_fetchPeriod)
        {
            return false;
        }

        _lastFetch = surroundings.Time.GetTimestamp();
        return true;
    }

    private void Line(string text) => surroundings.Out.WriteLine(text);
}

/// <summary>One JSON object per event.</summary>
/// <param name="output">Receives the lines.</param>
internal sealed class JsonMemberView(TextWriter output) : IMemberView
{
    private readonly JsonLines _lines = new(output);

    public void Begin(NodeOptions options, NodeEndpoint? endpoint) => _lines.Write(json =>
    {
        json.WriteString("event", "node");
        json.WriteBoolean("worker", options.IsWorker);
        json.WriteBoolean("parameterServer", options.IsParameterServer);
        json.WriteString("join", string.Join(',', options.Join));
        if (endpoint is not null)
        {
            json.WriteString("address", endpoint.ToString());
        }
    });

    public void Observe(NodeEvent happened) => _lines.Write(json =>
    {
        switch (happened)
        {
            case NodeNotice notice:
                json.WriteString("event", "notice");
                json.WriteString("message", notice.Message);
                break;
            case NodeWarning warning:
                json.WriteString("event", "warning");
                json.WriteString("message", warning.Message);
                break;
            case MemberJoined joined:
                json.WriteString("event", "joined");
                json.WriteString("member", joined.Id.Name);
                json.WriteString("role", joined.Role == NodeRole.Worker ? "worker" : "parameter-server");
                json.WriteString("coordinator", joined.Coordinator.ToString());
                break;
            case NodeRegistered registered:
                json.WriteString("event", "registered");
                json.WriteString("coordinator", registered.Coordinator);
                json.WriteNumber("term", registered.Term);
                break;
            case MemberFetching fetching:
                json.WriteString("event", "fetching");
                json.WriteNumber("bytes", fetching.Bytes);
                json.WriteNumber("total", fetching.Total);
                break;
        }
    });

    public void End(NodeOutcome outcome) => _lines.Write(json =>
    {
        json.WriteString("event", "ended");
        json.WriteString("outcome", outcome switch
        {
            NodeFinished => "finished",
            NodeLeft => "left",
            _ => "error",
        });
        if (outcome is NodeFailed error)
        {
            json.WriteString("reason", error.Reason);
        }
    });

    public void Dispose() => output.Flush();
}
