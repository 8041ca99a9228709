using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Runs;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Servers;
using ClusterTrain.Training.Tensors;
using ClusterTrain.Training.Workers;

namespace ClusterTrain.InProcess;

/// <summary>How a run in one process is carried out. None of it changes the result.</summary>
public sealed record InProcessSettings
{
    /// <summary>Number of workers.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Threads of each worker.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>The coordinator's settings.</summary>
    public RunSettings Run { get; init; } = new();
}

/// <summary>Trains in one process: a coordinator, workers and parameter servers on <see cref="InProcessHost"/>.</summary>
public static class InProcessTraining
{
    /// <summary>Trains until the run is over.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="data">Its data.</param>
    /// <param name="folder">The run folder, new or opened to resume.</param>
    /// <param name="settings">How.</param>
    /// <param name="time">The clock.</param>
    /// <param name="observe">Told what happens; called from several threads, one at a time.</param>
    /// <param name="stop">When signalled, the run ends after a checkpoint and can be resumed.</param>
    /// <exception cref="RunFolderException">The run folder is of other data, or damaged.</exception>
    public static RunOutcome Train(
        Recipe recipe, PreparedData data, RunFolder folder, InProcessSettings settings, TimeProvider time, Action<RunEvent> observe,
            CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(settings);
        var plan = new TrainingPlan(recipe, data.Train.Rows);
        var layout = new NetworkLayout(data.Train.Features, recipe.Layers);
        var receipt = Receipt.Read(folder.ReceiptPath);
        var start = RunStarts.Read(recipe, data, folder, layout, receipt, observe);
        using var evaluationPool = new ComputePool(1, "evaluation");
        using var evaluation = new Network(layout, recipe.Loss, Kernels.Active, evaluationPool);
        using var recorder = new RunRecorder(folder, recipe, data, layout, evaluation, receipt);
        return Train(plan, layout, data.Train, start, recorder, settings, time, observe, stop);
    }

    /// <summary>Trains until the run is over, with a record of the caller's own.</summary>
    /// <param name="plan">What each step is.</param>
    /// <param name="layout">The parameters.</param>
    /// <param name="rows">The training rows.</param>
    /// <param name="start">Where the run begins.</param>
    /// <param name="recorder">Its record.</param>
    /// <param name="settings">How.</param>
    /// <param name="time">The clock.</param>
    /// <param name="observe">Told what happens; called from several threads, one at a time.</param>
    /// <param name="stop">When signalled, the run ends after a checkpoint.</param>
    public static RunOutcome Train(
        TrainingPlan plan,
        NetworkLayout layout,
        DataSet rows,
        RunStart start,
        IRunRecorder recorder,
        InProcessSettings settings,
        TimeProvider time,
        Action<RunEvent> observe,
        CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(settings);
        var recipe = plan.Recipe;
        var kernels = Kernels.Active;
        var ended = new TaskCompletionSource<RunOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        var tensors = new TensorPool();
        using var coordinator = new Coordinator(plan, layout, settings.Run, start, recorder, tensors, Observe);
        var members = new List<IDisposable>();
        using (var host = new InProcessHost(settings.Workers, time, reason => ended.TrySetResult(new RunFailed($"the coordinator failed: {reason}"))))
        {
            var coordinatorId = new ActorId("coordinator");
            var coordinatorContext = host.AddCoordinator(coordinatorId, coordinator);
            coordinator.Start(coordinatorContext);
            // The threads of a worker that is alone are idle while the server adds and updates; of several, one computes while another's are.
            var pools = Enumerable.Range(1, settings.Workers).Select(number => new ComputePool(settings.Threads, $"worker-{number}")).ToArray();
            var isAlone = settings.Workers == 1 && settings.Run.ParameterServers == 1;
            for (var index = 0; index < settings.Run.ParameterServers; index++)
            {
                var server = new ParameterServer(plan, layout, kernels, isAlone ? pools[0] : new ComputePool(1), tensors);
                members.Add(server);
                server.Start(host.AddMember(new ActorId($"parameter-server-{index + 1}"), server), coordinatorId);
            }

            for (var index = 0; index < settings.Workers; index++)
            {
                var worker = new Worker(plan, layout, rows, new Network(layout, recipe.Loss, kernels, pools[index]), tensors);
                members.Add(worker);
                members.Add(pools[index]);
                worker.Start(host.AddMember(new ActorId($"worker-{index + 1}"), worker), coordinatorId);
            }

            using (stop.Register(() => host.Post(coordinatorId, coordinatorId, new StopRequested())))
            {
                ended.Task.Wait(CancellationToken.None);
            }
        }

        foreach (var member in members)
        {
            member.Dispose();
        }

        return ended.Task.Result;

        void Observe(RunEvent happened)
        {
            observe(happened);
            if (happened is RunEnded end)
            {
                ended.TrySetResult(end.Outcome);
            }
        }
    }
}
