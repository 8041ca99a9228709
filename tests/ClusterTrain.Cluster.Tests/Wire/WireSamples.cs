using System.Runtime.InteropServices;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Cluster.Tests;

/// <summary>One sample of everything that crosses a link.</summary>
internal static class WireSamples
{
    private static readonly ClusterInfo s_cluster = new("akka.tcp://clustertrain@10.0.0.5:40001#77", ["10.0.0.5:40001"], "10.0.0.5:7070");

    public static readonly object[] Messages =
    [
        new Join(NodeRole.ParameterServer, [new SegmentPosition(1, 2, 1048577, 300, 299, 250)]),
        new Leave(),
        new MemberFailed(new ActorId("worker-2/7f31c0"), "out of memory"),
        new StepReport(1048577, 0, 1234, 0.5, TimeSpan.FromMilliseconds(4500)),
        new Held(1048577, 1, 1235),
        new ComputeReport(4096, TimeSpan.FromMilliseconds(125), TimeSpan.FromMilliseconds(1000), 32, 65536),
        new NotFinite(1048577, 77, "the loss (NaN)"),
        new Serve(1048577, 1, 2, 300, 1000, 100),
        new Subscribe(1048577, 1),
        new Advance(1048577, 5000, 4000),
        new Hold(1048577),
        new SnapshotAt(1048577, 1236),
        new NormPart(1048577, 1234, 1, [0.25, 1.5]),
        new Topology(1048577, [new ActorId("ps-1/ab12@10.0.0.5:7071")]),
        new Assignment(1048577, 3, [new ActorId("worker-1/aa"), new ActorId("worker-2/bb")]),
        new Stop(),
        new LateShare(1048577, 1234, new TreeNode(4, 3), new ActorId("worker-1/aa"), new ActorId("worker-2/bb")),
        new Recompute(1048577, 1234, new TreeNode(4, 3), new ActorId("worker-2/bb"), DigestOnly: true),
        new Answer(1048577, 1234, 1, new TreeNode(4, 2), new ActorId("worker-2/bb"), "0123abcd", 0.75),
        new Exclude("a wrong sum"),
        new Settled(1048577, 1234, new TreeNode(4, 3), new ActorId("worker-1/aa")),
        new Rest(1048578),
        new Holding(1048578, [new SegmentPosition(1, 2, 1048577, 300, 299, 250)]),
        new Spares(1048577, 1, [new ActorId("ps-3/cd34@10.0.0.7:7071")]),
        new Copy(1048577, new SegmentPosition(1, 2, 1048577, 300, 299, 250), 1000, 100),
        new Copied(1048577, 1, 301),
        new WantsToLeave(),
        new StepTimes(
            1048577, 0, 1234, 100, TimeSpan.FromMilliseconds(800), TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(25),
                TimeSpan.FromMilliseconds(10), 0.5),
        new AuditShares(1048577, 0.01),
        new AuditBegan(1048577, 1234, 3),
        new SumDigest(1048577, 1234, 1, new TreeNode(4, 2), "0123abcd", 0.75),
        new Hello(
            Lane.Messages, true, PeerRole.Worker, new ActorId("worker-2/7f31c0"), MemberIds.Coordinator, "recipe", "data", 1, "0123456789abcdef"),
        new Welcome("name: digits\n", 1294, 64, 10, "data", TimeSpan.FromSeconds(2), [new ActorId("ps-1/ab12@10.0.0.5:7071")], s_cluster),
        new Unreachable(new ActorId("ps-1/ab12@10.0.0.5:7071"), "no answer"),
        s_cluster,
        new SharedMemory(4711, 187),
        new SharedMemorySeen("0123abcd", "89ef", 4712, 123456, [4096, 8192]),
        new Register("worker-2", [new ActorId("worker-2/bb")]),
        new Registered("10.0.0.5:7070", 3),
        new RunNotice("{\"event\":\"checkpoint\",\"step\":300}"),
        new StatusRequest(),
        new StatusReport("{}"),
    ];

    public static Hello Hello => Messages.OfType<Hello>().Single();

    /// <summary>A frame of two floats, the gradient sums of leaves 4 to 7.</summary>
    public static byte[] Tensor(TensorEncoding encoding)
    {
        var lease = new TensorPool().Rent(2);
        (lease.Span[0], lease.Span[1]) = (1f, -2f);
        var key = new TensorKey(TensorKind.GradientSum, 1048577, 1234, 1, new TreeNode(4, 4));
        var bytes = new byte[Protocol.FrameHeaderBytes + Protocol.TensorKeyBytes];
        TensorFrame.Write(bytes, new TensorMessage(key, lease, 0, 2, 0.75), encoding);
        var packed = new ushort[2];
        Assert.True(BFloat16.TryPack(lease.Span, packed));
        return [.. bytes, .. encoding == TensorEncoding.BFloat16 ? MemoryMarshal.AsBytes<ushort>(packed) : MemoryMarshal.AsBytes(lease.Span)];
    }

    /// <summary>Every sample by name, in the order of docs/cluster.md.</summary>
    public static IEnumerable<(string Name, byte[] Bytes)> All()
    {
        yield return ("handshake", Hello.Write([.. Enumerable.Range(0, Protocol.NonceBytes).Select(i => (byte)i)]));
        foreach (var message in Messages)
        {
            yield return (message.GetType().Name, MessageCodec.Bytes(message));
        }

        yield return ("tensor", Tensor(TensorEncoding.Float32));
        yield return ("bfloat16", Tensor(TensorEncoding.BFloat16));
    }
}
