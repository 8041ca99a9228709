using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using ClusterTrain.Cli.Output;

namespace ClusterTrain.Cli.Bench;

/// <summary>A way to train that is timed: a command of this program, as a process of its own.</summary>
/// <param name="Name">What the table calls it.</param>
/// <param name="Arguments">The command and its options, without recipe, run folder and data.</param>
internal sealed record ClusterVariant(string Name, params string[] Arguments)
{
    /// <summary>One process with one and two threads, and clusters of one and two workers with a thread each.</summary>
    public static ClusterVariant[] All { get; } =
    [
        new("train --threads 2", "train", "--threads", "2"),
        new("train --threads 1", "train", "--threads", "1"),
        new("up --workers 1", "up", "--workers", "1", "--threads", "1"),
        new("up --workers 2", "up", "--workers", "2", "--threads", "1"),
        new("up --workers 2, plain links", "up", "--workers", "2", "--threads", "1", "--no-shared-memory"),
    ];
}

/// <summary>What one turn of a variant gave.</summary>
/// <param name="SamplesPerSecond">In each window of about 0.2 s.</param>
/// <param name="Steps">Where the time of a step went, in seconds by name, by the parameter server's clock; empty when it was not told.</param>
/// <param name="BytesPerStep">Bytes of gradient sums that the workers pushed in a step, whether sent or named; 0: not told.</param>
/// <param name="StepsMeasured">Steps between the first and the last window.</param>
internal sealed record ClusterTurn(
    IReadOnlyList<double> SamplesPerSecond, IReadOnlyDictionary<string, double> Steps, long BytesPerStep, long StepsMeasured);

/// <summary>Runs a variant for a while, and reads its events.</summary>
/// <param name="time">The clock.</param>
internal sealed class ClusterBenchmark(TimeProvider time)
{
    private static readonly string[] s_parts = ["awaited", "summed", "updated", "sent"];

    // Until a cluster's processes have compiled what they need, and have joined each other.
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_longestStart = TimeSpan.FromSeconds(90);

    /// <summary>Trains until it has measured for so long.</summary>
    /// <param name="variant">The variant.</param>
    /// <param name="recipe">The recipe's file.</param>
    /// <param name="folder">A folder that is not there yet, for the run.</param>
    /// <param name="data">Folder of the data.</param>
    /// <param name="seconds">How long to measure, after the warm-up.</param>
    /// <param name="stop">Ends it, with all its processes.</param>
    /// <exception cref="UsageException">It ended by itself, or never trained.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public ClusterTurn Run(ClusterVariant variant, string recipe, string folder, string? data, double seconds, CancellationToken stop)
    {
        string[] arguments = [variant.Arguments[0], recipe, .. variant.Arguments[1..], .. Options(folder, data)];
        return Measure(Command(arguments), seconds, () => { }, stop);
    }

    /// <summary>What makes a run tell its events, and says where it keeps its files and finds its data.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="data">Folder of the data; null: where it is looked for anyway.</param>
    public static string[] Options(string folder, string? data) =>
        ["--json", "--out", folder, .. data is null ? Array.Empty<string>() : ["--data", data]];

    /// <summary>A command of this program, as a process of its own.</summary>
    /// <param name="arguments">The command and its options.</param>
    /// <param name="launcher">What starts it, such as <c>taskset -c 0</c>.</param>
    public static ProcessStartInfo Command(string[] arguments, params string[] launcher)
    {
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("this process has no path");
        string[] own = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, Assembly.GetExecutingAssembly().Location] : [program];
        string[] all = [.. launcher, .. own, .. arguments];
        return new ProcessStartInfo(all[0], all[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
    }

    /// <summary>Starts a run, measures it for a while, and kills it with all its processes.</summary>
    /// <param name="start">The command, which tells its events as JSON.</param>
    /// <param name="seconds">How long to measure, after the warm-up.</param>
    /// <param name="atEdge">Called where the measuring begins and where it ends.</param>
    /// <param name="stop">Ends it.</param>
    /// <exception cref="UsageException">It ended by itself, or never trained.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public ClusterTurn Measure(ProcessStartInfo start, double seconds, Action atEdge, CancellationToken stop)
    {
        using var process = Process.Start(start)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(s_longestStart + TimeSpan.FromSeconds(seconds));
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        var windows = new List<double>();
        var steps = new Dictionary<string, double>();
        var bytes = 0L;
        long? began = null;
        var (firstStep, lastStep) = (0L, 0L);
        var isWhole = false;
        using var kill = limit.Token.Register(() => process.Kill(entireProcessTree: true));
        try
        {
            while (process.StandardOutput.ReadLine() is { } line)
            {
                using var json = JsonDocument.Parse(line);
                var happened = json.RootElement.GetProperty("event").GetString();
                if (happened == "measures")
                {
                    bytes = Measures(json.RootElement, steps);
                }

                if (happened != "progress")
                {
                    continue;
                }

                var elapsed = time.GetElapsedTime(began ??= time.GetTimestamp());
                if (elapsed < s_warmUp)
                {
                    continue;
                }

                lastStep = json.RootElement.GetProperty("step").GetInt64();
                if (windows.Count == 0)
                {
                    firstStep = lastStep;
                    atEdge();
                }

                windows.Add(json.RootElement.GetProperty("samplesPerSecond").GetDouble());
                if (elapsed >= s_warmUp + TimeSpan.FromSeconds(seconds))
                {
                    atEdge();
                    isWhole = lastStep > firstStep;
                    break;
                }
            }
        }
        catch (UsageException)
        {
            // What an interruption ended is not a mistake of the user's.
            stop.ThrowIfCancellationRequested();
            throw;
        }
        finally
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }

        stop.ThrowIfCancellationRequested();
        return isWhole
            ? new ClusterTurn(windows, steps, bytes, lastStep - firstStep)
            : throw new UsageException(string.Create(
                CultureInfo.InvariantCulture,
                $"`{start.FileName} {string.Join(' ', start.ArgumentList)}` did not train for {seconds} s within {(s_longestStart + TimeSpan.FromSeconds(seconds)).TotalSeconds} s: {errors.Result.Trim()}"));
    }

    /// <summary>Takes the parts of a step; returns the bytes that all workers pushed in one.</summary>
    private static long Measures(JsonElement measures, Dictionary<string, double> steps)
    {
        foreach (var part in s_parts)
        {
            if (measures.TryGetProperty(part, out var seconds) && seconds.ValueKind == JsonValueKind.Number)
            {
                steps[part] = seconds.GetDouble();
            }
        }

        var workers = measures.GetProperty("workers").EnumerateArray().ToList();
        if (workers.Count > 0)
        {
            steps["computed"] = workers.Max(worker => worker.GetProperty("compute").GetDouble());
        }

        return workers.Sum(worker => worker.GetProperty("bytes").GetInt64());
    }
}
