using System.Diagnostics;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cli.Output;

/// <summary>One JSON object per event. Each tells the seconds since the process began, so that a start can be measured.</summary>
/// <param name="output">Receives the lines.</param>
/// <param name="time">The clock.</param>
internal sealed class JsonRunView(TextWriter output, TimeProvider time) : IRunView
{
    private readonly JsonLines _lines = new(output);
    private readonly DateTime _processBegan = ProcessStart();

    public void Begin(RunDescription run) => _lines.Write(json =>
    {
        RunDescriptionJson.Write(json, run);
        json.WriteNumber("secondsSinceStart", SecondsSinceStart());
    });

    public void Observe(RunEvent happened) => _lines.Write(json =>
    {
        RunEventJson.Write(json, happened);
        json.WriteNumber("secondsSinceStart", SecondsSinceStart());
    });

    public void End(RunSummary report)
    {
        if (report.Outcome is not RunCompleted completed)
        {
            return;
        }

        _lines.Write(json =>
        {
            json.WriteString("event", "result");
            json.WriteNumber("secondsSinceStart", SecondsSinceStart());
            json.WriteNumber("seconds", report.Elapsed.TotalSeconds);
            json.WriteString("folder", report.Folder);
            json.WriteNumber("epoch", completed.Epoch);
            foreach (var (name, figures) in new[] { ("training", report.Training), ("test", report.Test) })
            {
                if (figures is null)
                {
                    continue;
                }

                json.WriteStartObject(name);
                EvaluationJson.WriteAll(json, figures);
                json.WriteEndObject();
            }

            if (report.Audited is { } audited)
            {
                json.WriteStartObject("audit");
                RunEventJson.WriteAudit(json, audited);
                json.WriteEndObject();
            }

            if (report.Traffic is { } traffic)
            {
                json.WriteStartObject("bytesPerStep");
                json.WriteNumber("pushed", traffic.Pushed);
                json.WriteNumber("received", traffic.Received);
                json.WriteNumber("allReduce", traffic.AllReduce);
                json.WriteEndObject();
            }

            json.WriteString("weightsSha256", completed.WeightsSha256);
        });
    }

    public void Dispose() => output.Flush();

    private static DateTime ProcessStart()
    {
        using var process = Process.GetCurrentProcess();
        return process.StartTime.ToUniversalTime();
    }

    private double SecondsSinceStart() => Math.Round((time.GetUtcNow().UtcDateTime - _processBegan).TotalSeconds, 3);
}
