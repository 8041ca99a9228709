using System.Buffers.Binary;
using ClusterTrain.Numerics;
using ClusterTrain.Training;

namespace ClusterTrain.Cluster.Wire;

/// <summary>The fixed bytes of a tensor frame before its floats.</summary>
internal static class TensorFrame
{
    /// <summary>Writes the frame header and the key.</summary>
    public static void Write(Span<byte> bytes, in TensorMessage message)
    {
        var key = message.Key;
        bytes[0] = (byte)FrameKind.Tensor;
        bytes[1..4].Clear();
        BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], checked(Protocol.TensorKeyBytes + (message.Length * sizeof(float))));
        bytes = bytes[Protocol.FrameHeaderBytes..];
        bytes[0] = (byte)key.Kind;
        bytes[1..4].Clear();
        BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], key.Segment);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], key.Term);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[16..], key.Step);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[24..], key.Node.Start);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[28..], key.Node.Count);
        BinaryPrimitives.WriteDoubleLittleEndian(bytes[32..], message.Loss);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[40..], message.Length);
        bytes[44..48].Clear();
    }

    /// <summary>Reads the key, checks it, and says how many floats follow.</summary>
    public static (TensorKey Key, double Loss, int Floats) Read(ReadOnlySpan<byte> bytes, int length, long mostFloats)
    {
        var kind = (TensorKind)bytes[0];
        var segment = BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]);
        var node = new TreeNode(BinaryPrimitives.ReadInt32LittleEndian(bytes[24..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[28..]));
        var floats = BinaryPrimitives.ReadInt32LittleEndian(bytes[40..]);
        if (floats < 1 || floats > mostFloats || length != Protocol.TensorKeyBytes + ((long)floats * sizeof(float)))
            throw new LinkException(
                RefusalKind.Limit, $"sent a tensor of {floats} numbers in {length} bytes; this model has tensors of at most {mostFloats}");
        if (kind > TensorKind.OptimiserState || segment < 0 || node.Start < 0 || node.Count < 0)
            throw new LinkException(RefusalKind.Garbage, $"sent a tensor with an invalid key: kind {(byte)kind}, segment {segment}, {node}");

        var term = BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]);
        var step = BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]);
        return (new TensorKey(kind, term, step, segment, node), BinaryPrimitives.ReadDoubleLittleEndian(bytes[32..]), floats);
    }
}
