using ClusterTrain.Cli.Output;

namespace ClusterTrain.Cli.Commands.Cluster;

/// <summary>A file whose time of change is new while a node is well: a health check that needs no program of its own.</summary>
internal sealed class HealthFile : IDisposable
{
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);

    private readonly string _path;
    private readonly Func<bool> _isWell;
    private readonly Surroundings _surroundings;
    private readonly ITimer _timer;
    private string _lastProblem = "";

    /// <summary>Touches the file at once and then every second.</summary>
    /// <param name="path">The file.</param>
    /// <param name="isWell">Tells whether the node is well.</param>
    /// <param name="surroundings">The clock, and where warnings go.</param>
    public HealthFile(string path, Func<bool> isWell, Surroundings surroundings)
    {
        (_path, _isWell, _surroundings) = (path, isWell, surroundings);
        _timer = surroundings.Time.CreateTimer(_ => Touch(), null, TimeSpan.Zero, s_period);
    }

    /// <summary>Stops, and removes the file.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        Try(() => File.Delete(_path));
    }

    private void Touch()
    {
        if (_isWell())
        {
            Try(() => File.WriteAllText(_path, "well\n"));
        }
    }

    private void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            if (error.Message != _lastProblem)
            {
                _surroundings.Error.WriteLine($"warning: the health file {_path} cannot be written: {error.Message}");
            }

            _lastProblem = error.Message;
        }
    }
}
