using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using ClusterTrain.Data.Models;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Reports.Content;

/// <summary>What a run folder tells of its run, for a report. Whatever cannot be read is a note, not an error.</summary>
internal sealed class ReportedRun
{
    // Points of the throughput, at most, and the shortest time one stands for.
    private const int MostPaces = 60;
    private static readonly TimeSpan s_leastTime = TimeSpan.FromMilliseconds(200);

    private readonly FinishedRun _run;
    private readonly List<string> _notes = [];
    private readonly List<SpeedPoint> _speeds = [];
    private readonly SortedDictionary<int, EpochPace> _paces = [];

    private ReportedRun(string path, FinishedRun run)
    {
        Path = path;
        _run = run;
        var identity = RunIdentity.Read(System.IO.Path.Combine(path, "run.json"));
        (RecipeFolder, Prepared) = (identity.RecipeFolder, identity.Prepared);
    }

    /// <summary>The run folder.</summary>
    public string Path { get; }

    /// <summary>Its name among the runs of a report.</summary>
    public string Name { get; set; } = "";

    public Recipe Recipe => _run.Recipe;

    /// <summary>Where the recipe's file was; null when it was none.</summary>
    public string? RecipeFolder { get; }

    /// <summary>The file of prepared rows that the run reads; null: the recipe's own source.</summary>
    public string? Prepared { get; }

    public ImmutableArray<EpochRecord> Epochs => _run.Receipt.Epochs;

    /// <summary>What the receipt says was run; null when it has not begun.</summary>
    public ReceiptIdentity? Identity => _run.Receipt.Entries is [{ Identity: { } identity }, ..] ? identity : null;

    /// <summary>The result; null when the run has none.</summary>
    public Model? Model => _run.Model;

    /// <summary>The newest whole checkpoint; null when there is none.</summary>
    public RunState? Checkpoint => _run.Checkpoints.Select(checkpoint => checkpoint.State).OfType<RunState>().MaxBy(state => state.Step);

    /// <summary>How the run ended: completed, interrupted, failed; null when it has not.</summary>
    public string? Outcome { get; private set; }

    /// <summary>Why it failed.</summary>
    public string? Reason { get; private set; }

    /// <summary>True when early stopping ended it.</summary>
    public bool StoppedEarly { get; private set; }

    /// <summary>Time from the first to the last line of the log.</summary>
    public TimeSpan? Length { get; private set; }

    /// <summary>What a reader should know besides.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Rows per second and number of workers, by epoch.</summary>
    public IReadOnlyDictionary<int, EpochPace> Paces => _paces;

    /// <summary>Rows per second over all epochs; null when nothing is known of it.</summary>
    public double? RowsPerSecond => Timed is { Length: > 0 } timed ? timed.Length / timed.Sum(pace => 1 / pace.Pace.RowsPerSecond) : null;

    /// <summary>
    /// Rows per second over the run: a point for each epoch, or for as many as take long enough to be timed, at the last of them.
    /// Epochs are recorded behind training, several at once, so the pace of a very short one says little.
    /// </summary>
    public IReadOnlyList<(double Epoch, double RowsPerSecond)> Throughput
    {
        get
        {
            var timed = Timed;
            var all = timed.Sum(pace => 1 / pace.Pace.RowsPerSecond);
            var least = all * Math.Max(1.0 / MostPaces, Length is { } length && length > TimeSpan.Zero ? s_leastTime / length : 0);
            var points = new List<(double, double)>();
            var (count, time) = (0, 0.0);
            foreach (var (epoch, pace) in timed)
            {
                (count, time) = (count + 1, time + (1 / pace.RowsPerSecond));
                if (time >= least)
                {
                    points.Add((epoch, count / time));
                    (count, time) = (0, 0);
                }
            }

            if (count > 0 && (points.Count == 0 || time >= least / 2))
            {
                points.Add((timed[^1].Epoch, count / time));
            }

            return points;
        }
    }

    private (int Epoch, EpochPace Pace)[] Timed =>
        [.. _paces.Where(pace => pace.Value.RowsPerSecond > 0).Select(pace => (pace.Key, pace.Value))];

    /// <summary>Rows per second of compute time of each worker, by epoch.</summary>
    public IReadOnlyList<SpeedPoint> Speeds => _speeds;

    /// <summary>SHA-256 of the weights that the report shows; null when there are none.</summary>
    public string? WeightsSha256 => Model is { } model ? WeightsHash.Of(model.Weights.Span)
        : Checkpoint is { } state ? WeightsHash.Of(state.Weights.Span)
        : null;

    /// <summary>The record of the weights that the report shows; the last one where they are of no epoch, null where there is none.</summary>
    public EpochRecord? Shown => Epochs.LastOrDefault(record => record.WeightsSha256 == WeightsSha256) ?? Epochs.LastOrDefault();

    /// <summary>Reads a run folder, also of a run in progress.</summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="RunFolderException">It is no run folder.</exception>
    public static ReportedRun Read(string path)
    {
        var run = new ReportedRun(path, FinishedRun.Read(path));
        foreach (var problem in new[] { run._run.ReceiptProblem, run._run.ModelProblem }.OfType<string>())
        {
            run._notes.Add(problem);
        }

        run.ReadLog(System.IO.Path.Combine(path, "log.jsonl"));
        return run;
    }

    /// <summary>Notes something a reader should know.</summary>
    public void Note(string text) => _notes.Add(text);

    private void ReadLog(string path)
    {
        if (!File.Exists(path))
        {
            _notes.Add("The run folder has no log.jsonl, so nothing is known of times, throughput and how the run ended.");
            return;
        }

        DateTimeOffset? first = null;
        var epoch = 0;
        var torn = 0;
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var lines = new StreamReader(file);
        while (lines.ReadLine() is { } line)
        {
            try
            {
                using var json = JsonDocument.Parse(line);
                var root = json.RootElement;
                var time = root.GetProperty("time").GetDateTimeOffset();
                first ??= time;
                Length = time - first;
                Read(root, ref epoch);
            }
            catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
            {
                torn++;
            }
        }

        if (torn > 0)
        {
            _notes.Add($"log.jsonl: {torn} line{(torn == 1 ? " is" : "s are")} not readable and left out.");
        }
    }

    private void Read(JsonElement line, ref int epoch)
    {
        switch (line.GetProperty("event").GetString())
        {
            case "began":
                (Outcome, Reason) = (null, null);
                break;
            case "epoch":
                epoch = line.GetProperty("epoch").GetInt32();
                if (line.GetProperty("samplesPerSecond").GetFigure() is var pace && double.IsFinite(pace))
                {
                    _paces[epoch] = new EpochPace(pace, line.GetProperty("workers").GetInt32());
                }

                break;
            case "speeds":
                foreach (var worker in line.GetProperty("rowsPerSecond").EnumerateObject())
                {
                    _speeds.Add(new SpeedPoint(epoch, worker.Name, worker.Value.GetFigure()));
                }

                break;
            case "member" when line.GetProperty("what").GetString() is { } what && what.StartsWith("lost", StringComparison.Ordinal):
                _notes.Add($"{line.GetProperty("member").GetString()} {what}, after epoch {epoch.ToString(CultureInfo.InvariantCulture)}.");
                break;
            case "warning" when line.GetProperty("message").GetString() is { } message && !_notes.Contains(message):
                _notes.Add(message);
                break;
            case "ended":
                Outcome = line.GetProperty("outcome").GetString();
                Reason = line.TryGetProperty("reason", out var reason) ? reason.GetString() : null;
                StoppedEarly = line.TryGetProperty("stoppedEarly", out var early) && early.GetBoolean();
                break;
            default:
                break;
        }
    }
}

/// <summary>How fast an epoch was.</summary>
/// <param name="RowsPerSecond">Rows trained per second.</param>
/// <param name="Workers">Number of workers at its end.</param>
internal sealed record EpochPace(double RowsPerSecond, int Workers);

/// <summary>How fast a worker computed in an epoch, waiting not counted.</summary>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="Worker">Its name.</param>
/// <param name="RowsPerSecond">Rows per second of compute time.</param>
internal sealed record SpeedPoint(int Epoch, string Worker, double RowsPerSecond);
