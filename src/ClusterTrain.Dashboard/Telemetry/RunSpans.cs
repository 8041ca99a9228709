using System.Diagnostics;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Dashboard.Telemetry;

/// <summary>A run as spans: each epoch, and each recovery from the loss of a member until training continues.</summary>
internal sealed class RunSpans : IDisposable
{
    /// <summary>Name of the source.</summary>
    public const string SourceName = "ClusterTrain";

    private readonly ActivitySource _source = new(SourceName);
    private DateTimeOffset? _epochBegan;
    private (DateTimeOffset At, string Member, long Step)? _lost;
    private long _step;

    /// <summary>Takes in what happened.</summary>
    public void Observe(RunEvent happened, DateTimeOffset at)
    {
        switch (happened)
        {
            case RunBegan began:
                (_epochBegan, _step) = (_epochBegan ?? at, began.Step);
                break;
            case RunProgress progress:
                if (_lost is { } lost && progress.Step > lost.Step)
                {
                    Span("recovery", lost.At, at, ("member", lost.Member), ("step", lost.Step));
                    _lost = null;
                }

                _step = progress.Step;
                break;
            case MembershipChanged { What: not "joined" } changed:
                _lost ??= (at, changed.Member.Name, _step);
                break;
            case EpochCompleted { Record: var record }:
                Span(
                    "epoch", _epochBegan ?? at, at,
                    ("epoch", record.Epoch), ("step", record.Step), ("loss", record.Loss), ("weights_sha256", record.WeightsSha256));
                _epochBegan = at;
                break;
        }
    }

    public void Dispose() => _source.Dispose();

    private void Span(string name, DateTimeOffset from, DateTimeOffset to, params (string Key, object Value)[] tags)
    {
        var named = tags.Select(tag => new KeyValuePair<string, object?>($"clustertrain.{tag.Key}", tag.Value));
        using var span = _source.StartActivity(ActivityKind.Internal, startTime: from, tags: named, name: name);
        span?.SetEndTime(to.UtcDateTime);
    }
}
