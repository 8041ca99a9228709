using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Xunit.Abstractions;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>
/// One run that is hit again and again: up to three of its nine processes at once are killed, stopped for 0.1 to 10 s, or (as root) lose all their
/// connections. Only what was killed is started again. The receipt is that of one process. The number of failures is
/// <c>CLUSTERTRAIN_FAILURES</c> (40 without it); the times to recover are shown as a histogram.
/// </summary>
[Collection(IncidentCollection.Name)]
public sealed class EnduranceTests(ITestOutputHelper output) : IDisposable
{
    private const string Secret = "a secret of the endurance test, long enough";
    private const int MostAtOnce = 3;
    private static readonly TimeSpan s_longestRecovery = TimeSpan.FromMinutes(3);
    private static readonly string[] s_recipe = ["--set", "layers[0].units=128", "--set", "epochs=1000000", "--checkpoint-seconds", "1"];

    private readonly TemporaryFolder _folder = new();
    private readonly object _gate = new();
    private readonly List<Node> _nodes = [];
    private readonly List<string> _problems = [];
    private long _step;
    private long _stepAt;

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var node in _nodes)
            {
                node.Dispose();
            }
        }

        _folder.Dispose();
    }

    [FullIncidentFact]
    public void A_run_that_is_hit_again_and_again_has_the_receipt_of_one_that_is_left_alone()
    {
        var failures = int.Parse(Environment.GetEnvironmentVariable("CLUSTERTRAIN_FAILURES") ?? "40", CultureInfo.InvariantCulture);
        var random = new Random(20261129);
        var addresses = Machine.FreeAddresses(3);
        var join = string.Join(',', addresses);
        foreach (var address in addresses)
        {
            Add("coordinator", ["coordinator", "--json", .. s_recipe, "--out", _folder["run"], "--listen", address, "--join", join]);
        }

        for (var number = 1; number <= 3; number++)
        {
            Add("server", "parameter-server", "--json", "--join", join, "--name", $"server-{number}", "--listen", "127.0.0.1:0");
            Add("worker", "worker", "--json", "--join", join, "--name", $"worker-{number}", "--threads", "1");
        }

        Recovered(0);
        var recoveries = new List<(double Seconds, string What)>();
        while (recoveries.Sum(recovery => recovery.What.Split(' ').Length) < failures)
        {
            var hit = Enumerable.Range(0, random.Next(1, MostAtOnce + 1)).Select(_ => random.Next(_nodes.Count)).Distinct().ToArray();
            var (before, since) = (Interlocked.Read(ref _step), Stopwatch.GetTimestamp());
            var what = string.Join(' ', hit.Select(index => Hit(_nodes[index], random)));
            recoveries.Add((Recovered(before, since), what));
            if (recoveries.Count % 50 == 0)
            {
                Report(recoveries);
            }
        }

        Assert.Empty(_problems);
        Report(recoveries);
        foreach (var node in _nodes)
        {
            node.End();
        }

        Compare();
    }

    /// <summary>Does something to a process, and says what.</summary>
    private static string Hit(Node node, Random random)
    {
        switch (random.Next(Environment.UserName == "root" ? 3 : 2))
        {
            case 0:
                node.Kill();
                return $"{node.Role}:killed";
            case 1:
                node.Freeze(TimeSpan.FromSeconds(0.1 * Math.Pow(100, random.NextDouble())));
                return $"{node.Role}:stopped";
            default:
                node.Cut();
                return $"{node.Role}:cut";
        }
    }

    /// <summary>Waits for a step beyond one, and gives the time it took in seconds.</summary>
    private double Recovered(long before, long since = 0)
    {
        var deadline = Stopwatch.GetTimestamp();
        lock (_gate)
        {
            while (_step <= before)
            {
                var left = s_longestRecovery - Stopwatch.GetElapsedTime(deadline);
                if (left <= TimeSpan.Zero || !Monitor.Wait(_gate, left))
                {
                    throw new TimeoutException(
                        $"no step beyond {before} within {s_longestRecovery.TotalSeconds} s\n{string.Join('\n', _nodes.Select(node => node.Story))}");
                }
            }

            return since == 0 ? 0 : Stopwatch.GetElapsedTime(since, _stepAt).TotalSeconds;
        }
    }

    private void Report(List<(double Seconds, string What)> recoveries)
    {
        var times = recoveries.Select(recovery => recovery.Seconds).Order().ToArray();
        var hits = recoveries.SelectMany(recovery => recovery.What.Split(' ')).GroupBy(hit => hit)
            .OrderBy(group => group.Key, StringComparer.Ordinal);
        List<string> lines =
        [
            string.Join(", ", hits.Select(group => $"{group.Key} {group.Count()}")),
            string.Create(CultureInfo.InvariantCulture, $"{times.Length} recoveries at step {_step}: median {times[times.Length / 2]:F2} s, p99 "
                + $"{times[times.Length * 99 / 100]:F1} s, longest {times[^1]:F1} s"),
        ];
        double[] bounds = [0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 1000];
        lines.AddRange(bounds.Select((bound, index) =>
            string.Create(CultureInfo.InvariantCulture,
                $"  up to {bound,6} s  {times.Count(time => time <= bound && (index == 0 || time > bounds[index - 1]))}")));
        foreach (var line in lines)
        {
            output.WriteLine(line);
        }

        if (Environment.GetEnvironmentVariable("CLUSTERTRAIN_FAILURES_REPORT") is { } file)
        {
            File.WriteAllLines(file, lines);
        }
    }

    /// <summary>Compares the receipt with that of a run of one process that nothing happens to.</summary>
    private void Compare()
    {
        var lines = File.ReadAllText(Path.Combine(_folder["run"], "receipt.jsonl")).Split('\n')[..^1];
        using var alone = ClusterTrainProcess.Start(["train", "--json", .. s_recipe, "--out", _folder["alone"], "--workers", "1"]);
        Assert.True(SpinWait.SpinUntil(() => Lines(_folder["alone"]) >= lines.Length, TimeSpan.FromMinutes(30)));
        alone.Kill();
        Assert.Equal(File.ReadLines(Path.Combine(_folder["alone"], "receipt.jsonl")).Take(lines.Length), lines);
    }

    private static int Lines(string folder)
    {
        var path = Path.Combine(folder, "receipt.jsonl");
        if (!File.Exists(path))
        {
            return 0;
        }

        using var file = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return file.ReadToEnd().Count(character => character == '\n');
    }

    private void Add(string role, params string[] args)
    {
        var node = new Node(role, args, Heard, problem =>
        {
            lock (_gate)
            {
                _problems.Add(problem);
            }
        });
        lock (_gate)
        {
            _nodes.Add(node);
        }
    }

    private void Heard(string line)
    {
        if (!line.StartsWith("{\"event\":\"epoch\"", StringComparison.Ordinal))
        {
            return;
        }

        using var json = JsonDocument.Parse(line);
        var step = json.RootElement.GetProperty("step").GetInt64();
        lock (_gate)
        {
            if (step <= _step)
            {
                return;
            }

            (_step, _stepAt) = (step, Stopwatch.GetTimestamp());
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>A process that is started again whenever it was killed; one that ends by itself is a problem.</summary>
    private sealed class Node : IDisposable
    {
        private readonly string[] _args;
        private readonly Action<string> _heard;
        private readonly Action<string> _problem;
        private readonly object _gate = new();
        private readonly Queue<string> _last = [];
        private Process _process;
        private Timer? _wake;
        private bool _isKilled;
        private bool _isOver;

        public Node(string role, string[] args, Action<string> heard, Action<string> problem)
        {
            (Role, _args, _heard, _problem) = (role, args, heard, problem);
            _process = Start();
        }

        public string Role { get; }

        /// <summary>What it said last.</summary>
        public string Story
        {
            get
            {
                lock (_last)
                {
                    return $"{Role} {_process.Id}:\n  {string.Join("\n  ", _last)}";
                }
            }
        }

        public void Kill()
        {
            lock (_gate)
            {
                _wake?.Dispose();
                _isKilled = true;
                _process.Kill(entireProcessTree: true);
            }
        }

        public void Freeze(TimeSpan time)
        {
            lock (_gate)
            {
                var id = _process.Id;
                ClusterTrainProcess.Signal(id, "STOP");
                _wake?.Dispose();
                _wake = new Timer(_ => ClusterTrainProcess.Signal(id, "CONT"), null, time, Timeout.InfiniteTimeSpan);
            }
        }

        /// <summary>Aborts every TCP connection of the process: links and Akka's.</summary>
        public void Cut()
        {
            lock (_gate)
            {
                var own = $"pid={_process.Id},";
                string[] connections = [.. Machine.Output("ss", "-tnpH").Split('\n').Where(line => line.Contains(own, StringComparison.Ordinal))
                    .Select(line =>
                {
                    var columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                    return $"( sport = {Port(columns[3])} and dport = {Port(columns[4])} )";
                })];
                if (connections.Length > 0)
                {
                    Machine.Output("ss", "-K", "-tnH", string.Join(" or ", connections));
                }
            }

            static string Port(string address) => address[address.LastIndexOf(':')..];
        }

        public void Dispose()
        {
            End();
            _process.Dispose();
        }

        public void End()
        {
            lock (_gate)
            {
                if (_isOver)
                {
                    return;
                }

                _isOver = true;
                _wake?.Dispose();
                if (!_process.HasExited)
                {
                    _process.Kill(entireProcessTree: true);
                }

                _process.WaitForExit();
            }
        }

        private Process Start()
        {
            var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
            start.Environment["CLUSTERTRAIN_SECRET"] = Secret;
            foreach (var word in _args.Prepend(ClusterTrainProcess.Program))
            {
                start.ArgumentList.Add(word);
            }

            var process = new Process { StartInfo = start, EnableRaisingEvents = true };
            process.OutputDataReceived += (_, line) => Take(line.Data);
            process.ErrorDataReceived += (_, line) => Take(line.Data);
            process.Exited += (_, _) => Exited(process);
            process.Start();
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            return process;
        }

        private void Take(string? line)
        {
            if (line is null)
            {
                return;
            }

            lock (_last)
            {
                if (!line.Contains("\"event\":\"epoch\"", StringComparison.Ordinal)
                    && !line.Contains("\"event\":\"progress\"", StringComparison.Ordinal))
                {
                    _last.Enqueue(line);
                }

                if (_last.Count > 12)
                {
                    _last.Dequeue();
                }
            }

            _heard(line);
        }

        private void Exited(Process process)
        {
            lock (_gate)
            {
                if (_isOver || process != _process)
                {
                    return;
                }

                if (!_isKilled)
                {
                    _problem($"{Role} ended by itself with exit code {process.ExitCode}:\n{Story}");
                }

                _isKilled = false;
                _process = Start();
            }
        }
    }
}
