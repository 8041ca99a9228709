using System.Globalization;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cli.Output;

/// <summary>Plain lines: epochs and results on one stream, warnings and a sign of life every few seconds on the other.</summary>
/// <param name="output">Receives epochs and results.</param>
/// <param name="error">Receives warnings and progress.</param>
/// <param name="time">The clock.</param>
/// <param name="isQuiet">True: only the last line, and warnings.</param>
internal sealed class PlainRunView(TextWriter output, TextWriter error, TimeProvider time, bool isQuiet) : IRunView
{
    private static readonly TimeSpan s_progressPeriod = TimeSpan.FromSeconds(5);

    private RunDescription? _run;
    private long _lastLine;

    public void Begin(RunDescription run)
    {
        _run = run;
        _lastLine = time.GetTimestamp();
        Write(run.Lines());
    }

    public void Observe(RunEvent happened)
    {
        switch (happened)
        {
            case EpochCompleted completed:
                Write([Figures.EpochLine(completed, _run!.Epochs)]);
                _lastLine = time.GetTimestamp();
                break;
            case RunProgress progress when !isQuiet && time.GetElapsedTime(_lastLine) >= s_progressPeriod:
                var epoch = _run!.EpochOf(progress.Step);
                error.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"epoch {epoch + 1}/{_run.Epochs}  step {progress.Step - (epoch * _run.StepsPerEpoch)}/{_run.StepsPerEpoch}")
                    + $"  loss {Figures.Number(progress.Loss)}  {Figures.Rate(progress.SamplesPerSecond)}");
                _lastLine = time.GetTimestamp();
                break;
            case MembershipChanged or RunWaiting or RunBegan when _run!.Address is not null:
                Write([Figures.ClusterLine(happened)]);
                break;
            case RunWarning warning:
                error.WriteLine($"warning: {warning.Message}");
                break;
        }
    }

    public void End(RunSummary report)
    {
        switch (report.Outcome)
        {
            case RunCompleted completed:
                Write(report.CompletedLines(completed));
                output.WriteLine(RunSummary.HashLine(completed.WeightsSha256));
                break;
            case RunInterrupted interrupted:
                foreach (var line in _run!.InterruptedLines(interrupted))
                {
                    error.WriteLine(line);
                }

                break;
            case RunFailed failed:
                error.WriteLine($"error: {failed.Reason}");
                break;
        }
    }

    public void Dispose()
    {
        output.Flush();
        error.Flush();
    }

    private void Write(IEnumerable<string> lines)
    {
        if (isQuiet)
        {
            return;
        }

        foreach (var line in lines)
        {
            output.WriteLine(line);
        }
    }
}
