using System.Collections.Concurrent;
using System.Globalization;
using ClusterTrain.Training.Coordination;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace ClusterTrain.Cli.Output;

/// <summary>
/// A progress bar within the epoch, the epochs' lines above it, and their table at the end. A thread of its own draws, so that
/// neither the start nor the coordinator waits for a terminal.
/// </summary>
/// <param name="terminal">Makes the terminal.</param>
internal sealed class TerminalRunView(Func<IAnsiConsole> terminal) : IRunView
{
    private const int MostQueued = 1024;
    private const int MostTableRows = 12;

    private readonly Lazy<IAnsiConsole> _console = new(terminal);
    private readonly BlockingCollection<RunEvent> _events = new(MostQueued);
    private readonly List<EpochCompleted> _epochs = [];
    private RunDescription? _run;
    private Thread? _display;

    public void Begin(RunDescription run)
    {
        _run = run;
        _display = new Thread(Display) { Name = "display", IsBackground = true };
        _display.Start();
    }

    public void Observe(RunEvent happened)
    {
        // Progress that finds no room is soon out of date; the rest is waited for.
        if (happened is RunProgress)
        {
            _events.TryAdd(happened);
        }
        else
        {
            _events.Add(happened);
        }
    }

    public void End(RunSummary report)
    {
        EndDisplay();
        switch (report.Outcome)
        {
            case RunCompleted completed:
                if (_epochs.Count > 1)
                {
                    _console.Value.Write(Table(_run!.IsClassification, report.Best));
                }

                foreach (var line in report.CompletedLines(completed))
                {
                    Line(line);
                }

                Line(RunSummary.HashLine(completed.WeightsSha256));
                break;
            case RunInterrupted interrupted:
                foreach (var line in _run!.InterruptedLines(interrupted))
                {
                    Line(line);
                }

                break;
            case RunFailed failed:
                Line($"error: {failed.Reason}", new Style(Color.Red));
                break;
        }
    }

    public void Dispose()
    {
        EndDisplay();
        _events.Dispose();
    }

    private void EndDisplay()
    {
        if (!_events.IsAddingCompleted)
        {
            _events.CompleteAdding();
        }

        _display?.Join();
    }

    private void Display()
    {
        foreach (var line in _run!.Lines())
        {
            Line(line);
        }

        _console.Value.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new FiguresColumn(this))
            .Start(context =>
            {
                var bar = context.AddTask(Title(0), maxValue: _run.StepsPerEpoch);
                foreach (var happened in _events.GetConsumingEnumerable())
                {
                    Show(happened, bar);
                }
            });
    }

    private void Show(RunEvent happened, ProgressTask bar)
    {
        switch (happened)
        {
            case RunBegan began:
                Move(bar, began.Step);
                ClusterLine(happened);
                break;
            case MembershipChanged or RunWaiting:
                ClusterLine(happened);
                break;
            case RunProgress progress:
                Latest = progress;
                Move(bar, progress.Step);
                break;
            case EpochCompleted completed:
                _epochs.Add(completed);
                Line(Figures.EpochLine(completed, _run!.Epochs));
                break;
            case RunWarning warning:
                Line($"warning: {warning.Message}", new Style(Color.Yellow));
                break;
        }
    }

    private RunProgress? Latest { get; set; }

    // The epoch that ended is at 100 % until the first step of the next is known.
    private void Move(ProgressTask bar, long step)
    {
        var epoch = _run!.EpochOf(step);
        bar.Description = Title(epoch);
        bar.Value = step - (epoch * _run.StepsPerEpoch);
    }

    private string Title(long epoch) => string.Create(CultureInfo.InvariantCulture, $"epoch {epoch + 1}/{_run!.Epochs}");

    private void ClusterLine(RunEvent happened)
    {
        if (_run!.Address is not null)
        {
            Line(Figures.ClusterLine(happened), new Style(Color.Grey));
        }
    }

    private void Line(string text, Style? style = null) => _console.Value.Write(new Paragraph(text + "\n", style));

    /// <param name="isClassification">Which figures epochs have.</param>
    /// <param name="best">The epoch whose weights the result has, to be marked; null: they are the last one's.</param>
    private Table Table(bool isClassification, EpochRecord? best)
    {
        var table = new Table { Border = TableBorder.Rounded };
        string[] headings = ["epoch", "loss", "val_loss", isClassification ? "val_acc" : "val_mse", "samples/s", "weights"];
        foreach (var heading in headings)
        {
            table.AddColumn(new TableColumn(heading).RightAligned());
        }

        foreach (var (record, speed) in Chosen(best))
        {
            var (validation, isBest) = (record.Validation, record.Epoch == best?.Epoch);
            table.AddRow(
                $"{(isBest ? "best " : "")}{record.Epoch.ToString(CultureInfo.InvariantCulture)}",
                Figures.Number(record.Loss),
                validation is null ? "" : Figures.Number(validation.Loss),
                (validation?.Accuracy ?? validation?.MeanSquaredError) is { } figure ? Figures.Number(figure) : "",
                speed is { } rate ? Figures.Count((long)rate) : "",
                record.WeightsSha256[..8]);
        }

        return table;
    }

    // Of many epochs some at equal distances, the last and the best always among them; the best may be from before the run was resumed.
    private IEnumerable<(EpochRecord Record, double? Speed)> Chosen(EpochRecord? best)
    {
        var every = (_epochs.Count + MostTableRows - 1) / MostTableRows;
        var chosen = _epochs.Where((of, index) => (_epochs.Count - 1 - index) % every == 0 || of.Record.Epoch == best?.Epoch)
            .Select(of => (of.Record, (double?)of.SamplesPerSecond)).ToList();
        return best is null || chosen.Exists(of => of.Record.Epoch == best.Epoch) ? chosen : chosen.Prepend((best, null));
    }

    /// <summary>Speed, loss and the time left in the whole run.</summary>
    private sealed class FiguresColumn(TerminalRunView view) : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime)
        {
            if (view.Latest is not { } latest)
            {
                return Text.Empty;
            }

            var run = view._run!;
            var rowsLeft = ((run.Epochs * run.StepsPerEpoch) - latest.Step) * (double)run.Rows / run.StepsPerEpoch;
            var left = latest.SamplesPerSecond > 0
                ? $"  eta {Figures.Time(TimeSpan.FromSeconds(Math.Min(1e9, rowsLeft / latest.SamplesPerSecond)))}"
                : "";
            return new Text($"{Figures.Rate(latest.SamplesPerSecond)}  loss {Figures.Number(latest.Loss)}{left}");
        }
    }
}
