using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace ClusterTrain.Cli.Bench;

/// <summary>What one run of a peer gave.</summary>
/// <param name="Version">The library's version; empty when there is no measurement.</param>
/// <param name="SamplesPerSecond">Median over its windows; null when there is no measurement.</param>
/// <param name="Problem">Why there is none.</param>
internal sealed record PeerResult(string Version, double? SamplesPerSecond, string? Problem)
{
    public static PeerResult Missing(string problem) => new(string.Empty, null, problem);
}

/// <summary>What a peer's turns came to.</summary>
/// <param name="Name">The library's name.</param>
/// <param name="Median">Samples a second; null when a turn gave none.</param>
/// <param name="Problem">Why it gave none.</param>
internal sealed record PeerTurns(string Name, double? Median, string? Problem)
{
    /// <summary>The median of the turns, or the first problem; null without a peer.</summary>
    public static PeerTurns? Of(PeerProgram? peer, IReadOnlyList<PeerResult> turns)
    {
        if (peer is null)
        {
            return null;
        }

        var problem = turns.FirstOrDefault(turn => turn.Problem is not null)?.Problem;
        return new PeerTurns(
            peer.Name, problem is null ? turns.Select(turn => turn.SamplesPerSecond!.Value).Order().ElementAt(turns.Count / 2) : null, problem);
    }

    /// <summary>Writes the name, and the samples a second or the problem.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("name", Name);
        if (Median is { } median)
        {
            json.WriteNumber("samplesPerSecond", median);
        }
        else
        {
            json.WriteString("problem", Problem);
        }
    }
}

/// <summary>A program under bench/peers that trains the benchmark network with another library and prints one line of JSON.</summary>
/// <param name="Name">The library's name.</param>
/// <param name="Script">The program.</param>
/// <param name="Interpreter">The Python that runs it.</param>
internal sealed record PeerProgram(string Name, string Script, string Interpreter)
{
    private const int MissingPackage = 3;
    private const string DebianPython = "/usr/bin/python3";

    // Loading a library, making or reading the rows, the warm-up.
    private static readonly TimeSpan s_overhead = TimeSpan.FromSeconds(90);

    /// <summary>The peers of one process. Empty, with a note, if there is no bench/peers above the program or the current folder.</summary>
    public static IReadOnlyList<PeerProgram> Find(TextWriter notes) => Find(notes, ("NumPy", "peer_numpy.py"), ("PyTorch", "peer_torch.py"));

    /// <summary>PyTorch's DistributedDataParallel with two processes over Gloo. Null, with a note, if there is no bench/peers.</summary>
    public static PeerProgram? Distributed(TextWriter notes) => Find(notes, ("PyTorch DDP, 2 processes", "peer_torch_ddp.py")).SingleOrDefault();

    private static List<PeerProgram> Find(TextWriter notes, params (string Name, string Script)[] peers)
    {
        var python = File.Exists(DebianPython) ? DebianPython : "python3";
        foreach (var start in new[] { AppContext.BaseDirectory, Directory.GetCurrentDirectory() })
        {
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                var beside = Path.Combine(folder.FullName, "bench", "peers");
                var programs = peers.Select(peer => new PeerProgram(peer.Name, Path.Combine(beside, peer.Script), python)).ToList();
                if (programs.TrueForAll(program => File.Exists(program.Script)))
                {
                    return programs;
                }
            }
        }

        notes.WriteLine("note: there is no folder bench/peers above the program or the current folder, so no peer is measured");
        return [];
    }

    /// <summary>Runs the program once, with one thread.</summary>
    /// <param name="network">The network.</param>
    /// <param name="dataFolder">Folder of MNIST's files; null: synthetic rows.</param>
    /// <param name="seconds">How long it measures, after its warm-up.</param>
    /// <param name="stop">Ends it, with all its children.</param>
    /// <param name="batch">Rows of a batch.</param>
    /// <param name="launcher">What starts it, such as <c>taskset -c 0</c>.</param>
    /// <param name="options">Options of this program alone.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public PeerResult Run(
        BenchmarkNetwork network,
        string? dataFolder,
        double seconds,
        CancellationToken stop,
        int batch = TrainingBenchmark.BatchRows,
        string[]? launcher = null,
        string[]? options = null)
    {
        string[] arguments =
        [
            .. launcher ?? [],
            Interpreter,
            Script,
            "--layers", string.Join(',', network.Layers),
            "--batch", batch.ToString(CultureInfo.InvariantCulture),
            "--threads", "1",
            "--seconds", seconds.ToString(CultureInfo.InvariantCulture),
            .. dataFolder is null ? Array.Empty<string>() : ["--data", dataFolder],
            .. options ?? [],
        ];
        var start = new ProcessStartInfo(arguments[0], arguments[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        using var process = new Process { StartInfo = start };
        try
        {
            process.Start();
        }
        catch (Win32Exception error)
        {
            return PeerResult.Missing($"{arguments[0]} cannot be started: {error.Message}");
        }

        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        bool ended;
        using (stop.Register(() => process.Kill(entireProcessTree: true)))
        {
            ended = process.WaitForExit(TimeSpan.FromSeconds(seconds) + s_overhead);
        }

        if (!ended)
        {
            process.Kill(entireProcessTree: true);
        }

        process.WaitForExit();
        stop.ThrowIfCancellationRequested();
        if (!ended)
        {
            return PeerResult.Missing($"took more than {s_overhead.TotalSeconds + seconds:F0} s and was ended");
        }

        return process.ExitCode switch
        {
            0 => Parse(output.Result),
            MissingPackage => PeerResult.Missing(LastLine(errors.Result)),
            _ => PeerResult.Missing($"exit code {process.ExitCode}: {LastLine(errors.Result)}"),
        };
    }

    private static PeerResult Parse(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return new PeerResult(
                json.RootElement.GetProperty("version").GetString()!, json.RootElement.GetProperty("samples_per_second").GetDouble(), null);
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return PeerResult.Missing($"did not print a JSON line as bench/peers/README.md describes: {error.Message}");
        }
    }

    private static string LastLine(string text) => text.TrimEnd().Split('\n')[^1];
}
