using System.Runtime.InteropServices;

namespace ClusterTrain.Cli.Output;

/// <summary>
/// Ctrl-C, SIGTERM and SIGHUP: the first asks the work under way to stop where it can be resumed, the second ends the process at once. SIGHUP
/// alone never does: the end of a terminal or session sends it more than once, and after SIGTERM.
/// </summary>
internal sealed class Interruption(Action<int> endAtOnce) : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _exitCode;
    private volatile bool _isFollowing;

    /// <summary>Signalled by the first of them.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>The exit code that tells which it was; <see cref="ExitCodes.Ok"/> when there was none.</summary>
    public int ExitCode => Volatile.Read(ref _exitCode);

    /// <summary>Begins to listen to the process's signals.</summary>
    public void Listen()
    {
        On(PosixSignal.SIGINT, ExitCodes.Interrupted);
        On(PosixSignal.SIGTERM, ExitCodes.Terminated);

        // One that was started with SIGHUP ignored, as nohup does, continues ignoring it: .NET leaves that as it is.
        On(PosixSignal.SIGHUP, ExitCodes.HungUp);
    }

    /// <summary>
    /// From now on the end of an input is what Ctrl-C is: a parent process that ends, however it ends, takes this one with it. Ctrl-C itself and
    /// SIGHUP, which a terminal sends to a process and its children alike, are left to the parent.
    /// </summary>
    /// <param name="input">The input; what comes before its end is ignored.</param>
    public void FollowInput(Stream input)
    {
        _isFollowing = true;
        new Thread(() =>
        {
            input.CopyTo(Stream.Null);
            Raise(ExitCodes.Interrupted);
        })
        { Name = "parent", IsBackground = true }.Start();
    }

    /// <summary>Behaves as a signal does.</summary>
    /// <param name="exitCode">The exit code that tells which.</param>
    public void Raise(int exitCode)
    {
        if (Interlocked.CompareExchange(ref _exitCode, exitCode, ExitCodes.Ok) == ExitCodes.Ok)
        {
            _source.Cancel();
        }
        else if (exitCode != ExitCodes.HungUp)
        {
            endAtOnce(exitCode);
        }
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }

        _source.Dispose();
    }

    private void On(PosixSignal signal, int exitCode) => _registrations.Add(PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        if (signal == PosixSignal.SIGTERM || !_isFollowing)
        {
            Raise(exitCode);
        }
    }));
}
