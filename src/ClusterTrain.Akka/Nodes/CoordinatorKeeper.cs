using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Tools.PublishSubscribe;
using ClusterTrain.Hosting;
using ClusterTrain.Learning;
using ClusterTrain.Training;

namespace ClusterTrain.Akka;

/// <summary>The run that a coordinator's singleton leads, and whom to tell.</summary>
/// <param name="Run">The run.</param>
/// <param name="Options">How its node listens.</param>
/// <param name="ReachedAt">The host by which members reach it.</param>
/// <param name="Observe">Told what happens.</param>
/// <param name="Over">Told how the run ended.</param>
/// <param name="Failed">Told why this node cannot lead, while others may.</param>
internal sealed record KeptRun(
    AkkaRun Run,
    Func<RunFolder, INodeEngine, CoordinatorOptions> Options,
    string ReachedAt,
    Action<AkkaNodeEvent> Observe,
    Action<RunOutcome> Over,
    Action<string> Failed);

/// <summary>
/// The cluster's coordinator, on the oldest of the nodes that may lead: opens the run folder, in a new term, leads the run, says where it is
/// to whoever registers, and publishes what happens. The lock of the run folder and the term keep two of them from doing harm.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "An actor has no Dispose; its tokens hold nothing that needs one.")]
internal sealed class CoordinatorKeeper : UntypedActor, IWithTimers
{
    private static readonly TimeSpan s_folderPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_repeatPause = TimeSpan.FromMilliseconds(200);
    private const int RunOverRepeats = 3;

    private readonly KeptRun _kept;
    private readonly IActorRef _hub;
    private readonly IActorRef _mediator;
    private readonly AkkaEngine _engine;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _abort = new();
    private readonly Dictionary<string, Register> _registered = [];
    private readonly StatusBoard _board = new();
    private Registered? _answer;
    private bool _isOver;
    private bool _hasEnded;
    private bool _isSteppingDown;
    private int _repeats;

    /// <summary>Creates the keeper.</summary>
    /// <param name="kept">What it leads.</param>
    /// <param name="hub">The node's hub of control messages.</param>
    /// <param name="clock">The clock.</param>
    public CoordinatorKeeper(KeptRun kept, IActorRef hub, TimeProvider clock)
    {
        _kept = kept;
        _hub = hub;
        _clock = clock;
        _mediator = DistributedPubSub.Get(Context.System).Mediator;
        _engine = new AkkaEngine(Self, new ControlLane(hub));
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Stop);

    protected override void PreStart()
    {
        var self = Self;
        Task.Factory.StartNew(() => Lead(self), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ContinueWith(
            task => self.Tell(new Ended(task.IsCompletedSuccessfully ? task.Result : new RunFailed(task.Exception!.GetBaseException().Message))),
            TaskScheduler.Default);
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case RunMachine machine:
                Sender.Tell(Context.ActorOf(machine.Props), Self);
                break;
            case LinkMessage:
                _hub.Forward(message);
                break;
            case Register register:
                _registered[register.Name] = register;
                if (_answer is not null)
                    Sender.Tell(_answer, Self);
                break;
            case Leads leads:
                _answer = new Registered(leads.Endpoint.ToString(), leads.Term);
                _kept.Observe(new NodeLeads(leads.Endpoint, leads.Term, _kept.Run.Folder));
                break;
            case Happened happened:
                Publish(happened.Event);
                break;
            case StatusRequest:
                Sender.Tell(new StatusReport(_board.Report(Cluster.Get(Context.System), _answer, _kept.Run, _registered.Values)), Self);
                break;
            case StepDown:
                BeginToStepDown();
                break;
            case Ended ended:
                End(ended.Outcome);
                break;
            case RunOver over:
                SayOver(over);
                break;
        }
    }

    // The folder is let go even when the actor system ends without asking: another node waits for it.
    protected override void PostStop() => _abort.Cancel();

    /// <summary>Leads the run on a thread of its own.</summary>
    private RunOutcome Lead(IActorRef self)
    {
        using var folder = OpenFolder();
        if (folder is null)
            return new RunFailed("this node stepped down before it led");

        if (Result(folder) is { } completed)
        {
            self.Tell(new Happened(new RunEnded(completed)), ActorRefs.NoSender);
            return completed;
        }

        using var log = new RunLog(folder, _clock);
        using var node = new CoordinatorNode(
            _kept.Options(folder, _engine),
            happened =>
            {
                log.Write(happened);
                _kept.Observe(new NodeRunEvent(happened));
                self.Tell(new Happened(happened), ActorRefs.NoSender);
            });
        self.Tell(new Leads(node.Endpoint with { Host = _kept.ReachedAt }, folder.Identity.Term), ActorRefs.NoSender);
        using (_abort.Token.Register(node.Abort))
        {
            return node.RunAsync(_stop.Token).GetAwaiter().GetResult();
        }
    }

    /// <summary>Opens the run folder, as soon as the coordinator before lets it go; null when this one is to step down meanwhile.</summary>
    private RunFolder? OpenFolder()
    {
        var run = _kept.Run;
        var isTold = false;
        while (!_abort.IsCancellationRequested)
        {
            try
            {
                if (!File.Exists(Path.Combine(run.Folder, "run.json")))
                    return RunFolder.Create(run.Folder, run.Recipe, run.RecipeFolder);

                var folder = RunFolder.Open(run.Folder);
                if (folder.Identity.Recipe == run.Recipe.Fingerprint())
                    return folder;

                folder.Dispose();
                throw new RunFolderException(
                    $"{run.Folder}: holds a run of another recipe (fingerprint {folder.Identity.Recipe}, this one's is {run.Recipe.Fingerprint()}). "
                    + "Name another folder.");
            }
            catch (RunFolderException error) when (error.InnerException is IOException)
            {
                if (!isTold)
                    _kept.Observe(new NodeNotice($"{error.Message} Trying again."));

                isTold = true;
                _abort.Token.WaitHandle.WaitOne(s_folderPause);
            }
        }

        return null;
    }

    /// <summary>How the run ended, when it did: a node that was away meanwhile may come to lead it.</summary>
    private static RunCompleted? Result(RunFolder folder)
    {
        if (!File.Exists(folder.ModelPath))
            return null;

        var hash = WeightsHash.Of(Model.Read(folder.ModelPath).Weights.Span);
        var epochs = Receipt.Read(folder.ReceiptPath).Epochs;
        var record = epochs.FirstOrDefault(epoch => epoch.WeightsSha256 == hash)
            ?? throw new RunFolderException($"{folder.ModelPath}: its weights are of no epoch in the receipt. Move it away to go on with the run.");
        return new RunCompleted(record.Epoch, record.Step, hash, record.Epoch < epochs.Length);
    }

    private void Publish(RunEvent happened)
    {
        _isOver |= happened is RunEnded;
        _board.Observe(happened);
        var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            RunEventJson.Write(json, happened);
            json.WriteEndObject();
        }

        // Speeds of very many workers do not fit a message; nobody needs them to follow a run.
        if (bytes.Length <= ControlSerializer.MostBytes - 1024)
            _mediator.Tell(new Publish(RunNotice.Topic, new RunNotice(Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length))), Self);
    }

    private void BeginToStepDown()
    {
        _isSteppingDown = true;
        if (_hasEnded)
        {
            Context.Stop(Self);
            return;
        }

        // With nobody left to lead, the run ends in good order; otherwise members go on while the next one takes over. One that cannot be
        // reached counts: it may lead the greater part of a cluster that fell in two, and then nothing ends here but this node.
        var cluster = Cluster.Get(Context.System);
        var leaders = cluster.State.Members.Where(member => member.HasRole(AkkaConfiguration.CoordinatorRole) && member.Status == MemberStatus.Up);
        if (leaders.Any(member => member.UniqueAddress != cluster.SelfUniqueAddress))
            _abort.Cancel();
        else
            _stop.Cancel();
    }

    private void End(RunOutcome outcome)
    {
        (_answer, _hasEnded) = (null, true);
        if (_isOver)
        {
            _kept.Over(outcome);
            SayOver(new RunOver(outcome));
        }
        else if (!_isSteppingDown)
            _kept.Failed(outcome is RunFailed failed ? failed.Reason : $"the coordinator ended with {outcome}");

        if (_isSteppingDown)
            Context.Stop(Self);
    }

    // Told to each node itself, more than once: messages may be lost, and whoever misses this one would wait for nothing.
    private void SayOver(RunOver over)
    {
        foreach (var member in Cluster.Get(Context.System).State.Members)
            Context.ActorSelection(new RootActorPath(member.Address) / "user" / RunFollower.ActorName).Tell(over, Self);

        if (++_repeats < RunOverRepeats)
            Timers.StartSingleTimer("over", over, s_repeatPause);
    }

    private sealed record Leads(NodeEndpoint Endpoint, long Term);

    private sealed record Happened(RunEvent Event);

    private sealed record Ended(RunOutcome Outcome);
}
