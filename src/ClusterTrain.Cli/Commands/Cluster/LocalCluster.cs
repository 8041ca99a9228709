using System.Collections.Concurrent;
using System.Text.Json;
using ClusterTrain.Cli.Output;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Watching;

namespace ClusterTrain.Cli.Commands.Cluster;

/// <summary>
/// The processes of a cluster on this machine: starts them, starts those again that were killed, shows the coordinator's run, and sees all
/// of them to their end. All that happens is taken in turn by one thread.
/// </summary>
/// <param name="options">What the cluster is.</param>
/// <param name="surroundings">Where it runs.</param>
internal sealed class LocalCluster(LocalClusterOptions options, Surroundings surroundings) : IDisposable
{
    private const int MostQuickDeaths = 5;
    private static readonly TimeSpan s_quickDeath = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_longestEnd = TimeSpan.FromSeconds(10);

    private readonly BlockingCollection<Action> _happenings = [];
    private readonly Dictionary<string, Node> _nodes = [];
    private readonly LivePage? _page = LivePage.Of(options.Watched, () => true, [], options.Run.IsJson, surroundings);
    private readonly IRunView _view = RunViews.Of(options.Run, surroundings);
    private readonly long _began = surroundings.Time.GetTimestamp();
    private string? _address;
    private RunDescription? _run;
    private RunOutcome? _outcome;
    private JsonElement? _result;
    private AuditTotals? _audited;
    private StepTraffic? _traffic;
    private int? _exitCode;

    /// <summary>Runs it to its end.</summary>
    /// <returns>The exit code.</returns>
    public int Run()
    {
        StartCoordinator();
        using var stop = surroundings.Interruption.Token.Register(() => Post(() => Find("coordinator")?.Process.Stop()));
        while (_exitCode is null)
        {
            _happenings.Take()();
        }

        EndMembers();
        return _exitCode.Value;
    }

    public void Dispose()
    {
        foreach (var node in _nodes.Values)
        {
            node.Process.Dispose();
        }

        _view.Dispose();
        _page?.Dispose();
    }

    private void Post(Action happening) => _happenings.Add(happening);

    private Node? Find(string name) => _nodes.GetValueOrDefault(name);

    private void StartCoordinator()
    {
        var isFirst = _run is null;
        Start("coordinator", options.Coordinator(_run?.Folder, _address), line => Post(() => Heard(line)), line => Post(() =>
        {
            // Before the view begins, lines of progress and errors go straight through.
            if (isFirst && _run is null)
            {
                surroundings.Error.WriteLine(line);
            }
            else
            {
                Warn(WithoutLabel(line));
            }
        }));
    }

    private void Start(string name, IEnumerable<string> args, Action<string> output, Action<string> error)
    {
        var quickDeaths = Find(name)?.QuickDeaths ?? 0;
        var process = ChildProcess.Start(name, args, options.Secret, output, error, child => Post(() => Exited(child)));
        _nodes[name] = new Node(process, [.. args], surroundings.Time.GetTimestamp(), quickDeaths);
    }

    private void Warn(string message)
    {
        if (_run is null)
        {
            surroundings.Error.WriteLine($"warning: {message}");
        }
        else
        {
            Observe(new RunWarning(message));
        }
    }

    private void Heard(string line)
    {
        var json = JsonDocument.Parse(line).RootElement;
        switch (json.GetProperty("event").GetString())
        {
            case "node" when _address is null:
                _address = json.GetProperty("address").GetString()!;
                foreach (var (name, args) in options.Members(_address))
                {
                    StartMember(name, args);
                }

                break;
            case "run" when _run is null:
                _run = RunDescriptionJson.Read(json) with { ResumeCommand = ResumeCommand(json) };
                _view.Begin(_run);
                Watch(_run);
                break;
            case "run":
                Watch(_run!);
                break;
            case "node":
                break;
            case "result":
                _result = json;
                break;
            default:
                if (RunEventJson.Read(json) is { } happened)
                {
                    if (happened is RunEnded ended)
                    {
                        _outcome = ended.Outcome;
                    }

                    _audited = happened is RunAudited { Totals: var totals } ? totals : _audited;
                    _traffic = StepTraffic.Of(happened, _run?.Parameters ?? 0, _run?.GradientBytes ?? 0, _traffic);
                    Observe(happened);
                }

                break;
        }
    }

    private void Observe(RunEvent happened)
    {
        _view.Observe(happened);
        _page?.Run.Observe(happened);
    }

    private void Watch(RunDescription run)
    {
        if (_page is null)
        {
            return;
        }

        var folder = Path.GetFullPath(run.Folder);
        var recipe = RecipeReader.Read(Path.Combine(folder, "recipe.yaml"), []);
        _page.Run.Begin(new WatchedRun(recipe, folder, run.Rows, run.StepsPerEpoch, run.Parameters));
        _page.Run.Leads(run.Address!, RunIdentity.Read(Path.Combine(folder, "run.json")).Term);
    }

    private static string ResumeCommand(JsonElement run) =>
        run.GetProperty("resumeCommand").GetString()!.Replace("clustertrain coordinator", "clustertrain up", StringComparison.Ordinal);

    private void StartMember(string name, string[] args) => Start(name, args, _ => { }, line => Post(() => Warn($"{name}: {WithoutLabel(line)}")));

    private static string WithoutLabel(string line) => line.StartsWith("warning: ", StringComparison.Ordinal) ? line["warning: ".Length..] : line;

    private void Exited(ChildProcess child)
    {
        var node = _nodes[child.Name];
        var lived = surroundings.Time.GetElapsedTime(node.Started);
        var quickDeaths = lived < s_quickDeath ? node.QuickDeaths + 1 : 0;
        _nodes[child.Name] = node with { HasExited = true, QuickDeaths = quickDeaths };
        if (_exitCode is not null)
        {
            return;
        }

        var mayRestart = child.WasKilled && quickDeaths < MostQuickDeaths && surroundings.Interruption.ExitCode == ExitCodes.Ok;
        if (child.Name == "coordinator")
        {
            if (_outcome is null && _result is null && mayRestart && _run is not null)
            {
                Warn($"the coordinator was killed (exit code {child.ExitCode}); starting it again on {_run.Folder}");
                StartCoordinator();
            }
            else
            {
                End(child);
            }
        }
        else if (_outcome is null && mayRestart)
        {
            Warn($"{child.Name} was killed (exit code {child.ExitCode}); starting it again");
            StartMember(child.Name, node.Args);
        }
        else if (_outcome is null && child.ExitCode != ExitCodes.Ok && surroundings.Interruption.ExitCode == ExitCodes.Ok)
        {
            // One that ended well was told to leave, or heard of the run's end first; the coordinator says which.
            Warn($"{child.Name} ended with exit code {child.ExitCode} and is not started again");
            if (!_nodes.Values.Any(other => other.Process.Name.StartsWith("worker-", StringComparison.Ordinal) && !other.HasExited))
            {
                Give(new RunFailed("no worker is left"));
            }
        }
    }

    // The coordinator has ended by its own decision, or cannot be started.
    private void End(ChildProcess coordinator)
    {
        if (_run is null)
        {
            // It was complete before, or never began; what it had to say was said.
            if (_result is { } complete)
            {
                var folder = complete.GetProperty("folder").GetString()!;
                _exitCode = RunViews.AlreadyDone(folder, RunSource.ResultOf(folder)!, options.Run.IsJson, surroundings);
            }

            _exitCode ??= coordinator.ExitCode;
            return;
        }

        Give(_outcome ?? new RunFailed($"the coordinator ended with exit code {coordinator.ExitCode}"));
    }

    private void Give(RunOutcome outcome)
    {
        _view.End(new RunSummary
        {
            Outcome = outcome,
            Elapsed = surroundings.Time.GetElapsedTime(_began),
            Folder = _run!.Folder,
            Audited = _audited,
            Traffic = _traffic,
            Training = ResultOn("training"),
            Test = ResultOn("test"),
            Best = outcome is RunCompleted { Epoch: var epoch } ? Receipt.Read(Path.Combine(_run.Folder, "receipt.jsonl")).Before(epoch) : null,
        });
        _exitCode = outcome switch
        {
            RunCompleted => ExitCodes.Ok,
            RunInterrupted when surroundings.Interruption.ExitCode != ExitCodes.Ok => surroundings.Interruption.ExitCode,
            RunInterrupted => ExitCodes.Interrupted,
            _ => ExitCodes.Failed,
        };
    }

    private Evaluation? ResultOn(string rows) =>
        _result is { } result && result.TryGetProperty(rows, out var figures) ? EvaluationJson.Read(figures) : null;

    // The coordinator told them that the run is over; one that did not hear it is asked again, and then ended.
    private void EndMembers()
    {
        var began = surroundings.Time.GetTimestamp();
        foreach (var node in _nodes.Values.Where(node => !node.HasExited))
        {
            node.Process.Stop();
        }

        while (_nodes.Values.Any(node => !node.HasExited) && surroundings.Time.GetElapsedTime(began) < s_longestEnd)
        {
            if (_happenings.TryTake(out var happening, s_longestEnd))
            {
                happening();
            }
        }
    }

    private sealed record Node(ChildProcess Process, string[] Args, long Started, int QuickDeaths, bool HasExited = false);
}
