using System.Net;
using System.Net.Sockets;
using System.Reflection;
using Akka.Actor;
using Akka.Cluster;
using Akka.Configuration;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using Akka.Util;
using ClusterTrain.Hosting;
using ClusterTrain.Training;

namespace ClusterTrain.Akka.Tests;

/// <summary>One hub with one link; a probe stands for the hub at its other end.</summary>
public sealed class ControlHubTests : TestKit
{
    private const long Session = 77;

    private static readonly ControlHubTimes s_times = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5), TimeProvider.System);
    private static readonly ActorId s_server = new("parameter-server-1/aa@127.0.0.1:1");
    private static readonly ActorId s_worker = new("worker/bb");

    private readonly TestProbe _peer;
    private readonly TestProbe _owner;
    private readonly IActorRef _hub;
    private readonly ControlLane _lane;
    private readonly Socket _far;
    private readonly Link _link;

    public ControlHubTests()
        : base(ConfigurationFactory.ParseString("akka.remote.dot-netty.tcp.port = 0\nakka.loggers = []\nakka.test.single-expect-default = 60s").WithFallback(AkkaConfiguration.BuiltIn()))
    {
        _peer = CreateTestProbe("peer");
        _owner = CreateTestProbe("owner");
        Func<Link, IActorRef> wayTo = _ => _peer.Ref;
        _hub = Sys.ActorOf(Props.Create(() => new ControlHub(s_times, wayTo)), ControlHub.ActorName);
        _lane = new ControlLane(_hub);
        (var near, _far) = Sockets();
        var hello = new Hello(Lane.Messages, false, PeerRole.ParameterServer, s_server, s_worker, "", "", 0, Session);
        _link = new Link(new Connection(near), s_worker, hello, Session, new LinkTerms(new LinkLimits(), new TensorPool(), 1, 1, _lane), new Owner(_owner))
        {
            IsDialled = true,
        };
    }

    [Fact]
    public void A_message_is_sent_again_until_it_is_confirmed()
    {
        _link.Send(new Hold(1));
        var first = _peer.ExpectMsg<LinkMessage>();
        Assert.Equal(new LinkMessage(Session, s_server, 1, new Hold(1)), first);
        Assert.Equal(first, _peer.ExpectMsg<LinkMessage>());
        Confirm(1);
        _link.Send(new Hold(2));
        _peer.FishForMessage(message => message is LinkMessage { Number: 2 });
        Confirm(2);

        // What was sent again before the confirmation came is still on its way.
        AwaitAssert(() => _peer.ExpectNoMsg(TimeSpan.FromMilliseconds(300)));
    }

    [Fact]
    public void Once_the_peers_hub_has_confirmed_all_it_is_sent_to_directly()
    {
        var there = CreateTestProbe("there");
        _link.Send(new Hold(1));
        _peer.ExpectMsg<LinkMessage>();
        _hub.Tell(new LinkConfirmed(Session, s_worker, 1), there);
        _link.Send(new Hold(2));
        Assert.Equal(2, there.ExpectMsg<LinkMessage>().Number);
        Assert.Equal(2, there.ExpectMsg<LinkMessage>().Number);
        while (_peer.HasMessages)
            Assert.Equal(1, _peer.ExpectMsg<LinkMessage>().Number);
    }

    [Fact]
    public void What_a_proxy_keeps_is_sent_again_directly_when_the_peers_hub_is_known()
    {
        var there = CreateTestProbe("there");
        _lane.Opened(_link);
        _link.Send(new Hold(1));
        _peer.ExpectMsg<LinkMessage>();
        _hub.Tell(new LinkMessage(Session, s_worker, 1, new Hold(1)), there);
        there.ExpectMsg<LinkConfirmed>();
        Assert.Equal(1, there.ExpectMsg<LinkMessage>().Number);
    }

    [Fact]
    public void Messages_are_handed_on_in_order_and_once_and_only_when_the_link_is_ready()
    {
        Arrive(1);
        _peer.ExpectNoMsg(TimeSpan.FromMilliseconds(100));
        _lane.Opened(_link);
        Arrive(2);
        Assert.Equal(0, _peer.ExpectMsg<LinkConfirmed>().Number);
        Arrive(1);
        Assert.Equal(new LinkConfirmed(Session, s_server, 1), _peer.ExpectMsg<LinkConfirmed>());
        Arrive(1);
        Assert.Equal(1, _peer.ExpectMsg<LinkConfirmed>().Number);
        Arrive(2);
        Assert.Equal(2, _peer.ExpectMsg<LinkConfirmed>().Number);
        Assert.Equal(new Hold(1), _owner.ExpectMsg<Hold>());
        Assert.Equal(new Hold(2), _owner.ExpectMsg<Hold>());
        _owner.ExpectNoMsg(TimeSpan.FromMilliseconds(100));
    }

    [Fact]
    public void A_message_of_a_session_that_is_not_here_is_let_go()
    {
        _lane.Opened(_link);
        _hub.Tell(new LinkMessage(Session + 1, s_worker, 1, new Hold(1)), _peer);
        _hub.Tell(new LinkMessage(Session, s_server, 1, new Hold(1)), _peer);
        _peer.ExpectNoMsg(TimeSpan.FromMilliseconds(100));
        _owner.ExpectNoMsg(TimeSpan.FromMilliseconds(10));
    }

    [Fact]
    public void A_link_whose_peers_node_is_gone_is_closed()
    {
        _lane.Opened(_link);
        Arrive(1);
        _owner.ExpectMsg<Hold>();
        Sys.Stop(_peer);
        Assert.Contains("is gone", _owner.ExpectMsg<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_whose_peers_node_is_unreachable_is_closed()
    {
        _lane.Opened(_link);
        Arrive(1);
        _owner.ExpectMsg<Hold>();
        _hub.Tell(new ClusterEvent.UnreachableMember(MemberAt(new Address("akka", "elsewhere"))));
        _owner.ExpectNoMsg(TimeSpan.FromMilliseconds(100));
        _hub.Tell(new ClusterEvent.UnreachableMember(MemberAt(_peer.Ref.Path.Address)));
        Assert.Contains("is unreachable", _owner.ExpectMsg<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_that_confirms_nothing_is_closed()
    {
        _link.Send(new Hold(1));
        Assert.Contains("confirmed no message", _owner.ExpectMsg<string>(), StringComparison.Ordinal);
        Assert.True(_link.IsClosed);
    }

    [Fact]
    public async Task A_flush_waits_for_the_confirmation()
    {
        _link.Send(new Leave());
        _peer.ExpectMsg<LinkMessage>();
        var flush = Task.Run(() => _lane.Flush(_link, TimeSpan.FromSeconds(60)));
        _peer.ExpectMsg<LinkMessage>();
        Assert.False(flush.IsCompleted);
        Confirm(1);
        await flush.WaitAsync(TimeSpan.FromSeconds(30));
    }

    protected override void AfterAll()
    {
        _link.Close("the test is over");
        _far.Dispose();
        base.AfterAll();
    }

    private static (Socket Near, Socket Far) Sockets()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var near = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        near.Connect(listener.LocalEndpoint);
        return (near, listener.AcceptSocket());
    }

    // Akka makes members itself; a test that wants one must reach for it.
    private static Member MemberAt(Address address)
    {
        var create = typeof(Member).GetMethods(BindingFlags.NonPublic | BindingFlags.Static).First(method =>
            method.Name == "Create" && method.GetParameters() is [{ } first, _, { } last] && first.ParameterType == typeof(UniqueAddress) && last.ParameterType == typeof(AppVersion));
        return (Member)create.Invoke(null, [new UniqueAddress(address, 1), System.Collections.Immutable.ImmutableHashSet<string>.Empty, AppVersion.Zero])!;
    }

    private void Arrive(long number) => _hub.Tell(new LinkMessage(Session, s_worker, number, new Hold(number)), _peer);

    private void Confirm(long number) => _hub.Tell(new LinkConfirmed(Session, s_worker, number), _peer);

    private sealed class Owner(TestProbe probe) : ILinkOwner
    {
        public void Received(Link link, IMessage message) => probe.Tell(message);

        public void Received(Link link, in TensorMessage message) => message.Lease.Release();

        public void Unreachable(Link link, ActorId peer, string reason) => probe.Tell(reason);

        public void Closed(Link link, string reason) => probe.Tell(reason);
    }
}
