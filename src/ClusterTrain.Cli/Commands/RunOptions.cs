using System.CommandLine;
using ClusterTrain.Cli.Output;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cli.Commands;

/// <summary>The options of a command that trains which are not about its workers.</summary>
internal sealed class RunOptions
{
    private readonly Argument<string?> _recipe;
    private readonly Option<string[]> _set = new("--set")
    {
        Description = "set a value of the recipe, for example epochs=3 or layers[0].units=64; may be repeated",
        HelpName = "path=value",
    };

    private readonly Option<string?> _out;
    private readonly Option<double?> _period = CommandOptions.Seconds(
        "--checkpoint-seconds", "time between checkpoints, 0 for none by time (default: 1 s, or five times what writing one takes)", allowZero: true);

    private readonly Option<int?> _steps = CommandOptions.Whole(
        "--checkpoint-steps", "N", "steps between checkpoints (default: none by steps)", 0, int.MaxValue);

    private readonly Option<int?> _receiptSteps = CommandOptions.Whole(
        "--receipt-steps", "N", "steps between entries of the receipt besides the epochs' (default: none)", 0, int.MaxValue);

    private readonly Option<double?> _audit = CommandOptions.Share(
        "--audit", "RATE", "have this share of all steps computed by a second worker too, and compare both: 0.01 for 1 % (default: none)");

    private readonly Option<bool> _tensorBoard = new("--tensorboard")
    {
        Description = "write TensorBoard event files too, into the run folder: tensorboard --logdir runs",
    };

    private readonly Option<string?> _trace = new("--trace")
    {
        Description = "write Chrome trace events to this file: once a second where the time of a step goes, for chrome://tracing or Perfetto",
        HelpName = "FILE",
    };

    private readonly Option<string?> _data = CommandOptions.Data();
    private readonly Option<string?> _prepared = new("--prepared")
    {
        Description = "read the rows from this file of `clustertrain data prepare`, which may be larger than memory; the result has the same bits",
        HelpName = "FILE",
    };

    private readonly Option<bool> _json = CommandOptions.Json("print only JSON, one object per event");
    private readonly Option<bool> _quiet = new("--quiet") { Description = "print only the last line" };

    /// <summary>Creates the options.</summary>
    /// <param name="recipe">What the recipe's description says.</param>
    /// <param name="folder">What the description of <c>--out</c> says.</param>
    public RunOptions(string recipe, string folder)
    {
        _recipe = new Argument<string?>("RECIPE") { Description = recipe, Arity = ArgumentArity.ZeroOrOne };
        _out = new Option<string?>("--out") { Description = folder, HelpName = "DIR" };
    }

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Arguments.Add(_recipe);
        foreach (var option in (Option[])[_set, _out, _period, _steps, _receiptSteps, _audit, _tensorBoard, _trace, _data, _prepared, _json, _quiet])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>What was given.</summary>
    /// <exception cref="UsageException">Options contradict each other.</exception>
    public RunArguments Read(ParseResult parsed)
    {
        var arguments = new RunArguments
        {
            Recipe = parsed.GetValue(_recipe),
            Overrides = parsed.GetValue(_set) ?? [],
            Out = parsed.GetValue(_out),
            CheckpointSeconds = parsed.GetValue(_period),
            CheckpointSteps = parsed.GetValue(_steps) ?? 0,
            ReceiptSteps = parsed.GetValue(_receiptSteps) ?? 0,
            AuditRate = parsed.GetValue(_audit) ?? 0,
            IsForTensorBoard = parsed.GetValue(_tensorBoard),
            Trace = parsed.GetValue(_trace),
            Data = parsed.GetValue(_data),
            Prepared = parsed.GetValue(_prepared),
            IsJson = parsed.GetValue(_json),
            IsQuiet = parsed.GetValue(_quiet),
        };
        return arguments is { IsJson: true, IsQuiet: true }
            ? throw new UsageException("--json and --quiet contradict each other; use one of them.")
            : arguments;
    }
}

/// <summary>What <see cref="RunOptions"/> were given.</summary>
internal sealed record RunArguments
{
    public string? Recipe { get; init; }

    public IReadOnlyList<string> Overrides { get; init; } = [];

    public string? Out { get; init; }

    public double? CheckpointSeconds { get; init; }

    public long CheckpointSteps { get; init; }

    public long ReceiptSteps { get; init; }

    /// <summary>The share of the steps that are audited; 0: none.</summary>
    public double AuditRate { get; init; }

    /// <summary>True: figures are written for TensorBoard too.</summary>
    public bool IsForTensorBoard { get; init; }

    /// <summary>The file of trace events; null: none.</summary>
    public string? Trace { get; init; }

    public string? Data { get; init; }

    /// <summary>The file of prepared rows; null: the recipe's own source, or what the resumed run reads.</summary>
    public string? Prepared { get; init; }

    public bool IsJson { get; init; }

    public bool IsQuiet { get; init; }

    /// <summary>How the run is carried out.</summary>
    /// <param name="workers">Workers it needs.</param>
    /// <param name="servers">Parameter servers it needs.</param>
    public RunSettings Settings(int workers, int servers)
    {
        var usual = new RunSettings();
        return usual with
        {
            ParameterServers = servers,
            LeastWorkers = workers,
            CheckpointPeriod = CheckpointSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : usual.CheckpointPeriod,
            CheckpointSteps = CheckpointSteps,
            ReceiptSteps = ReceiptSteps,
            AuditRate = AuditRate,
        };
    }

    /// <summary>Refuses an audit for which there is no second worker.</summary>
    /// <param name="workers">Workers of the run.</param>
    /// <exception cref="UsageException">There is one.</exception>
    public void CheckAudit(int workers)
    {
        if (AuditRate > 0 && workers < 2)
        {
            throw new UsageException(
                "--audit has shares computed by a second worker, but there is 1 worker: add --workers 2, or 3 so that a third decides which one is "
                + "wrong.");
        }
    }

    /// <summary>What the options say on a command line, for a child process.</summary>
    public IEnumerable<string> CommandLine()
    {
        if (Recipe is not null)
        {
            yield return Recipe;
        }

        foreach (var change in Overrides)
        {
            yield return "--set";
            yield return change;
        }

        foreach (var (name, value) in new (string, IFormattable?)[]
        {
            ("--checkpoint-seconds", CheckpointSeconds), ("--checkpoint-steps", CheckpointSteps), ("--receipt-steps", ReceiptSteps),
            ("--audit", AuditRate > 0 ? AuditRate : null),
        })
        {
            if (value is not null)
            {
                yield return name;
                yield return value.ToString(null, System.Globalization.CultureInfo.InvariantCulture);
            }
        }

        if (IsForTensorBoard)
        {
            yield return "--tensorboard";
        }

        foreach (var (name, value) in new[] { ("--trace", Trace), ("--data", Data), ("--prepared", Prepared) })
        {
            if (value is not null)
            {
                yield return name;
                yield return value;
            }
        }
    }
}
