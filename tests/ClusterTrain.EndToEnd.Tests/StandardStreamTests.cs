namespace ClusterTrain.EndToEnd.Tests;

/// <summary>What becomes of a process when nobody is left to read its output.</summary>
public sealed class StandardStreamTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("xterm")]
    [InlineData("dumb")]
    public void A_run_whose_terminal_is_closed_writes_its_checkpoint_and_can_be_resumed(string kind)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var alone = ClusterTrainProcess.Run("train", "--set", "epochs=400", "--out", _folder["alone"]);
        using var terminal = new PseudoTerminal();
        using var closed = Shell(
            "exec \"$@\" >\"$TERMINAL\" 2>&1",
            new() { ["TERMINAL"] = terminal.Path, ["TERM"] = kind },
            "train", "--set", "epochs=400", "--out", _folder["closed"]);
        terminal.WaitFor("epoch 2/");
        terminal.Dispose();
        closed.Signal("HUP");
        closed.Signal("HUP");
        Assert.Equal(129, closed.WaitForExit());
        Assert.Contains("\"outcome\":\"interrupted\"", File.ReadLines(Path.Combine(_folder["closed"], "log.jsonl")).Last(), StringComparison.Ordinal);
        using var resumed = ClusterTrainProcess.Run("train", "--resume", _folder["closed"]);
        Assert.Equal(alone.LastLine, resumed.LastLine);
    }

    [Fact]
    public void A_process_that_was_told_to_ignore_the_hang_up_continues()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var run = Shell("trap '' HUP; exec \"$@\"", [], "train", "--json", "--set", "epochs=100", "--out", _folder["run"]);
        run.WaitForLine("\"event\":\"began\"");
        run.Signal("HUP");
        Assert.Equal(0, run.WaitForExit());
        Assert.Contains("\"event\":\"result\"", run.LastLine, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(">&-", "it is closed")]
    [InlineData(">/dev/full", "No space left on device")]
    public void A_standard_output_that_cannot_be_written_is_named(string redirection, string reason)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using var list = Shell($"exec \"$@\" {redirection}", [], "data", "list");
        Assert.Equal(1, list.WaitForExit());
        Assert.Equal($"error: standard output cannot be written: {reason}", list.Errors.Trim());
    }

    [Fact]
    public void An_error_stream_that_cannot_be_written_leaves_the_exit_code()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using var mistake = Shell("exec \"$@\" 2>/dev/full", [], "nonsense");
        Assert.Equal(2, mistake.WaitForExit());
    }

    private static ClusterTrainProcess Shell(string script, Dictionary<string, string> variables, params string[] args) =>
        ClusterTrainProcess.Start(variables, args, launcher: ["sh", "-c", script, "sh"]);
}
