using ClusterTrain.Learning;
using ClusterTrain.Numerics;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>
/// The process of a cluster's coordinator: it listens, lets members join, and leads the run to its end. Started again on the same run
/// folder after a crash, it goes on where the parameter servers are.
/// </summary>
public sealed class CoordinatorNode : IDisposable
{
    private readonly CoordinatorOptions _options;
    private readonly Action<RunEvent> _observe;
    private readonly Lock _observing = new();
    private readonly TaskCompletionSource<RunOutcome> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SemaphoreSlim _transfers;
    private readonly Reception _reception;
    private volatile bool _isOver;

    /// <summary>Binds the address; nobody is let in before <see cref="RunAsync"/>.</summary>
    /// <param name="options">What it leads, and how.</param>
    /// <param name="observe">Told what happens; called from several threads, one at a time.</param>
    /// <exception cref="ClusterException">The address cannot be listened at, or a setting is impossible.</exception>
    public CoordinatorNode(CoordinatorOptions options, Action<RunEvent> observe)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!BitConverter.IsLittleEndian)
            throw new ClusterException("cluster nodes need a little-endian machine: floats cross the network as they lie in memory.");

        options.Cluster.Check();
        _options = options;
        _observe = observe;
        _transfers = new SemaphoreSlim(options.Limits.DataTransfers);
        _reception = new Reception(options.Listen, options.Security, options.Limits, options.Time);
    }

    /// <summary>Where it listens: the address, and the port even when any free one was asked for.</summary>
    public NodeEndpoint Endpoint => _reception.Endpoint;

    /// <summary>Leads the run to its end.</summary>
    /// <param name="stop">When signalled, the run ends after a checkpoint and can be resumed.</param>
    /// <returns>How it ended; faulted with a <see cref="RunFolderException"/> when the folder is of other data, or damaged.</returns>
    public Task<RunOutcome> RunAsync(CancellationToken stop)
    {
        var result = new TaskCompletionSource<RunOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                result.SetResult(Run(stop));
            }
            catch (Exception error)
            {
                // Whoever waits for the run gets what ended it.
                result.SetException(error);
            }
        })
        { Name = "coordinator node", IsBackground = true }.Start();
        return result.Task;
    }

    /// <summary>Closes all connections at once, as when the process dies: nothing is said to anyone, and no checkpoint is written.</summary>
    public void Abort()
    {
        _reception.Dispose();
        _ended.TrySetResult(new RunFailed("the coordinator was aborted; start it again on the same run folder"));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _reception.Dispose();
        _transfers.Dispose();
    }

    private RunOutcome Run(CancellationToken stop)
    {
        var (recipe, data, folder) = (_options.Recipe, _options.Data, _options.Folder);
        var plan = new TrainingPlan(recipe, data.Train.Rows);
        var layout = new NetworkLayout(data.Train.Features, recipe.Layers);
        var receipt = Receipt.Read(folder.ReceiptPath);
        var start = RunStarts.Read(recipe, data, folder, layout, receipt, Observe);

        using var evaluationPool = new ComputePool(1, "evaluation");
        using var evaluation = new Network(layout, recipe.Loss, Kernels.Active, evaluationPool);
        using var recorder = new RunRecorder(folder, recipe, data, layout, evaluation, receipt);
        var tensors = new TensorPool();
        using var coordinator = new Coordinator(plan, layout, _options.Run, start, recorder, tensors, Observe);
        using var dispatcher = new Dispatcher("coordinator", 1);
        using var heartbeats = new Heartbeats(
            _options.Cluster.HeartbeatPeriod, _options.Cluster.LostAfter, _options.Limits.HandshakeTime, _options.Time);
        using var actors = new ActorHost(_options.Time, (_, error) => Fail($"the coordinator failed: {error.Message}")) { Engine = _options.Engine };
        var links = new CoordinatorLinks(actors, heartbeats, Terms(layout, tensors), Desk(), _options.Time);
        actors.Route = links;
        var context = actors.Add(MemberIds.Coordinator, coordinator, dispatcher);
        context.Post(new Envelope(MemberIds.Coordinator, new HostCall(() => coordinator.Start(context)), default));
        _reception.Start(links);
        using (stop.Register(() => actors.Post(MemberIds.Coordinator, MemberIds.Coordinator, new StopRequested())))
        {
            _ended.Task.Wait(CancellationToken.None);
        }

        // Members that were told to stop close their links; a coordinator that fails or is fenced is gone at once.
        if (_isOver)
            links.WaitForMembersToGo(_options.Cluster.FlushTime);

        using (var idle = new ManualResetEventSlim())
        {
            actors.Remove(MemberIds.Coordinator, idle.Set);
            idle.Wait(CancellationToken.None);
        }

        _reception.Dispose();
        actors.Stop();
        return _ended.Task.Result;
    }

    private LinkTerms Terms(NetworkLayout layout, TensorPool tensors)
    {
        var stateCount = Optimiser.StatePlanes(_options.Recipe.Optimiser, layout.Parameters);
        return new LinkTerms(_options.Limits, tensors, (long)layout.Parameters * Math.Max(1, stateCount), layout.Parameters, _options.Engine?.Control);
    }

    private CoordinatorDesk Desk()
    {
        var (recipe, data, cluster) = (_options.Recipe, _options.Data, _options.Cluster);
        var self = new Hello(
            Lane.Messages, _options.Security.HasSecret, PeerRole.Coordinator, MemberIds.Coordinator, new ActorId(""),
            recipe.Fingerprint(), data.Fingerprint,
            _options.Folder.Identity.Term, 0);
        var welcome = new Welcome(
            RecipeWriter.Write(recipe), data.Train.Rows, data.Train.Features, data.Train.Outputs, data.Fingerprint,
            cluster.HeartbeatPeriod, cluster.LostAfter, []);
        return new CoordinatorDesk(self, welcome, SendData, message => Observe(new RunWarning(message)), Fail);
    }

    private void SendData(Connection connection)
    {
        _transfers.Wait();
        try
        {
            DataTransfer.Send(_options.Data, connection, _options.Limits);
        }
        catch (Exception error) when (LinkErrors.IsLost(error))
        {
            Observe(new RunWarning($"the data was not sent to {connection.Peer}: {LinkErrors.Cause(error)}"));
        }
        finally
        {
            _transfers.Release();
        }
    }

    private void Fail(string reason) => _ended.TrySetResult(new RunFailed(reason));

    private void Observe(RunEvent happened)
    {
        lock (_observing)
        {
            _observe(happened);
        }

        if (happened is RunEnded end)
        {
            _isOver = true;
            _ended.TrySetResult(end.Outcome);
        }
    }
}
