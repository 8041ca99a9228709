using System.Runtime.InteropServices;

namespace ClusterTrain.Cli;

/// <summary>
/// Ctrl-C and SIGTERM: the first asks the work under way to stop where it can be resumed, the second ends the process at once.
/// </summary>
internal sealed class Interruption(Action<int> endAtOnce) : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _exitCode;

    /// <summary>Signalled by the first of them.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>The exit code that tells which it was; <see cref="ExitCodes.Ok"/> when there was none.</summary>
    public int ExitCode => Volatile.Read(ref _exitCode);

    /// <summary>Begins to listen to the process's signals.</summary>
    public void Listen()
    {
        On(PosixSignal.SIGINT, ExitCodes.Interrupted);
        On(PosixSignal.SIGTERM, ExitCodes.Terminated);
    }

    /// <summary>Behaves as a signal does.</summary>
    /// <param name="exitCode">The exit code that tells which.</param>
    public void Raise(int exitCode)
    {
        if (Interlocked.CompareExchange(ref _exitCode, exitCode, ExitCodes.Ok) == ExitCodes.Ok)
            _source.Cancel();
        else
            endAtOnce(exitCode);
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _source.Dispose();
    }

    private void On(PosixSignal signal, int exitCode) => _registrations.Add(PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        Raise(exitCode);
    }));
}
