using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Sharing;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Cluster.Tests;

/// <summary>Nodes of one machine read each other's tensors where they lie, over links of real sockets.</summary>
public sealed class SharedMemoryTests : IDisposable
{
    private const int Floats = 2 * OwnMemory.LeastFloats;

    private readonly Node _owner = new("worker-1/aa", PeerRole.Worker);
    private readonly Node _reader = new("server-1/bb", PeerRole.ParameterServer);

    public void Dispose()
    {
        _owner.Dispose();
        _reader.Dispose();
    }

    [LinuxFact]
    public void A_tensor_is_read_where_it_lies_and_the_owner_gets_it_back()
    {
        using var links = Connect();
        var sent = Send(links, Floats);
        var received = _reader.Tensors.Take();

        Assert.True(received.Lease.IsReadOnly);
        Assert.Equal(7, received.Values[Floats - 1]);
        sent.Span[0] = 42;
        Assert.Equal(42, received.Values[0]);
        Assert.Equal(1, _owner.Pool.Lent);
        Assert.Equal(0, _reader.Pool.Lent);

        received.Lease.Release();
        links.OfReader.Send(new Stop());
        _owner.Messages.Take();
        Assert.Equal(0, _owner.Pool.Lent);
    }

    [LinuxFact]
    public void What_is_given_back_is_told_in_time_when_nothing_else_is_sent()
    {
        using var links = Connect();
        for (var number = 0; number < 16; number++)
        {
            Send(links, Floats);
            _reader.Tensors.Take().Lease.Release();
        }

        Assert.True(SpinWait.SpinUntil(() => _owner.Pool.Lent == 0, Patience.Limit), $"{_owner.Pool.Lent} tensors are still lent");
    }

    [LinuxFact]
    public void A_short_tensor_is_sent()
    {
        using var links = Connect();
        Send(links, 100);
        var received = _reader.Tensors.Take();
        Assert.False(received.Lease.IsReadOnly);
        Assert.Equal(7, received.Values[99]);
        received.Lease.Release();
    }

    [Theory]
    [InlineData(1f, true)]
    [InlineData(float.NaN, true)]
    [InlineData(1.1f, false)]
    public void Sums_that_are_rounded_are_sent_in_half_the_bytes_and_others_of_such_a_run_as_they_are(float last, bool isRounded)
    {
        const int Odd = 100_001;
        using var owner = new Node("worker-3/cc", PeerRole.Worker, shares: false) { Packs = true };
        using var reader = new Node("server-3/dd", PeerRole.ParameterServer, shares: false) { Packs = true };
        using var links = new LinkPair(owner, reader);
        foreach (var kind in new[] { TensorKind.GradientSum, TensorKind.Weights, TensorKind.GradientSum })
        {
            var lease = owner.Pool.Rent(Odd);
            lease.Span.Fill(-3);
            lease.Span[^1] = last;
            Assert.Equal(isRounded, BFloat16.TryPack(lease.Span, new ushort[Odd]));
            links.OfOwner.Send(new TensorMessage(new TensorKey(kind, 1, 1, 0), lease, 0, Odd, 0.5));
            var received = reader.Tensors.Take();
            Assert.Equal((kind, 0.5), (received.Key.Kind, received.Loss));
            Assert.Equal([-3, last], new[] { received.Values[Odd - 2], received.Values[Odd - 1] });
            received.Lease.Release();
        }
    }

    [LinuxFact]
    public void A_node_that_shares_no_memory_is_sent_its_tensors()
    {
        using var alone = new Node("server-2/cc", PeerRole.ParameterServer, shares: false);
        using var links = new LinkPair(_owner, alone);
        links.OfReader.Send(new Stop());
        _owner.Messages.Take();
        Send(links, Floats);
        var received = alone.Tensors.Take();
        Assert.False(received.Lease.IsReadOnly);
        received.Lease.Release();
    }

    [LinuxTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_tensor_that_is_held_when_the_link_breaks_is_not_written_again_until_the_reader_gives_it_back(bool whileThereIsNoLink)
    {
        TensorMessage held;
        using (var links = Connect())
        {
            Send(links, Floats);
            held = _reader.Tensors.Take();
        }

        Assert.Equal(1, _owner.Pool.Lent);
        if (whileThereIsNoLink)
        {
            held.Lease.Release();
        }

        using var again = Connect();
        if (!whileThereIsNoLink)
        {
            Assert.Equal(1, _owner.Pool.Lent);
            held.Lease.Release();
            again.OfReader.Send(new Stop());
            _owner.Messages.Take();
        }

        Assert.Equal(0, _owner.Pool.Lent);
    }

    [LinuxFact]
    public void What_was_named_and_never_read_before_the_link_broke_is_free_once_there_is_another()
    {
        using (var links = Connect())
        {
            _reader.Goes.Reset();
            links.OfOwner.Send(new Stop());
            _reader.Messages.Take();
            Send(links, Floats);
            links.OfReader.Close("the test breaks it");
            _reader.Goes.Set();
        }

        Assert.Equal(1, _owner.Pool.Lent);
        Assert.Empty(_reader.Tensors);
        using var again = Connect();
        Assert.Equal(0, _owner.Pool.Lent);
    }

    [LinuxFact]
    public void What_a_process_held_is_free_when_the_process_has_been_killed()
    {
        using var process = Process.Start("sleep", "600");
        using var memory = OwnMemory.Create()!;
        var pool = new TensorPool(memory.Allocate);
        var reader = memory.Opened(Seen(memory, process))!;
        var lease = pool.Rent(Floats);
        reader.Lend(memory.OffsetOf(lease.Span), lease);
        memory.Closed(reader);
        Assert.Equal(1, pool.Lent);

        process.Kill();
        process.WaitForExit();
        memory.Allocate(Floats);
        Assert.Equal(0, pool.Lent);
    }

    [LinuxFact]
    public void A_peer_that_saw_other_memory_is_sent_its_tensors()
    {
        using var memory = OwnMemory.Create()!;
        using var other = OwnMemory.Create()!;
        Assert.Null(memory.Opened(Seen(other, Process.GetCurrentProcess())));
        Assert.Throws<LinkException>(() => memory.Opened(new SharedMemorySeen("no token", "", 1, 1, [])));
    }

    [LinuxFact]
    public void Memory_is_mapped_for_reading_alone_and_nothing_but_such_memory_is_opened()
    {
        Assert.NotNull(ForeignMemory.Open(_owner.Memory!.Own.Offer));
        Assert.Contains(File.ReadLines("/proc/self/maps"), line =>
            line.Contains(" r--s ", StringComparison.Ordinal) && line.Contains("memfd:clustertrain", StringComparison.Ordinal));

        using var file = File.OpenHandle(typeof(SharedMemoryTests).Assembly.Location);
        Assert.Null(ForeignMemory.Open(new SharedMemory(Environment.ProcessId, (int)file.DangerousGetHandle())));
        Assert.Null(ForeignMemory.Open(new SharedMemory(Environment.ProcessId, 0)));
        Assert.Null(ForeignMemory.Open(new SharedMemory(Environment.ProcessId, 1_000_000)));
        Assert.Null(ForeignMemory.Open(new SharedMemory(-1, -1)));
    }

    [LinuxTheory]
    [InlineData(-4)]
    [InlineData(2)]
    [InlineData((16L << 30) - 4)]
    [InlineData(long.MaxValue - 3)]
    public void A_tensor_outside_the_memory_is_refused(long offset)
    {
        using var sharing = new Sharing(_reader.Memory!);
        sharing.Of.Offered(_owner.Memory!.Own.Offer);
        Assert.Throws<LinkException>(() => sharing.Of.Take(offset, Floats));
    }

    [LinuxFact]
    public void A_tensor_named_before_memory_was_shared_and_one_given_back_that_was_not_lent_are_refused()
    {
        using var sharing = new Sharing(_reader.Memory!);
        Assert.Throws<LinkException>(() => sharing.Of.Take(4096, Floats));
        Assert.Throws<LinkException>(() => sharing.Of.GivenBack(new byte[8]));
        sharing.Of.Seen(Seen(_reader.Memory!.Own, Process.GetCurrentProcess()));
        Assert.Throws<LinkException>(() => sharing.Of.GivenBack(new byte[8]));
    }

    private static SharedMemorySeen Seen(OwnMemory memory, Process process)
    {
        var stat = File.ReadAllText($"/proc/{process.Id}/stat");
        var started = long.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[19], System.Globalization.CultureInfo.InvariantCulture);
        return new SharedMemorySeen(ForeignMemory.Open(memory.Offer)!.Token, "reader", process.Id, started, []);
    }

    /// <summary>Connects the two nodes and waits until each knows that the other sees its memory.</summary>
    private LinkPair Connect()
    {
        var links = new LinkPair(_owner, _reader);
        for (var exchange = 0; exchange < 2; exchange++)
        {
            links.OfReader.Send(new Stop());
            _owner.Messages.Take();
            links.OfOwner.Send(new Stop());
            _reader.Messages.Take();
        }

        return links;
    }

    private TensorLease Send(LinkPair links, int floats)
    {
        var lease = _owner.Pool.Rent(floats);
        lease.Span.Fill(7);
        links.OfOwner.Send(new TensorMessage(new TensorKey(TensorKind.GradientSum, 1, 1, 0), lease, 0, floats, 0));
        return lease;
    }

    private sealed class Sharing(NodeMemory memory) : IDisposable
    {
        public LinkSharing Of { get; } = new(memory, new ActorId("a"), new ActorId("b"), () => { });

        public void Dispose() => Of.Close();
    }

    /// <summary>What one process has: memory, a pool, and what arrived.</summary>
    private sealed class Node(string id, PeerRole role, bool shares = true) : ILinkOwner, IDisposable
    {
        public NodeMemory? Memory { get; } = shares ? new NodeMemory(OwnMemory.Create()!) : null;

        /// <summary>True: gradient sums are rounded.</summary>
        public bool Packs { get; init; }

        public TensorPool Pool => field ??= Memory is null ? new TensorPool() : new TensorPool(Memory.Own.Allocate);

        public BlockingCollection<TensorMessage> Tensors { get; } = [];

        public BlockingCollection<IMessage> Messages { get; } = [];

        public Hello Hello { get; } = new(Lane.Messages, false, role, new ActorId(id), new ActorId(""), "", "", 1, "");

        public Link Link(Socket socket, Node peer) =>
            new(
                new Connection(socket), Hello.From, peer.Hello,
                new LinkResources(new LinkLimits(), Pool, 1 << 20, 1 << 20, Memory) { PacksGradients = Packs }, this);

        /// <summary>Reset: the node does not come to the end of a message.</summary>
        public ManualResetEventSlim Goes { get; } = new(true);

        public void Received(Link link, IMessage message)
        {
            Messages.Add(message);
            Goes.Wait();
        }

        public void Received(Link link, in TensorMessage message) => Tensors.Add(message);

        public void Unreachable(Link link, ActorId peer, string reason)
        {
            // No test has one that is.
        }

        public void Closed(Link link, string reason)
        {
            // The tests close links themselves.
        }

        public void Dispose()
        {
            Memory?.Dispose();
            Goes.Dispose();
        }
    }

    private sealed class LinkPair : IDisposable
    {
        private readonly Thread[] _threads;

        public LinkPair(Node owner, Node reader)
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            var near = new Socket(SocketType.Stream, ProtocolType.Tcp);
            near.Connect(listener.LocalEndpoint);
            (OfOwner, OfReader) = (owner.Link(near, reader), reader.Link(listener.AcceptSocket(), owner));
            _threads = [new Thread(OfOwner.Run), new Thread(OfReader.Run)];
            foreach (var thread in _threads)
            {
                thread.Start();
            }
        }

        public Link OfOwner { get; }

        public Link OfReader { get; }

        public void Dispose()
        {
            OfOwner.Close("the test ends");
            OfReader.Close("the test ends");
            foreach (var thread in _threads)
            {
                thread.Join();
            }
        }
    }

    private sealed class LinuxFactAttribute : FactAttribute
    {
        public LinuxFactAttribute() => Skip = OperatingSystem.IsLinux() ? null : "memory is shared on Linux alone";
    }

    private sealed class LinuxTheoryAttribute : TheoryAttribute
    {
        public LinuxTheoryAttribute() => Skip = OperatingSystem.IsLinux() ? null : "memory is shared on Linux alone";
    }
}
