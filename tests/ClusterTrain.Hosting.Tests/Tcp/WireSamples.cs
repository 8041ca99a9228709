using ClusterTrain.Numerics;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting.Tests;

/// <summary>One sample of everything that crosses a link.</summary>
internal static class WireSamples
{
    public static readonly IMessage[] Messages =
    [
        new Join(NodeRole.ParameterServer, [new SegmentPosition(1, 2, 1048577, 300, 299, 250)]),
        new Leave(),
        new MemberFailed(new ActorId("worker-2/7f31c0"), "out of memory"),
        new StepReport(1048577, 0, 1234, 0.5, TimeSpan.FromMilliseconds(4500)),
        new Held(1048577, 1, 1235),
        new ComputeReport(4096, TimeSpan.FromMilliseconds(125)),
        new NotFinite(77, "the loss (NaN)"),
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
        new Recompute(1048577, 1234, new TreeNode(4, 3), new ActorId("worker-2/bb")),
        new Answer(1048577, 1234, 1, new TreeNode(4, 2), new ActorId("worker-2/bb"), "0123abcd", 0.75),
        new Exclude("a wrong sum"),
        new Settled(1048577, 1234, new TreeNode(4, 3), new ActorId("worker-1/aa")),
        new Rest(1048578),
        new Holding(1048578, [new SegmentPosition(1, 2, 1048577, 300, 299, 250)]),
        new Spares(1048577, 1, [new ActorId("ps-3/cd34@10.0.0.7:7071")]),
        new Copy(1048577, new SegmentPosition(1, 2, 1048577, 300, 299, 250), 1000, 100),
        new Copied(1048577, 1, 301),
        new WantsToLeave(),
    ];

    public static readonly Hello Hello = new(
        Lane.Messages, true, PeerRole.Worker, new ActorId("worker-2/7f31c0"), MemberIds.Coordinator, "recipe", "data", 1, 5);

    public static readonly Welcome Welcome = new(
        "name: digits\n", 1294, 64, 10, "data", TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(1), [new ActorId("ps-1/ab12@10.0.0.5:7071")]);

    /// <summary>A frame of two floats, the gradient sums of leaves 4 to 7.</summary>
    public static byte[] Tensor()
    {
        var lease = new TensorPool().Rent(2);
        (lease.Span[0], lease.Span[1]) = (1f, -2f);
        var key = new TensorKey(TensorKind.GradientSum, 1048577, 1234, 1, new TreeNode(4, 4));
        var bytes = new byte[Protocol.FrameHeaderBytes + Protocol.TensorKeyBytes];
        TensorFrame.Write(bytes, new TensorMessage(key, lease, 0, 2, 0.75));
        return [.. bytes, .. System.Runtime.InteropServices.MemoryMarshal.AsBytes(lease.Span)];
    }

    /// <summary>Every sample by name, in the order of docs/protocol.md.</summary>
    public static IEnumerable<(string Name, byte[] Bytes)> All()
    {
        var writer = new WireWriter();
        yield return ("hello", Hello.Write([.. Enumerable.Range(0, Protocol.NonceBytes).Select(i => (byte)i)]));
        Welcome.Write(writer);
        yield return ("welcome", writer.Written.ToArray());
        foreach (var message in Messages)
        {
            writer.Clear();
            MessageCodec.Write(writer, message);
            yield return (message.GetType().Name, writer.Written.ToArray());
        }

        yield return ("tensor", Tensor());
    }
}
