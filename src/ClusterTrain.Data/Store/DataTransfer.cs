using ClusterTrain.Data.Common;

namespace ClusterTrain.Data.Store;

/// <summary>How the outside world is reached; tests put their own in place.</summary>
internal sealed record DataTransfer
{
    /// <summary>Makes the handler of web requests, which is disposed of after the downloads.</summary>
    public Func<HttpMessageHandler> Web { get; init; } = () => new SocketsHttpHandler { ConnectTimeout = DataLimits.Connect };

    /// <summary>Runs the npm client.</summary>
    public IProgramRunner Programs { get; init; } = new ProgramRunner();

    /// <summary>Measures the time-outs.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>See <see cref="DataLimits.Answer"/>.</summary>
    public TimeSpan Answer { get; init; } = DataLimits.Answer;

    /// <summary>See <see cref="DataLimits.Stall"/>.</summary>
    public TimeSpan Stall { get; init; } = DataLimits.Stall;

    /// <summary>See <see cref="DataLimits.RetryPause"/>.</summary>
    public TimeSpan RetryPause { get; init; } = DataLimits.RetryPause;
}
