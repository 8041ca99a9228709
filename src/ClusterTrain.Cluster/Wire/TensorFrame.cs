using System.Buffers.Binary;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;

namespace ClusterTrain.Cluster.Wire;

/// <summary>How the numbers of a tensor are written.</summary>
internal enum TensorEncoding : byte
{
    /// <summary>As floats.</summary>
    Float32,

    /// <summary>As the upper halves of floats whose lower halves are 0.</summary>
    BFloat16,
}

/// <summary>The fixed bytes of a tensor frame before its floats.</summary>
internal static class TensorFrame
{
    /// <summary>Writes the frame header and the key, before the floats, or their upper halves.</summary>
    public static void Write(Span<byte> bytes, in TensorMessage message, TensorEncoding encoding)
    {
        var size = encoding == TensorEncoding.BFloat16 ? sizeof(ushort) : sizeof(float);
        Write(bytes, message, FrameKind.Tensor, checked(Protocol.TensorKeyBytes + (message.Length * size)));
        bytes[Protocol.FrameHeaderBytes + 1] = (byte)encoding;
    }

    /// <summary>Writes a whole frame that names a tensor in memory which the receiver has mapped.</summary>
    public static void WriteNamed(Span<byte> bytes, in TensorMessage message, long offset)
    {
        Write(bytes, message, FrameKind.NamedTensor, Protocol.TensorKeyBytes + Protocol.TensorOffsetBytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[(Protocol.FrameHeaderBytes + Protocol.TensorKeyBytes)..], offset);
    }

    private static void Write(Span<byte> bytes, in TensorMessage message, FrameKind frame, int length)
    {
        var key = message.Key;
        bytes[0] = (byte)frame;
        bytes[1..4].Clear();
        BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], length);
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

    /// <summary>Reads the key, checks it, and says how many floats follow, and how they are written.</summary>
    /// <param name="bytes">The key's bytes.</param>
    /// <param name="contentBytes">Bytes after the key; -1: the tensor is named, not sent.</param>
    /// <param name="mostFloats">Floats of the largest tensor there is.</param>
    /// <param name="packsGradients">True: gradient sums may come as bfloat16.</param>
    public static (TensorKey Key, double Loss, int Floats, TensorEncoding Encoding) Read(
        ReadOnlySpan<byte> bytes, long contentBytes, long mostFloats, bool packsGradients)
    {
        var kind = (TensorKind)bytes[0];
        var segment = BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]);
        var node = new TreeNode(BinaryPrimitives.ReadInt32LittleEndian(bytes[24..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[28..]));
        var floats = BinaryPrimitives.ReadInt32LittleEndian(bytes[40..]);
        var encoding = (TensorEncoding)bytes[1];
        if (encoding != TensorEncoding.Float32
            && !(encoding == TensorEncoding.BFloat16 && packsGradients && kind == TensorKind.GradientSum && contentBytes >= 0))
        {
            throw new LinkException(RefusalKind.Garbage, $"sent a tensor of kind {(byte)kind} in encoding {(byte)encoding}, which it may not have");
        }

        var size = encoding == TensorEncoding.BFloat16 ? sizeof(ushort) : sizeof(float);
        if (floats < 1 || floats > mostFloats || (contentBytes >= 0 && contentBytes != (long)floats * size))
        {
            throw new LinkException(
                RefusalKind.Limit, $"sent a tensor of {floats} numbers in {contentBytes} bytes; this model has tensors of at most {mostFloats}");
        }

        if (kind > TensorKind.OptimiserState || segment < 0 || node.Start < 0 || node.Count < 0)
        {
            throw new LinkException(RefusalKind.Garbage, $"sent a tensor with an invalid key: kind {(byte)kind}, segment {segment}, {node}");
        }

        var term = BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]);
        var step = BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]);
        return (new TensorKey(kind, term, step, segment, node), BinaryPrimitives.ReadDoubleLittleEndian(bytes[32..]), floats, encoding);
    }
}
