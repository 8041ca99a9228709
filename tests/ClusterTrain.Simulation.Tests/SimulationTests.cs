using System.Collections.Concurrent;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Simulation.Tests;

public sealed class SimulationTests
{
    private const int Seeds = 2000;

    [Fact]
    public void Whatever_happens_to_the_cluster_the_run_ends_with_the_bits_of_an_undisturbed_one()
    {
        var failures = new ConcurrentBag<string>();
        Parallel.For(1, Seeds + 1, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, seed =>
        {
            var scenario = Scenario.Draw((ulong)seed);
            if (Simulation.Run(scenario, new Plant()) is { } failure)
            {
                var (kept, shrunk) = Simulation.Shrink(scenario, failure, () => new Plant());
                failures.Add($"{Simulation.Line(scenario, failure)}\n  shrunk: {Simulation.Line(scenario, shrunk, kept)}");
            }
        });
        Assert.True(failures.IsEmpty, string.Join('\n', failures.Order()));
    }

    [Theory]
    [InlineData(6010)]
    [InlineData(18730)]
    [InlineData(20706)]
    [InlineData(70389)]
    [InlineData(300473)]
    [InlineData(1005461)]
    [InlineData(1014897)]
    [InlineData(2000933)]
    public void A_seed_that_once_failed_and_is_beyond_the_others_passes(ulong seed) => Assert.Null(Simulation.Run(Scenario.Draw(seed), new Plant()));

    [Theory]
    [InlineData(21)]
    [InlineData(559)]
    [InlineData(1219)]
    public void A_seed_gives_the_same_simulation_every_time(ulong seed)
    {
        Assert.Equal(Trace(seed), Trace(seed));
        Assert.NotEqual(Trace(seed), Trace(seed + 1));
    }

    [Fact]
    public void The_seeds_draw_everything_that_can_happen()
    {
        var scenarios = Enumerable.Range(1, Seeds).Select(seed => Scenario.Draw((ulong)seed)).ToArray();
        var kinds = scenarios.SelectMany(scenario => scenario.Events).Select(happening => happening.GetType()).ToHashSet();
        Assert.Equal(typeof(FaultEvent).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(FaultEvent))).ToHashSet(), kinds);
        Assert.Equal(Enumerable.Range(1, 16), scenarios.Select(scenario => scenario.Workers).Distinct().Order());
        Assert.Equal(Enumerable.Range(1, 4), scenarios.Select(scenario => scenario.Settings.ParameterServers).Distinct().Order());
        Assert.Equal(Enum.GetValues<OptimiserKind>(), scenarios.Select(scenario => scenario.Recipe.Optimiser.Kind).Distinct().Order());
        Assert.Contains(scenarios, scenario => scenario.Recipe.Layers.Any(layer => layer.Dropout > 0));
        Assert.Contains(scenarios, scenario => scenario is { Settings.SegmentParameters: GradientNorm.BlockParameters, Recipe.ClipNorm: not null });
        Assert.Contains(scenarios, scenario => scenario.Events.OfType<Partition>().Any(partition => partition.OneWay));
        Assert.Contains(scenarios, scenario => scenario.Events.OfType<Crash>().Any(crash => crash is { Place: 0, PowerLoss: true }));
        Assert.Contains(
            scenarios, scenario => scenario.Recipe is { GradientPrecision: GradientPrecision.BFloat16, Optimiser.Kind: OptimiserKind.Lbfgs });
        Assert.Equal([null, 1, 2, 3], scenarios.Select(scenario => scenario.Machines).Distinct().Order());
    }

    [Fact]
    public void Where_processes_share_a_machine_tensors_are_read_where_they_lie()
    {
        var scenarios = Enumerable.Range(1, 100).Select(seed => Scenario.Draw((ulong)seed));
        var scenario = scenarios.First(scenario => scenario is { Machines: null, Workers: 3 });
        Assert.Equal(0, Shared(scenario));
        Assert.True(Shared(scenario with { Machines = 1 }) > 10);

        static long Shared(Scenario scenario)
        {
            using var cluster = new SimulatedCluster(scenario, new Plant());
            cluster.Run();
            return cluster.Shared;
        }
    }

    [Fact]
    public void A_worker_that_answers_wrongly_where_another_answers_too_is_excluded()
    {
        var (flipped, excluded) = (0, 0);
        foreach (var scenario in Enumerable.Range(1, 600).Select(seed => Scenario.Draw((ulong)seed)).Where(scenario => scenario.Corrupt is not null))
        {
            using var cluster = new SimulatedCluster(scenario, new Plant());
            cluster.Run();
            flipped += cluster.Flipped;
            excluded += cluster.Excluded;
        }

        // Of the others, most are of two workers: the run fails for want of a third.
        Assert.True(flipped >= 12 && excluded >= 8, $"{flipped} wrong answers, {excluded} workers excluded");
    }

    [Theory]
    [InlineData(0.2)]
    [InlineData(1)]
    public void Audited_the_run_ends_with_the_same_bits_whatever_happens_to_the_cluster(double rate)
    {
        var (failures, shares) = (new ConcurrentBag<string>(), 0L);
        Parallel.For(1, 301, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, seed =>
        {
            var drawn = Scenario.Draw((ulong)seed);
            var scenario = drawn with { Settings = drawn.Settings with { AuditRate = rate } };
            using var cluster = new SimulatedCluster(scenario, new Plant());
            try
            {
                cluster.Run();
            }
            catch (SimulationFailure failure) when (!cluster.IsTainted)
            {
                failures.Add(Simulation.Line(scenario, failure));
            }
            catch (SimulationFailure)
            {
                // A wrong answer that had no other to be compared with.
            }

            Interlocked.Add(ref shares, cluster.Audited.Shares);
        });
        Assert.True(failures.IsEmpty, string.Join('\n', failures.Order()));
        Assert.True(shares > 500 * rate, $"{shares} shares were computed twice");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Where_nothing_happens_every_share_that_is_to_be_computed_twice_is(bool delaysVary)
    {
        foreach (var quiet in Quiet(400, leastWorkers: 2))
        {
            var scenario = delaysVary ? quiet with { DelayUs = Scenario.Draw(quiet.Seed).DelayUs } : quiet;
            using var cluster = new SimulatedCluster(scenario, new Plant());
            cluster.Run();
            var audited = cluster.Audited;
            Assert.True(
                (audited.VerifiedStep, audited.Differed, audited.Missed) == (cluster.Steps, 0, 0) || scenario.Recipe.EarlyStopping is not null,
                $"seed {scenario.Seed}: {audited} of {cluster.Steps} steps");
            Assert.InRange(audited.Shares, audited.VerifiedStep, long.MaxValue);
        }
    }

    [Fact]
    public void A_worker_with_a_wrong_kernel_is_found_named_and_excluded_and_leaves_nothing_in_the_receipt()
    {
        var wronged = 0;
        foreach (var drawn in Quiet(300, leastWorkers: 3))
        {
            var wrong = drawn.FirstWorkerPlace + (int)(drawn.Seed % (ulong)drawn.Workers);
            var scenario = drawn with { Wrong = (wrong, 1 + (long)(drawn.Seed % 3)) };
            using var cluster = new SimulatedCluster(scenario, new Plant());

            if (scenario.Recipe.EarlyStopping is not null)
            {
                // The run may be over before a third worker has decided.
                continue;
            }

            // It compares the receipt with that of the run that nothing happened to, and a worker that computes rightly must not be excluded.
            cluster.Run();
            Assert.True(
                cluster.Wronged == 0 || (cluster.Named is [var named] && named == wrong && cluster.Audited.Differed == 1),
                $"seed {scenario.Seed}: {cluster.Wronged} wrong sums, excluded: {string.Join(", ", cluster.Named)}, {cluster.Audited}");
            wronged += cluster.Wronged > 0 ? 1 : 0;
        }

        Assert.True(wronged > 30, $"{wronged} runs with wrong sums");
    }

    [Theory]
    [InlineData(0.5, 200)]
    [InlineData(0.2, 150)]
    public void Where_not_all_is_audited_a_wrong_kernel_is_found_before_what_it_spoiled_is_recorded_or_not_at_all(double rate, int least)
    {
        var (found, unseen) = (0, 0);
        foreach (var drawn in Quiet(600, leastWorkers: 3).Where(drawn => drawn.Recipe.EarlyStopping is null))
        {
            var wrong = drawn.FirstWorkerPlace + (int)(drawn.Seed % (ulong)drawn.Workers);
            var scenario = drawn with
            {
                Wrong = (wrong, 1 + (long)(drawn.Seed % 3)),
                Settings = drawn.Settings with { AuditRate = rate },
            };
            using var cluster = new SimulatedCluster(scenario, new Plant());
            try
            {
                cluster.Run();
            }
            catch (SimulationFailure failure) when (failure.Promise is "weights" or "loss" && cluster.Audited.Differed == 0)
            {
                // No step was audited between the first wrong sum and the end.
                unseen++;
                continue;
            }

            // A wrong bit may be rounded away in the update.
            Assert.True(
                !cluster.IsContradicted && (cluster.Audited.Differed == 0 || (cluster.Named is [var named] && named == wrong)),
                $"seed {scenario.Seed}: {cluster.Wronged} wrong sums, excluded: {string.Join(", ", cluster.Named)}, {cluster.Audited}");
            found += cluster.Named.Count;
        }

        Assert.True(found >= least, $"{found} were found, {unseen} were not");
    }

    [Theory]
    [InlineData(0.2)]
    [InlineData(1)]
    public void A_wrong_kernel_among_other_faults_excludes_nobody_else_and_the_run_comes_to_an_end(double rate)
    {
        var (failures, found, contradicted, unseen) = (new ConcurrentBag<string>(), 0, 0, 0);
        Parallel.For(1, 601, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, seed =>
        {
            var scenario = Scenario.Draw((ulong)seed).WithWrongKernel(rate);
            using var cluster = new SimulatedCluster(scenario, new Plant());
            try
            {
                cluster.Run();
            }
            catch (SimulationFailure failure) when (cluster.IsBeyondKnowledge(failure))
            {
                Interlocked.Increment(ref unseen);
            }
            catch (SimulationFailure failure)
            {
                failures.Add(Simulation.Line(scenario, failure));
            }

            Interlocked.Add(ref found, cluster.Named.Count);
            Interlocked.Add(ref contradicted, cluster.IsContradicted ? 1 : 0);
        });
        Assert.True(failures.IsEmpty, string.Join('\n', failures.Order()));
        Assert.True(found > 120, $"{found} were found, {unseen} were not, {contradicted} receipts were found to be wrong");
    }

    /// <summary>Scenarios in which all is computed twice, all workers begin together, and nobody is late or overtaken.</summary>
    private static IEnumerable<Scenario> Quiet(int seeds, int leastWorkers) => Enumerable.Range(1, seeds)
        .Select(seed => Scenario.Draw((ulong)seed)).Where(drawn => drawn.Workers >= leastWorkers).Select(drawn => drawn with
        {
            Events = [],
            Corrupt = null,
            Slow = null,
            Duplicates = 0,
            RowUs = 10,
            IsEven = true,
            KeepsNewestWeights = false,
            DelayUs = (drawn.DelayUs.Low, drawn.DelayUs.Low),
            Settings = drawn.Settings with { AuditRate = 1, LeastWorkers = drawn.Workers },
        });

    [Fact]
    public void A_server_that_stands_still_for_a_while_continues_from_the_step_it_is_at()
    {
        foreach (var seed in Enumerable.Range(1, 200))
        {
            var drawn = Scenario.Draw((ulong)seed);
            var stall = new Stall(100_000, 1 + (seed % drawn.Servers), 2_000_000);
            using var cluster = new SimulatedCluster(drawn with { Events = [stall], Corrupt = null, Slow = null }, new Plant());
            cluster.Run();
            Assert.True(cluster.Beginnings == 1, $"seed {seed}: {cluster.Beginnings} beginnings");
        }
    }

    [Fact]
    public void With_spare_servers_no_step_is_lost_when_a_server_is()
    {
        var lost = 0;
        foreach (var seed in Enumerable.Range(1, 200))
        {
            var drawn = Scenario.Draw((ulong)seed);
            var crash = new Crash(300_000, 1 + (seed % drawn.Settings.ParameterServers), DownUs: null, PowerLoss: false);
            var scenario = drawn with { SpareServers = drawn.Settings.ParameterServers, Events = [crash], Corrupt = null, Slow = null };
            using var cluster = new SimulatedCluster(scenario, new Plant());
            cluster.Run();
            Assert.True(cluster.Beginnings == 1, $"seed {seed}: {cluster.Beginnings} beginnings");
            lost += cluster.CompletedUs > crash.AtUs ? 1 : 0;
        }

        Assert.True(lost > 20, $"{lost} of the runs lost a server");
    }

    [Fact]
    public void All_are_asked_to_stop_and_the_run_continues_later_from_the_step_it_was_at()
    {
        foreach (var seed in Enumerable.Range(1, 200))
        {
            var drawn = Scenario.Draw((ulong)seed);
            if (drawn.Settings is { ParameterServers: > 1 } or { AuditRate: > 0 } || drawn.Slow is not null)
            {
                // Servers may be a step apart, and no worker is left to compute it; answers may be awaited.
                continue;
            }

            using var cluster = new SimulatedCluster(drawn with { Events = [new StopAll(100_000)], Corrupt = null }, new Plant());
            cluster.Run();
            Assert.True(cluster.Resumed >= cluster.StepWhenStopped, $"seed {seed}: from step {cluster.Resumed}, not {cluster.StepWhenStopped}");
        }
    }

    [Fact]
    public void With_the_usual_checkpoints_a_run_whose_server_is_killed_every_two_seconds_makes_progress()
    {
        foreach (var seed in Enumerable.Range(1, 40))
        {
            var drawn = Scenario.Draw((ulong)seed);
            var plan = new TrainingPlan(drawn.Recipe, ((InlineSource)drawn.Recipe.Data.Source).Features.Length);
            if (plan.Steps < 20)
            {
                continue;
            }

            // A step takes a tenth of a second, on slow machines several times as long.
            var scenario = drawn with
            {
                RowUs = 100_000 * drawn.Workers / plan.BatchRows,
                Settings = drawn.Settings with { CheckpointPeriod = null, CheckpointSteps = 0, LeastWorkers = 1 },
                Events = [],
                Corrupt = null,
                Slow = null,
            };
            // Nothing is recorded while a late worker's answer is awaited: on machines that slow there may be no checkpoint between two kills.
            var (undisturbedUs, isLate) = RunToEnd(scenario);
            if (isLate || undisturbedUs > 500_000 * plan.Steps)
            {
                continue;
            }

            var kills = Enumerable.Range(1, 200)
                .Select(kill => (FaultEvent)new Crash(kill * 2_000_000, 1 + (kill % scenario.Servers), 200_000, false));
            var (killedUs, _) = RunToEnd(scenario with { Events = [.. kills] });
            Assert.True(killedUs < 5_000_000 + (5 * undisturbedUs), $"seed {seed}: {killedUs / 1e6} s in place of {undisturbedUs / 1e6} s");
        }
    }

    [Fact]
    public void A_failure_is_one_line_that_replays_it_and_is_shrunk_to_the_events_it_needs()
    {
        var create = () => (Plant)new ForgottenReassignment();
        var (scenario, failure) = Enumerable.Range(1, 200)
            .Select(seed => Scenario.Draw((ulong)seed))
            .Where(scenario => scenario.Events.Length > 3)
            .Select(scenario => (scenario, Failure: Simulation.Run(scenario, create())))
            .First(run => run.Failure is { Promise: "liveness" });
        Assert.Matches($"^seed={scenario.Seed} commit=[^ ]+ liveness: ", Simulation.Line(scenario, failure!));

        var (kept, shrunk) = Simulation.Shrink(scenario, failure!, create);
        Assert.InRange(kept.Length, 1, scenario.Events.Length - 1);
        Assert.Contains($"keep={string.Join(',', kept)} liveness: ", Simulation.Line(scenario, shrunk, kept), StringComparison.Ordinal);
        Assert.Equal("liveness", Simulation.Run(Simulation.Keep(scenario, kept), create())!.Promise);
        foreach (var index in kept)
        {
            Assert.NotEqual("liveness", Simulation.Run(Simulation.Keep(scenario, kept.Remove(index)), create())?.Promise);
        }
    }

    private static (long CompletedUs, bool IsLate) RunToEnd(Scenario scenario)
    {
        using var cluster = new SimulatedCluster(scenario, new Plant());
        cluster.Run();
        return (cluster.CompletedUs, cluster.Recomputed > 0);
    }

    private static ulong Trace(ulong seed)
    {
        using var cluster = new SimulatedCluster(Scenario.Draw(seed), new Plant());
        cluster.Run();
        return cluster.TraceHash;
    }
}
