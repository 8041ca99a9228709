using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>A terminal without a screen; disposing closes it under the processes that write to it. Not on Windows.</summary>
public sealed partial class PseudoTerminal : IDisposable
{
    private const int ReadWrite = 2;

    private readonly FileStream _screen;

    public PseudoTerminal()
    {
        var master = posix_openpt(ReadWrite);
        if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 || ptsname(master) is var name && name == 0)
        {
            throw new Win32Exception();
        }

        Path = Marshal.PtrToStringUTF8(name)!;
        _screen = new FileStream(new SafeFileHandle(master, ownsHandle: true), FileAccess.Read, bufferSize: 0);
    }

    /// <summary>The device that processes write to.</summary>
    public string Path { get; }

    /// <summary>Waits until a text has been written.</summary>
    public void WaitFor(string text)
    {
        var seen = "";
        var bytes = new byte[4096];
        while (!seen.Contains(text, StringComparison.Ordinal))
        {
            seen += System.Text.Encoding.UTF8.GetString(bytes.AsSpan(0, _screen.ReadAtLeast(bytes, 1)));
        }
    }

    public void Dispose() => _screen.Dispose();

    [LibraryImport("libc", SetLastError = true)]
    private static partial int posix_openpt(int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int grantpt(int terminal);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unlockpt(int terminal);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint ptsname(int terminal);
}
