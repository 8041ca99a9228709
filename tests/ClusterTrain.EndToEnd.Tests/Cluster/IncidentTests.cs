using System.Diagnostics;
using System.Text.Json;
using Xunit.Abstractions;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>What may happen to a cluster of processes; each run ends with the receipt of one that nothing happened to.</summary>
[Collection(IncidentCollection.Name)]
public sealed class IncidentTests(IncidentRun undisturbed, ITestOutputHelper output) : IDisposable
{
    private readonly ClusterProcesses _cluster = new();

    public void Dispose() => _cluster.Dispose();

    [IncidentFact]
    public void Two_of_four_workers_are_killed_one_after_the_other()
    {
        Begin(workers: 4);
        foreach (var worker in _cluster.Workers.Skip(1).Take(2))
        {
            var killed = Stopwatch.GetTimestamp();
            worker.Kill();
            Hold("the next step", _cluster.TimeToNextStep(killed, after: "lost: "), 2);
        }

        AssertUndisturbed();
        using var verified = ClusterTrainProcess.Run("verify", _cluster.RunFolder, undisturbed.Folder);
        Assert.All(verified.Lines, line => Assert.StartsWith("ok ", line, StringComparison.Ordinal));
    }

    [IncidentFact]
    public void All_workers_are_killed_and_new_ones_started()
    {
        Begin(workers: 2);
        foreach (var worker in _cluster.Workers)
        {
            worker.Kill();
        }

        _cluster.Coordinator.WaitForLine("\"event\":\"waiting\"");
        _cluster.AddWorkers(2);
        _cluster.Coordinator.WaitForLine("\"what\":\"joined\"");
        Hold("the next step", _cluster.TimeToNextStep(Stopwatch.GetTimestamp()), 2);
        AssertUndisturbed();
    }

    [IncidentFact]
    public void A_worker_stands_still_and_comes_back()
    {
        Begin(workers: 3);
        _cluster.Workers[0].WaitForLine("\"event\":\"registered\"");
        var stopped = Stopwatch.GetTimestamp();
        _cluster.Workers[0].Signal("STOP");
        Hold("the next step", _cluster.TimeToNextStep(stopped, after: "lost: "), 5);
        _cluster.Workers[0].Signal("CONT");
        _cluster.Coordinator.WaitForLine("\"what\":\"joined\"");
        AssertUndisturbed();
    }

    [IncidentFact]
    public void Workers_join_and_leave_all_the_time()
    {
        Begin(workers: 2);
        for (var i = 0; i < (IncidentRun.IsFull ? 10 : 3); i++)
        {
            _cluster.AddWorkers(1);
            _cluster.Coordinator.WaitForLine("\"what\":\"joined\"");
            var oldest = _cluster.Workers[i];
            oldest.Signal("TERM");
            _cluster.Coordinator.WaitForLine("\"what\":\"left\"");
            Assert.Equal(0, oldest.WaitForExit());
            Assert.Contains("\"outcome\":\"left\"", oldest.LastLine, StringComparison.Ordinal);
        }

        AssertUndisturbed();
    }

    [IncidentFact]
    public void The_parameter_server_is_killed_and_started_again()
    {
        Begin(workers: 2);
        _cluster.Coordinator.WaitForLine("\"event\":\"checkpoint\"");
        _cluster.Server.Kill();
        _cluster.Coordinator.WaitForLine("lost: ");
        var restarted = Stopwatch.GetTimestamp();
        _cluster.RestartServer();
        Hold("the next step", _cluster.TimeToNextStep(restarted, after: "\"event\":\"began\""), 5);
        AssertUndisturbed();
    }

    [IncidentFact]
    public void The_parameter_server_is_killed_and_a_spare_one_continues_without_a_lost_step()
    {
        Begin(workers: 2);
        _cluster.StartSpareServer();
        _cluster.Coordinator.WaitForLine(line => line.Contains("spare/", StringComparison.Ordinal), "of the spare server that joined");
        _cluster.Coordinator.WaitForLine("\"event\":\"checkpoint\"");
        _cluster.Coordinator.WaitForLine("\"event\":\"checkpoint\"");
        _cluster.Server.Kill();
        _cluster.Coordinator.WaitForLine("lost: ");
        var lost = Stopwatch.GetTimestamp();
        AssertBeganWhereItWas();
        Hold("the next step", _cluster.TimeToNextStep(lost), 1);
        AssertUndisturbed();
    }

    [IncidentFact]
    public void The_parameter_server_stands_still_and_continues_where_it_was()
    {
        Begin(workers: 2);
        _cluster.Server.WaitForLine("\"event\":\"registered\"");
        _cluster.Coordinator.WaitForLine("\"event\":\"progress\"");
        _cluster.Server.Signal("STOP");
        _cluster.Coordinator.WaitForLine("lost: ");
        _cluster.Server.Signal("CONT");
        var woken = Stopwatch.GetTimestamp();
        AssertBeganWhereItWas();
        Hold("the next step", _cluster.TimeToNextStep(woken), 2);
        AssertUndisturbed();
    }

    [IncidentFact]
    public void A_worker_that_hiccups_holds_up_neither_epochs_nor_checkpoints()
    {
        Begin(workers: 2);
        _cluster.Coordinator.WaitForLine("\"event\":\"checkpoint\"");
        _cluster.Workers[0].Signal("STOP");
        _cluster.Coordinator.WaitForLine("\"event\":\"late\"");
        _cluster.Workers[0].Signal("CONT");
        var woken = Stopwatch.GetTimestamp();
        _cluster.Coordinator.WaitForLine("\"event\":\"epoch\"");
        _cluster.Coordinator.WaitForLine("\"event\":\"checkpoint\"");
        Hold("the next checkpoint", Stopwatch.GetElapsedTime(woken), 3);
        AssertUndisturbed();
    }

    [IncidentFact]
    public void The_coordinator_is_killed_and_started_again()
    {
        Begin(workers: 2);
        _cluster.Coordinator.WaitForLine("\"event\":\"checkpoint\"");
        _cluster.Coordinator.Kill();
        var restarted = Stopwatch.GetTimestamp();
        _cluster.RestartCoordinator();
        Hold("the next step", _cluster.TimeToNextStep(restarted), 5);
        AssertUndisturbed();
    }

    [IncidentFact]
    public void Everything_is_killed_and_started_again()
    {
        Begin(workers: 2);
        _cluster.Coordinator.WaitForLine("\"event\":\"checkpoint\"");
        _cluster.Coordinator.Kill();
        _cluster.Server.Kill();
        foreach (var worker in _cluster.Workers)
        {
            worker.Kill();
        }

        var restarted = Stopwatch.GetTimestamp();
        _cluster.RestartCoordinator();
        _cluster.RestartServer();
        _cluster.AddWorkers(2);
        Hold("the next step", _cluster.TimeToNextStep(restarted), 5);
        AssertUndisturbed();
    }

    [IncidentFact]
    public void A_second_coordinator_is_refused_the_run_folder()
    {
        Begin(workers: 1);
        var second = _cluster.StartSecondCoordinator();
        Assert.Equal(2, second.WaitForExit());
        Assert.Contains("another process is working in this run folder", second.Errors, StringComparison.Ordinal);
        AssertUndisturbed();
    }

    [IncidentFact]
    public void SIGTERM_to_the_coordinator_leaves_a_run_that_one_process_can_resume()
    {
        Begin(workers: 2);
        _cluster.Coordinator.Signal("TERM");
        Assert.Equal(143, _cluster.Coordinator.WaitForExit());
        foreach (var member in _cluster.Workers.Append(_cluster.Server))
        {
            Assert.Equal(0, member.WaitForExit());
        }

        using var resumed = ClusterTrainProcess.Run("train", "--resume", _cluster.RunFolder);
        Assert.Equal(undisturbed.Receipt, File.ReadAllText(Path.Combine(_cluster.RunFolder, "receipt.jsonl")));
    }

    private void Begin(int workers)
    {
        _cluster.AddWorkers(workers);
        for (var i = 0; i < workers; i++)
        {
            _cluster.Coordinator.WaitForLine(line =>
                line.Contains("\"role\":\"worker\",\"what\":\"joined\"", StringComparison.Ordinal), "of a worker that joined");
        }

        _cluster.Coordinator.WaitForLine("\"event\":\"progress\"");
    }

    /// <summary>The run begins again at the last step that was reported, or later; a spare server's copy may be two steps behind.</summary>
    private void AssertBeganWhereItWas()
    {
        var reported = _cluster.Coordinator.Lines
            .Where(line => line.Contains("\"event\":\"progress\"", StringComparison.Ordinal)).Select(StepOf).Max();
        var began = StepOf(_cluster.Coordinator.WaitForLine("\"event\":\"began\""));
        Assert.True(began >= reported - 2, $"resumed from step {began}, but step {reported} was done");
    }

    private static long StepOf(string line) => JsonDocument.Parse(line).RootElement.GetProperty("step").GetInt64();

    private void Hold(string what, TimeSpan took, double seconds)
    {
        output.WriteLine($"{what} came after {took.TotalSeconds:F2} s; the bound is {seconds} s");
        Assert.True(took <= IncidentRun.Bound(seconds), $"{what} came after {took.TotalSeconds:F2} s");
    }

    private void AssertUndisturbed() => Assert.Equal(undisturbed.Receipt, _cluster.Finish());
}
