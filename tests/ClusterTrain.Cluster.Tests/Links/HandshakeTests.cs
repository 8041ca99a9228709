using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using ClusterTrain.Cluster.Data;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Nodes;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Runs;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Cluster.Tests;

/// <summary>Who is let in, who is turned away, and that the run does not notice those who are.</summary>
[Collection(ClusterGroup.Name)]
public sealed class HandshakeTests
{
    private static readonly string s_recipe = TestRuns.RecipeOf(TestRuns.Plain).Fingerprint();

    public static TheoryData<string, string> Strangers => new()
    {
        { "another secret", "has another cluster secret" },
        { "no secret", "has no cluster secret" },
        { "another run", "takes part in another run" },
        { "other data", "has other data" },
        { "another receiver", "asks for worker-9/1" },
        { "another coordinator", "is another coordinator" },
    };

    [Theory]
    [MemberData(nameof(Strangers))]
    public async Task A_stranger_is_refused_and_both_sides_name_the_cause(string stranger, string cause)
    {
        using var cluster = new TestCluster(TestRuns.Plain);
        cluster.StartLeading();
        var hello = Member(cluster);
        var security = TestCluster.Secret;
        switch (stranger)
        {
            case "another secret":
                security = new LinkSecurity { Secret = LinkSecurity.SecretOf("another secret of tests", "test") };
                break;
            case "no secret":
                (security, hello) = (LinkSecurity.None, hello with { HasSecret = false });
                break;
            case "another run":
                hello = hello with { Recipe = new string('0', 64) };
                break;
            case "other data":
                hello = hello with { Data = new string('0', 64) };
                break;
            case "another receiver":
                hello = hello with { To = new ActorId("worker-9/1") };
                break;
            case "another coordinator":
                hello = hello with { Role = PeerRole.Coordinator };
                break;
        }

        using var connection = Connect(cluster.Endpoint);
        var error = Assert.Throws<LinkException>(() => Handshake.Dial(connection, hello, security, new LinkLimits()));

        if (stranger != "no secret")
        {
            Assert.Contains(cause, error.Message, StringComparison.Ordinal);
        }

        var warning = Warning(cluster, cause);
        Assert.Contains("refused 127.0.0.1:", warning, StringComparison.Ordinal);
        await TrainsOnAsync(cluster);
    }

    [Fact]
    public async Task A_member_that_saw_a_higher_term_ends_a_coordinator_that_was_replaced()
    {
        using var cluster = new TestCluster(TestRuns.Plain);
        cluster.StartLeading();
        using var connection = Connect(cluster.Endpoint);

        var error = Assert.ThrowsAny<Exception>(
            () => Handshake.Dial(connection, Member(cluster) with { Term = 7 }, TestCluster.Secret, new LinkLimits()));

        // The coordinator ends at once, perhaps before its refusal is on the wire.
        Assert.True(error is LinkException { Kind: RefusalKind.Term } or IOException, error.ToString());
        var outcome = Assert.IsType<RunFailed>(Assert.IsType<NodeLed>(await cluster.Outcome.WaitAsync(Patience.Limit)).Outcome);
        Assert.Contains("another coordinator leads this run", outcome.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_of_another_version_is_told_which_version_this_one_speaks()
    {
        using var cluster = new TestCluster(TestRuns.Plain);
        cluster.StartLeading();
        using var connection = Connect(cluster.Endpoint);
        var hello = Member(cluster).Write(new byte[Protocol.NonceBytes]);
        hello[4] = 99;

        connection.Write(hello);

        var answer = new byte[Protocol.HelloHeaderBytes];
        connection.Read(answer);
        Assert.Equal([.. "CTRN"u8, Protocol.Version, 0, 0, 0], answer);
        Warning(cluster, $"speaks protocol version 99, this node speaks {Protocol.Version}");
    }

    [Fact]
    public void A_proof_does_not_count_on_another_connection_or_in_the_other_direction()
    {
        using var cluster = new TestCluster(TestRuns.Plain);
        cluster.StartLeading();
        var own = Member(cluster).Write(RandomNumberGenerator.GetBytes(Protocol.NonceBytes));

        byte[] Exchange(Connection connection)
        {
            connection.Write(own);
            var header = new byte[Protocol.HelloHeaderBytes];
            connection.Read(header);
            var rest = new byte[header[6] | (header[7] << 8)];
            connection.Read(rest);
            return [.. header, .. rest];
        }

        // The first connection proves itself honestly; its proof, and the acceptor's for the same hellos, are then tried on others.
        using var first = Connect(cluster.Endpoint);
        var theirs = Exchange(first);
        var honest = Proof.OfDialler(TestCluster.Secret.Secret, own, theirs);
        foreach (var replayed in new Func<byte[], byte[]>[] { _ => honest, hello => Proof.OfAcceptor(TestCluster.Secret.Secret, own, hello), hello =>
            Proof.OfDialler(TestCluster.Secret.Secret, hello, own) })
        {
            using var second = Connect(cluster.Endpoint);
            var hello = Exchange(second);
            second.WriteFrame(FrameKind.Proof, replayed(hello));
            Assert.Equal(FrameKind.Refusal, second.ReadHeader().Kind);
        }

        first.WriteFrame(FrameKind.Proof, honest);
        Assert.Equal(FrameKind.Proof, first.ReadHeader().Kind);
    }

    [Fact]
    public async Task A_coordinator_that_sends_the_members_own_hello_and_proof_back_is_not_believed()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var mirror = Task.Run(() =>
        {
            using var socket = listener.AcceptSocket();
            var buffer = new byte[4096];
            for (var count = socket.Receive(buffer); count > 0; count = socket.Receive(buffer))
            {
                socket.Send(buffer, count, SocketFlags.None);
            }
        });
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using (var connection = Connect(new NodeEndpoint("127.0.0.1", port)))
        {
            var hello = new Hello(Lane.Messages, true, PeerRole.Worker, new("w/1"), MemberIds.Coordinator, "", "", 0, Receipt.Build);
            var error = Assert.Throws<LinkException>(() => Handshake.Dial(connection, hello, TestCluster.Secret, new LinkLimits()));
            Assert.Equal(RefusalKind.Secret, error.Kind);
        }

        await mirror.WaitAsync(Patience.Limit);
    }

    public static TheoryData<string, byte[], string> Garbage => new()
    {
        { "a web browser", Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "does not speak this protocol" },
        { "random bytes", [.. Enumerable.Range(0, 5000).Select(i => (byte)((i * 167) + 13))], "does not speak this protocol" },
        { "a hello that is too long", [.. "CTRN"u8, Protocol.Version, 0, 0xFF, 0xFF], "at most 2048 are allowed" },
        { "a hello of an unknown lane", [.. "CTRN"u8, Protocol.Version, 0, 46, 0, .. new byte[32], 0x92, 64, 0x99, 77, 0xc2, 1, 0xa1, 97, 0xa1, 98,
            0xa0, 0xa0, 0, 0xa0], "unknown Lane 77" },
        { "a hello that ends in the middle", [.. "CTRN"u8, Protocol.Version, 0, 36, 0, .. new byte[32], 0x92, 64, 0x98, 1], "cannot be read" },
    };

    [Theory]
    [MemberData(nameof(Garbage))]
    public async Task Garbage_is_refused_and_the_run_continues(string name, byte[] bytes, string cause)
    {
        using var cluster = new TestCluster(TestRuns.Plain);
        cluster.StartLeading();
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPAddress.Loopback, cluster.Endpoint.Port);

        socket.Send(bytes);

        Assert.True(Warning(cluster, cause).Length > 0, name);
        Assert.True(IsClosed(socket), $"{name}: the connection was not closed");
        await TrainsOnAsync(cluster);
    }

    public static TheoryData<string, byte[], string> BadFrames => new()
    {
        { "an unknown kind", [77, 0, 0, 0, 0, 0, 0, 0], "frame of kind 77" },
        { "no frame at all", [3, 1, 2, 3, 4, 5, 6, 7], "bytes that are not a frame" },
        { "a message that is too long", [3, 0, 0, 0, 0, 0, 0, 64], "at most 1048576 are allowed" },
        { "an unknown message", [3, 0, 0, 0, 3, 0, 0, 0, 0x92, 99, 0x90], "unknown message type 99" },
        { "a message that is cut off", [3, 0, 0, 0, 4, 0, 0, 0, 0x92, 9, 0x92, 1], "cannot be read" },
        { "a message for another ear", [3, 0, 0, 0, 3, 0, 0, 0, 0x92, 83, 0x90], "does not belong on a link" },
        { "a tensor larger than the model", [4, 0, 0, 0, 48, 0, 0, 0x10, .. new byte[40], 0, 0, 0, 4, 0, 0, 0, 0],
            "this model has tensors of at most" },
    };

    [Theory]
    [MemberData(nameof(BadFrames))]
    public async Task A_member_that_sends_broken_frames_is_given_up_and_the_run_continues(string name, byte[] frame, string cause)
    {
        using var cluster = new TestCluster(TestRuns.Plain);
        cluster.StartLeading();
        using var connection = Connect(cluster.Endpoint);
        Handshake.Dial(connection, Member(cluster), TestCluster.Secret, new LinkLimits());
        connection.WriteFrame(FrameKind.Message, MessageCodec.Bytes(new Join(NodeRole.Worker, [])));
        cluster.Events.WaitFor<MembershipChanged>("the member joins", change => change.What == "joined");

        connection.Write(frame);

        cluster.Events.WaitFor<MembershipChanged>($"the coordinator gives it up for {name}", change =>
            change.What.Contains(cause, StringComparison.Ordinal));
        await TrainsOnAsync(cluster);
    }

    [Fact]
    public void A_connection_that_says_nothing_or_is_slow_is_closed_in_time()
    {
        using var cluster = new TestCluster(TestRuns.Plain) { Limits = new LinkLimits { HandshakeTime = TimeSpan.FromMilliseconds(300) } };
        cluster.StartLeading();
        using var silent = new Socket(SocketType.Stream, ProtocolType.Tcp);
        silent.Connect(IPAddress.Loopback, cluster.Endpoint.Port);
        using var slow = new Socket(SocketType.Stream, ProtocolType.Tcp);
        slow.Connect(IPAddress.Loopback, cluster.Endpoint.Port);
        slow.Send("CTRN"u8[..2]);

        Warning(cluster, "did not authenticate within 0.3 s");
        Assert.True(IsClosed(silent), "the silent connection was not closed");
        Assert.True(IsClosed(slow), "the slow connection was not closed");
    }

    [Fact]
    public async Task Idle_connections_by_the_thousand_cost_little_and_the_run_continues()
    {
        using var cluster = new TestCluster(TestRuns.Plain);
        cluster.StartLeading();
        cluster.StartServer();
        cluster.Events.WaitFor<MembershipChanged>("the server joins", _ => true);
        var idle = new ConcurrentBag<Socket>();
        try
        {
            var handles = Handles();
            for (var count = OpenFiles.AtMost(2000); count > 0; count--)
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                idle.Add(socket);
                socket.Connect(IPAddress.Loopback, cluster.Endpoint.Port);
            }

            // This process holds the far ends too; what the node itself holds is bounded by the connections that may be pending.
            cluster.Events.WaitFor<RunWarning>("the oldest make room", warning =>
                warning.Message.Contains("newer connections waited", StringComparison.Ordinal));
            if (OperatingSystem.IsLinux())
            {
                Assert.InRange(Handles() - handles - idle.Count, -64, 512);
            }

            cluster.StartWorker();
            await cluster.EndsLikeAloneAsync();
        }
        finally
        {
            foreach (var socket in idle)
            {
                socket.Dispose();
            }
        }
    }

    [Fact]
    public void Without_a_secret_a_node_listens_on_loopback_only()
    {
        var error = Assert.Throws<ClusterException>(() =>
        {
            using var listener = new LinkListener(new NodeEndpoint("0.0.0.0", 0), LinkSecurity.None, new LinkLimits(), TimeProvider.System);
        });

        Assert.Contains("without a cluster secret", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_listener_may_be_closed_while_it_starts()
    {
        using var cluster = new TestCluster(TestRuns.Plain);
        cluster.StartLeading();
        for (var round = 0; round < 2000; round++)
        {
            using var listener = new LinkListener(new NodeEndpoint("127.0.0.1", 0), LinkSecurity.None, new LinkLimits(), TimeProvider.System);
            var start = Task.Run(() => listener.Start(cluster.Coordinator));
            Thread.SpinWait(round);

            listener.Dispose();

            await start;
        }
    }

    [Fact]
    public async Task A_node_without_secrets_trains_on_loopback()
    {
        using var cluster = new TestCluster(TestRuns.Plain) { Security = LinkSecurity.None };
        cluster.StartLeading();
        await TrainsOnAsync(cluster);
    }

    [Fact]
    public async Task A_member_with_another_secret_ends_with_the_reason()
    {
        using var cluster = new TestCluster(TestRuns.Plain);
        cluster.StartLeading();
        cluster.StartWorker("stranger", options =>
            options with { Security = new LinkSecurity { Secret = LinkSecurity.SecretOf("another secret of tests", "test") } });

        var outcome = Assert.IsType<NodeFailed>(await cluster.MemberOutcomes[0].WaitAsync(Patience.Limit));

        Assert.Contains("cluster secret", outcome.Reason, StringComparison.Ordinal);
    }

    private static Hello Member(TestCluster cluster)
    {
        Assert.NotNull(cluster.Coordinator);
        return new Hello(
            Lane.Messages, true, PeerRole.Worker, new ActorId("stranger/1"), MemberIds.Coordinator, s_recipe, TestRuns.Data.Fingerprint, 1,
            Receipt.Build);
    }

    private static Connection Connect(NodeEndpoint endpoint) =>
        Connection.Dial(endpoint, Patience.Limit, TimeProvider.System, CancellationToken.None);

    private static string Warning(TestCluster cluster, string cause) =>
        cluster.Events.WaitFor<RunWarning>($"a warning with '{cause}'", warning => warning.Message.Contains(cause, StringComparison.Ordinal)).Message;

    private static bool IsClosed(Socket socket)
    {
        socket.ReceiveTimeout = (int)Patience.Limit.TotalMilliseconds;
        try
        {
            while (socket.Receive(new byte[4096]) > 0)
            {
                // A refusal comes first.
            }

            return true;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode == SocketError.ConnectionReset;
        }
    }

    private static int Handles() => OperatingSystem.IsLinux() ? Directory.GetFiles("/proc/self/fd").Length : 0;

    private static async Task TrainsOnAsync(TestCluster cluster)
    {
        cluster.StartServer();
        cluster.StartWorker();
        await cluster.EndsLikeAloneAsync();
    }
}
