using System.Diagnostics.CodeAnalysis;
using ClusterTrain.Actors;
using ClusterTrain.Cluster.Data;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Membership;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Data.Models;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Runs;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Watching;
using AkkaCluster = Akka.Cluster.Cluster;

namespace ClusterTrain.Cluster.Nodes;

/// <summary>
/// This node leads the run, from when the run folder is its own until the run is over, it steps down, or another one took over.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Its tokens hold nothing that needs disposal, and the singleton may cancel them at any time.")]
internal sealed class Leadership : ILeadership
{
    private static readonly TimeSpan s_folderPause = TimeSpan.FromMilliseconds(200);

    // A claim is renewed once a second; that its coordinator is gone, or does not answer, Akka found out before.
    private static readonly TimeSpan s_claimTime = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_lookPeriod = TimeSpan.FromSeconds(1);

    private readonly NodeContext _node;
    private readonly LeadableRun _run;
    private readonly LeadershipSurroundings _surroundings;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _abort = new();
    private readonly TaskCompletionSource<RunOutcome> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _observing = new();
    private readonly RunWatch _watch;
    private volatile RunFolder? _folder;
    private volatile CoordinatorLinks? _links;
    private volatile Registered? _answer;
    private volatile bool _isOver;

    /// <summary>Creates a leadership that has not begun.</summary>
    /// <param name="node">What the parts of the node share.</param>
    /// <param name="run">The run.</param>
    /// <param name="surroundings">Where it leads.</param>
    public Leadership(NodeContext node, LeadableRun run, LeadershipSurroundings surroundings)
    {
        _node = node;
        _run = run;
        _surroundings = surroundings;
        _watch = new RunWatch(node.Options.Time);
    }

    /// <summary>The links of its members; null while it does not lead.</summary>
    public CoordinatorLinks? Links => _links;

    public Registered? Answer => _answer;

    /// <summary>True when the run is over: completed, stopped, or failed.</summary>
    public bool IsOver => _isOver;

    private NodeOptions Options => _node.Options;

    public string Report(AkkaCluster cluster, IEnumerable<Register> registered) =>
        StatusBoard.Report(_answer is null ? null : _watch.View(), Options.Time.GetUtcNow(), cluster, registered);

    public void Register(string address, Register register) => _links?.Register(address, register);

    public void Abort() => _abort.Cancel();

    /// <summary>Stops the run in good order, with a checkpoint.</summary>
    public void Stop() => _stop.Cancel();

    /// <summary>Leads, on the caller's thread.</summary>
    /// <returns>How the run ended; null when the node stepped down and the run continues.</returns>
    /// <exception cref="RunFolderException">The folder is of other data, or damaged.</exception>
    public RunOutcome? Lead()
    {
        var folder = OpenFolder();
        if (folder is null)
        {
            return _stop.IsCancellationRequested ? new RunInterrupted(0) : null;
        }

        _folder = folder;
        RunOutcome? outcome = null;
        try
        {
            _node.Observe(new NodeLeads(_surroundings.Endpoint, folder, folder.Identity.Term > 1));
            if (Result(folder) is { } completed)
            {
                Observe(new RunEnded(completed));
                return outcome = completed;
            }

            return outcome = Lead(folder);
        }
        finally
        {
            // Another node may lead on; when the run is over, whoever shows its outcome still reads it.
            if (outcome is null)
            {
                folder.Dispose();
            }
        }
    }

    private RunOutcome? Lead(RunFolder folder)
    {
        var (recipe, data) = (_run.Recipe, _run.Data);
        var plan = new TrainingPlan(recipe, data.Train.Rows);
        var layout = new NetworkLayout(data.Train.Features, recipe.Layers);
        _watch.Begin(new WatchedRun(recipe, folder.Path, plan.TrainingRows, plan.StepsPerEpoch, layout.Parameters));
        var receipt = Receipt.Read(folder.ReceiptPath);
        var start = RunStarts.Read(recipe, data, folder, layout, receipt, Observe);
        using var evaluationPool = new ComputePool(1, "evaluation");
        using var evaluation = new Network(layout, recipe.Loss, Kernels.Active, evaluationPool);
        using var recorder = new RunRecorder(folder, recipe, data, layout, evaluation, receipt);
        using var coordinator = new Coordinator(plan, layout, _run.Settings, start, recorder, _node.Tensors, Observe);
        using var transfers = new SemaphoreSlim(Options.Limits.DataTransfers);
        var stateCount = Optimiser.StatePlanes(recipe.Optimiser, layout.Parameters);
        var links = new CoordinatorLinks(
            _node,
            new LinkResources(Options.Limits, _node.Tensors, (long)layout.Parameters * Math.Max(1, stateCount), layout.Parameters, _node.Memory),
            Part(folder.Identity.Term, transfers));
        var actor = _node.Actors.Add(MemberIds.Coordinator, coordinator);
        actor.Start(coordinator.Start);
        _links = links;
        _watch.Leads(_surroundings.ReachedAt.ToString(), folder.Identity.Term);
        _answer = new Registered(_surroundings.ReachedAt.ToString(), folder.Identity.Term);
        using (_stop.Token.Register(() => actor.Post(new Envelope(MemberIds.Coordinator, new StopRequested(), default))))
        using (_abort.Token.Register(() => _ended.TrySetCanceled(CancellationToken.None)))
        {
            while (!((IAsyncResult)_ended.Task).AsyncWaitHandle.WaitOne(s_lookPeriod))
            {
                links.LookForSilent(s_lookPeriod);
                if (!folder.RenewClaim())
                {
                    Fenced("another coordinator took the run over, because this one hung");
                }
            }
        }

        // Members that were told to stop close their links; a coordinator that fails or is fenced is gone at once.
        _answer = null;
        if (_isOver)
        {
            links.WaitForMembersToGo(Options.Cluster.FlushTime);
        }

        _links = null;
        links.CloseAll("the coordinator ended");
        using (var idle = new ManualResetEventSlim())
        {
            _node.Actors.Remove(MemberIds.Coordinator, idle.Set);
            idle.Wait(CancellationToken.None);
        }

        return _ended.Task.IsCanceled ? null : _ended.Task.Result;
    }

    /// <summary>
    /// Opens the run folder, as soon as the coordinator before has released it or has not renewed its claim for long; null when this one is to end
    /// meanwhile.
    /// </summary>
    private RunFolder? OpenFolder()
    {
        var isTold = false;
        var (claim, since) = (Claim(), Options.Time.GetTimestamp());
        while (!_abort.IsCancellationRequested && !_stop.IsCancellationRequested)
        {
            try
            {
                return _run.OpenFolder(false);
            }
            catch (RunFolderException error) when (_surroundings.IsShared && error.InnerException is IOException)
            {
                if (!isTold)
                {
                    _node.Observe(new NodeNotice($"{error.Message} Trying again."));
                }

                isTold = true;
                _surroundings.FolderIsHeld();
                _abort.Token.WaitHandle.WaitOne(s_folderPause);
            }

            if (Claim() is { } present && present == claim)
            {
                if (Options.Time.GetElapsedTime(since) < s_claimTime)
                {
                    continue;
                }

                _node.Observe(new NodeWarning(
                    $"{_run.Folder}: the coordinator that holds the run folder has been hanging for {s_claimTime.TotalSeconds} s; taking the run "
                        + "over"));
                return _run.OpenFolder(true);
            }

            (claim, since) = (Claim(), Options.Time.GetTimestamp());
        }

        return null;
    }

    private string? Claim() => _run.Folder.Length > 0 ? RunFolder.ReadClaim(_run.Folder) : null;

    /// <summary>How the run ended, when it did: a node that was away meanwhile may come to lead it.</summary>
    private static RunCompleted? Result(RunFolder folder)
    {
        if (!File.Exists(folder.ModelPath))
        {
            return null;
        }

        var hash = WeightsHash.Of(Model.Read(folder.ModelPath).Weights.Span);
        var epochs = Receipt.Read(folder.ReceiptPath).Epochs;
        var record = epochs.FirstOrDefault(epoch => epoch.WeightsSha256 == hash)
            ?? throw new RunFolderException($"{folder.ModelPath}: its weights belong to no epoch in the receipt. Move it away to resume the run.");
        return new RunCompleted(record.Epoch, record.Step, hash, record.Epoch < epochs.Length);
    }

    private CoordinatorPart Part(long term, SemaphoreSlim transfers)
    {
        var (recipe, data) = (_run.Recipe, _run.Data);
        var self = new Hello(
            Lane.Messages, Options.Security.HasSecret, PeerRole.Coordinator, MemberIds.Coordinator, new ActorId(""), recipe.Fingerprint(),
            data.Fingerprint, term, Receipt.Build);
        var text = RecipeWriter.Write(recipe);
        return new CoordinatorPart(
            self,
            servers => new Welcome(
                text, data.Train.Rows, data.Train.Features, data.Train.Outputs, data.Fingerprint, Options.Cluster.LostAfter, servers,
                _surroundings.Cluster()),
            connection => SendData(connection, transfers),
            Fenced,
            message => Observe(new RunWarning(message)));
    }

    /// <summary>Another coordinator leads: where nodes share the run this one stands by, otherwise somebody started two.</summary>
    private void Fenced(string reason)
    {
        if (_surroundings.IsShared)
        {
            _node.Observe(new NodeWarning(reason));
            _abort.Cancel();
        }
        else
        {
            _ended.TrySetResult(new RunFailed(reason));
        }
    }

    private void SendData(Connection connection, SemaphoreSlim transfers)
    {
        transfers.Wait();
        try
        {
            DataTransfer.Send(_run.Data, connection, Options.Limits);
        }
        catch (Exception error) when (LinkErrors.IsLost(error))
        {
            Observe(new RunWarning($"the data was not sent to {connection.Peer}: {LinkErrors.Cause(error)}"));
        }
        finally
        {
            transfers.Release();
        }
    }

    /// <summary>The actor of the coordinator threw.</summary>
    public void Failed(Exception error)
    {
        if (_folder?.RenewClaim() == false)
        {
            Fenced(error.Message);
        }
        else
        {
            _ended.TrySetResult(new RunFailed($"the coordinator failed: {error.Message}"));
        }
    }

    /// <summary>Tells what happened in the run.</summary>
    public void Observe(RunEvent happened)
    {
        lock (_observing)
        {
            _watch.Observe(happened);
            _node.Observe(new NodeRunEvent(happened));
            _surroundings.Happened(happened);
        }

        if (happened is RunEnded end)
        {
            _isOver = true;
            _ended.TrySetResult(end.Outcome);
        }
    }
}

/// <summary>Where a node leads.</summary>
/// <param name="Endpoint">Where it listens.</param>
/// <param name="ReachedAt">Where members connect to it.</param>
/// <param name="IsShared">True when other nodes may lead the run too: the folder is waited for while another one holds it.</param>
/// <param name="Cluster">Tells its Akka cluster.</param>
/// <param name="Happened">Told what happens in the run.</param>
/// <param name="FolderIsHeld">Told, again and again, that another process holds the run folder.</param>
internal sealed record LeadershipSurroundings(
    NodeEndpoint Endpoint, NodeEndpoint ReachedAt, bool IsShared, Func<ClusterInfo> Cluster, Action<RunEvent> Happened, Action FolderIsHeld);
