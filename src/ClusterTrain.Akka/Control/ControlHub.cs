using Akka.Actor;
using Akka.Cluster;
using ClusterTrain.Hosting;
using ClusterTrain.Training;

namespace ClusterTrain.Akka;

/// <summary>
/// A node's end of all control messages of its links. Akka loses messages when a connection breaks, and says nothing; so each message has
/// a number, is handed on in order and once, and is sent again until its receiver confirmed it. A link whose peer's node is gone, is
/// unreachable, or confirms nothing for too long is closed, which its owner takes as the loss of the peer.
/// </summary>
internal sealed class ControlHub : UntypedActor, IWithTimers
{
    /// <summary>Its name; a peer sends to the actor of this name below <c>/user</c>.</summary>
    public const string ActorName = "control";

    /// <summary>Messages of one link that may wait to be confirmed.</summary>
    public const int MostUnconfirmed = 4096;

    private readonly ControlHubTimes _times;
    private readonly Func<Link, IActorRef> _wayTo;
    private readonly Dictionary<(long Session, ActorId Self), Channel> _channels = [];

    /// <summary>Creates the hub.</summary>
    /// <param name="times">When it sends again, and gives up.</param>
    /// <param name="wayTo">The singleton proxy behind which the peer of a link that was dialled here is found.</param>
    public ControlHub(ControlHubTimes times, Func<Link, IActorRef> wayTo)
    {
        _times = times;
        _wayTo = wayTo;
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart()
    {
        Cluster.Get(Context.System).Subscribe(
            Self,
            ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents,
            typeof(ClusterEvent.UnreachableMember),
            typeof(ClusterEvent.MemberRemoved));
        Timers.StartPeriodicTimer("again", SendAgain.Instance, _times.SendAgainAfter);
    }

    protected override void PostStop()
    {
        Cluster.Get(Context.System).Unsubscribe(Self);
        foreach (var channel in _channels.Values)
            channel.Free();
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Outgoing outgoing:
                Send(outgoing);
                break;
            case LinkMessage incoming:
                Receive(incoming);
                break;
            case LinkConfirmed confirmed:
                Confirm(confirmed);
                break;
            case Opened opened:
                if (Find(opened.Link) is { } ready)
                    ready.IsOpen = true;
                break;
            case Closed closed:
                Forget(closed.Link);
                break;
            case FlushAsked asked:
                if (_channels.GetValueOrDefault(Key(asked.Link)) is { Unconfirmed.Count: > 0 } waiting)
                    waiting.Flushes.Add(asked.Done);
                else
                    asked.Done.Set();
                break;
            case SendAgain:
                SendAllAgain();
                break;
            case Terminated terminated:
                CloseAll(channel => terminated.ActorRef.Equals(channel.Peer), $"its node {terminated.ActorRef.Path.Address} is gone");
                break;
            case ClusterEvent.UnreachableMember unreachable:
                CloseAllAt(unreachable.Member.Address, "is unreachable");
                break;
            case ClusterEvent.MemberRemoved removed:
                CloseAllAt(removed.Member.Address, "left the cluster");
                break;
        }
    }

    private static (long Session, ActorId Self) Key(Link link) => (link.Session, link.Self);

    /// <summary>The channel of a link, made with the first word about it; null once the link is closed.</summary>
    private Channel? Find(Link link)
    {
        if (!_channels.TryGetValue(Key(link), out var channel) && !link.IsClosed)
            _channels.Add(Key(link), channel = new Channel(link));

        return channel;
    }

    private void Send(Outgoing outgoing)
    {
        if (Find(outgoing.Link) is not { } channel)
            return;

        var message = new LinkMessage(outgoing.Link.Session, outgoing.Link.Peer, ++channel.Sent, outgoing.Message);
        channel.OldestSince ??= _times.Clock.GetTimestamp();
        channel.Unconfirmed.Enqueue(message);
        if (channel.Unconfirmed.Count > MostUnconfirmed)
            outgoing.Link.Close($"it does not confirm what it is sent: more than {MostUnconfirmed:N0} messages wait");
        else
            Tell(channel, message);
    }

    private void Tell(Channel channel, LinkMessage message) =>
        (channel.Way ??= channel.Link.IsDialled ? _wayTo(channel.Link) : channel.Peer)?.Tell(message, Self);

    private void Receive(LinkMessage incoming)
    {
        // A link that is not there yet will be, or is there no more: what is not confirmed is sent again for as long as it matters.
        if (!_channels.TryGetValue((incoming.Session, incoming.To), out var channel) || !channel.IsOpen)
            return;

        if (channel.Peer is null)
        {
            channel.Peer = Sender;
            Context.Watch(Sender);
        }

        if (incoming.Number == channel.Received + 1)
        {
            channel.Received++;
            channel.Link.Deliver(incoming.Message);
        }

        // Repeats and gaps are answered too: the one may have lost its confirmation, the other is sent again from here.
        Sender.Tell(new LinkConfirmed(incoming.Session, channel.Link.Peer, channel.Received), Self);
    }

    private void Confirm(LinkConfirmed confirmed)
    {
        if (!_channels.TryGetValue((confirmed.Session, confirmed.To), out var channel))
            return;

        channel.Peer ??= Context.Watch(Sender);
        var before = channel.Unconfirmed.Count;
        while (channel.Unconfirmed.TryPeek(out var oldest) && oldest.Number <= confirmed.Number)
            channel.Unconfirmed.Dequeue();

        if (channel.Unconfirmed.Count == 0)
        {
            channel.OldestSince = null;
            channel.Way = channel.Peer;
            channel.Free();
        }
        else if (channel.Unconfirmed.Count < before)
        {
            channel.OldestSince = _times.Clock.GetTimestamp();
        }
    }

    private void SendAllAgain()
    {
        foreach (var channel in _channels.Values.ToArray())
        {
            if (channel.OldestSince is not { } since)
                continue;

            var waited = _times.Clock.GetElapsedTime(since);
            if (waited >= _times.GiveUpAfter)
            {
                channel.Link.Close($"it confirmed no message for {waited.TotalSeconds:F1} s");
            }
            else if (waited >= _times.SendAgainAfter)
            {
                channel.Way = channel.Peer ?? channel.Way;
                foreach (var message in channel.Unconfirmed)
                    Tell(channel, message);
            }
        }
    }

    private void Forget(Link link)
    {
        if (_channels.Remove(Key(link), out var channel))
        {
            channel.Free();
            if (channel.Peer is { } peer && !_channels.Values.Any(other => peer.Equals(other.Peer)))
                Context.Unwatch(peer);
        }
    }

    private void CloseAllAt(Address node, string what) => CloseAll(channel => node == channel.Peer?.Path.Address, $"its node {node} {what}");

    private void CloseAll(Func<Channel, bool> isMeant, string reason)
    {
        foreach (var channel in _channels.Values.Where(isMeant).ToArray())
            channel.Link.Close(reason);
    }

    /// <summary>A message to be sent.</summary>
    internal sealed record Outgoing(Link Link, IMessage Message);

    /// <summary>A link whose owner is ready.</summary>
    internal sealed record Opened(Link Link);

    /// <summary>A link that is closed.</summary>
    internal sealed record Closed(Link Link);

    /// <summary>Somebody waits until all is confirmed.</summary>
    internal sealed record FlushAsked(Link Link, ManualResetEventSlim Done);

    private sealed record SendAgain
    {
        public static readonly SendAgain Instance = new();
    }

    /// <summary>The state of one end of a link.</summary>
    private sealed class Channel(Link link)
    {
        public Link Link { get; } = link;

        /// <summary>Messages sent so far.</summary>
        public long Sent { get; set; }

        /// <summary>Messages handed on so far.</summary>
        public long Received { get; set; }

        /// <summary>True when messages may be handed on.</summary>
        public bool IsOpen { get; set; }

        /// <summary>The peer's hub; null: not heard of yet.</summary>
        public IActorRef? Peer { get; set; }

        /// <summary>
        /// To whom to send: the peer's hub, or, until that is known and nothing is under way, the proxy behind which it is found. A proxy
        /// keeps what it is given as soon as its singleton's node begins to leave, while the link to that node still matters.
        /// </summary>
        public IActorRef? Way { get; set; }

        public Queue<LinkMessage> Unconfirmed { get; } = new();

        /// <summary>Since when the oldest unconfirmed message waits, or the last confirmation came.</summary>
        public long? OldestSince { get; set; }

        public List<ManualResetEventSlim> Flushes { get; } = [];

        /// <summary>Lets those go who wait for confirmations.</summary>
        public void Free()
        {
            foreach (var done in Flushes)
                done.Set();

            Flushes.Clear();
        }
    }
}

/// <summary>When a hub sends again, and when it gives a link up.</summary>
/// <param name="SendAgainAfter">A message not confirmed for this long is sent again.</param>
/// <param name="GiveUpAfter">A link that confirmed nothing for this long is closed.</param>
/// <param name="Clock">The clock.</param>
internal sealed record ControlHubTimes(TimeSpan SendAgainAfter, TimeSpan GiveUpAfter, TimeProvider Clock)
{
    /// <summary>The usual times: longer than a pause that Akka's failure detector accepts.</summary>
    public static ControlHubTimes Usual(TimeProvider clock) => new(TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(5), clock);
}

/// <summary>Gives the control messages of links to the node's hub.</summary>
internal sealed class ControlLane(IActorRef hub) : IControlLane
{
    public void Opened(Link link) => hub.Tell(new ControlHub.Opened(link), ActorRefs.NoSender);

    public void Closed(Link link) => hub.Tell(new ControlHub.Closed(link), ActorRefs.NoSender);

    public void Send(Link link, IMessage message) => hub.Tell(new ControlHub.Outgoing(link, message), ActorRefs.NoSender);

    public void Flush(Link link, TimeSpan time)
    {
        // Not disposed: the hub may still set it when this end no longer waits.
        var done = new ManualResetEventSlim();
        hub.Tell(new ControlHub.FlushAsked(link, done), ActorRefs.NoSender);
        done.Wait(time);
    }
}
