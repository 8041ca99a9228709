using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Akka.Actor;
using Akka.Cluster.Tools.PublishSubscribe;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Membership;
using ClusterTrain.Cluster.Nodes;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cluster.Tests;

/// <summary>
/// Attacks on Akka's port of a coordinator that leads, with and without the secret (docs/security.md): the node lives, nothing is created, and the
/// run ends with the bits of the undisturbed one.
/// </summary>
[Collection(ClusterGroup.Name)]
public sealed class HostileNodeTests
{
    private const string Singleton = $"/user/{AkkaConfiguration.CoordinatorRole}/singleton";
    private const string RunTopic = "run";
    private const long MostGrowth = 200_000_000;
    private static readonly RunSettings s_settings = new() { LeastWorkers = 1, CheckpointPeriod = TimeSpan.FromMilliseconds(500) };

    [Theory]
    [InlineData(null)]
    [InlineData("another secret of the same length")]
    public async Task A_node_without_the_secret_is_refused_whatever_it_sends(string? secret)
    {
        using var cluster = Start(out var port);
        var security = secret is null ? LinkSecurity.None : new LinkSecurity { Secret = [.. Encoding.UTF8.GetBytes(secret)] };
        using var hostile = new HostileNode(port, security);

        hostile.Join();
        hostile.Deploy();
        hostile.Send(Singleton, PoisonPill.Instance);
        hostile.Send("/system/cluster/core/daemon", new HostileNode.Gadget { Text = "sent" });

        Assert.True(hostile.Refused.Wait(Patience.Limit), "nothing was refused");
        await cluster.TrainsLikeAloneAsync();
        Assert.False(hostile.IsMember);
        Assert.Equal(0, HostileNode.Intruder.Created);
    }

    [Fact]
    public async Task A_node_with_the_secret_can_neither_stop_an_actor_nor_create_anything()
    {
        using var cluster = Start(out var port);
        using var hostile = new HostileNode(port, TestCluster.Secret);
        var singleton = hostile.Find(Singleton);
        var gadget = new HostileNode.Gadget { Text = "sent" };
        var (objects, exceptions) = (HostileNode.Gadget.Created, HostileNode.GadgetException.Created);

        for (var attack = 0; attack < 100; attack++)
        {
            foreach (object message in new object[]
            {
                PoisonPill.Instance, Kill.Instance, gadget,
                    new Status.Failure(new HostileNode.GadgetException("sent", new HostileNode.GadgetException())),
                new Publish(RunTopic, gadget), "text", 17, new byte[60_000],
            })
            {
                singleton.Tell(message);
                hostile.Send(Singleton, message);
                hostile.Send("/user/coordinator", message);
                hostile.Send("/user", message);
                hostile.Send("/system", message);
                hostile.Send("/system/cluster/core/daemon", message);
                hostile.Send("/system/distributedPubSubMediator", message);
            }
        }

        // Its own Akka cuts the connection after a deployment that nobody acknowledges.
        hostile.Deploy();
        using var other = new HostileNode(port, TestCluster.Secret);
        Assert.Equal(singleton, other.Find(Singleton));
        await cluster.TrainsLikeAloneAsync();
        Assert.Equal(0, HostileNode.Intruder.Created);
        Assert.Equal(objects, HostileNode.Gadget.Created);

        // The attacker itself creates an inner and an outer one each time.
        Assert.Equal(exceptions + 100, HostileNode.GadgetException.Created);
    }

    [Fact]
    public async Task Akkas_port_outlives_requests_of_other_protocols_and_a_thousand_idle_connections()
    {
        using var cluster = Start(out var port);
        var before = Environment.WorkingSet;
        var idle = Enumerable.Range(0, OpenFiles.AtMost(1000)).Select(_ => HostileNode.Connect(port)).ToList();
        try
        {
            foreach (var bytes in new[]
            {
                Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: coordinator\r\n\r\n"), RandomNumberGenerator.GetBytes(10_000),
                    [0x16, 0x03, 0x01, 0x40, 0x00],
                [0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00], [.. "CTRN"u8], new byte[100_000],
            })
            {
                for (var count = 0; count < 20; count++)
                {
                    using var socket = HostileNode.Connect(port);
                    socket.Send(bytes);
                }
            }

            // Whoever says nothing is closed in time, and nobody else waits for it.
            foreach (var socket in idle)
            {
                Assert.True(IsClosedByPeer(socket), "an idle connection stays open");
            }

            Assert.InRange(Environment.WorkingSet - before, long.MinValue, MostGrowth);
        }
        finally
        {
            idle.ForEach(socket => socket.Dispose());
        }

        var eventsBefore = cluster.MemberEvents.Count;
        cluster.StartWorker("late");
        cluster.MemberEvents.WaitFor<NodeRegistered>("a node still joins", _ => true, eventsBefore);
        await cluster.TrainsLikeAloneAsync();
    }

    /// <summary>Starts a cluster whose coordinator's Akka port is known, and waits until it trains and can be joined.</summary>
    private static TestCluster Start(out int port)
    {
        var cluster = new TestCluster(TestRuns.Endless(TestRuns.Plain)) { Run = s_settings };
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            port = ((IPEndPoint)free.LocalEndpoint).Port;
        }

        var chosen = port;
        cluster.StartCoordinator(options => options with { ClusterPort = chosen });
        cluster.StartServer();
        cluster.StartWorker();
        cluster.MemberEvents.WaitFor<NodeRegistered>("a node registered", _ => true);
        return cluster;
    }

    private static bool IsClosedByPeer(Socket socket)
    {
        try
        {
            var bytes = new byte[256];
            while (socket.Receive(bytes) > 0)
            {
                // What it says before it closes does not matter here.
            }

            return true;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode == SocketError.ConnectionReset;
        }
    }
}
