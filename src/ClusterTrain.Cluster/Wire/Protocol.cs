namespace ClusterTrain.Cluster.Wire;

/// <summary>Numbers of the wire format; docs/cluster.md describes it.</summary>
internal static class Protocol
{
    /// <summary>Grows with every change of the wire format, on links and over Akka; only equal versions talk.</summary>
    public const int Version = 7;

    /// <summary>Bytes before each frame: its kind, three zeros, the length of the rest.</summary>
    public const int FrameHeaderBytes = 8;

    /// <summary>Bytes of a hello before its fields: the magic, the version, the length of the rest. They never change.</summary>
    public const int HelloHeaderBytes = 8;

    /// <summary>Bytes of a tensor frame before its floats.</summary>
    public const int TensorKeyBytes = 48;

    /// <summary>Bytes that follow the key of a tensor which is named.</summary>
    public const int TensorOffsetBytes = 8;

    /// <summary>Bytes of a nonce, and of a proof.</summary>
    public const int NonceBytes = 32;

    /// <summary>The first bytes of every hello.</summary>
    public static ReadOnlySpan<byte> Magic => "CTRN"u8;
}

/// <summary>What a frame holds.</summary>
internal enum FrameKind : byte
{
    /// <summary>The proof that its sender has the secret.</summary>
    Proof = 1,

    /// <summary>Why the sender closes the connection.</summary>
    Refusal = 2,

    /// <summary>A message, see <see cref="MessageCodec"/>.</summary>
    Message = 3,

    /// <summary>A tensor.</summary>
    Tensor = 4,

    /// <summary>The number of bytes of a data transfer that follow.</summary>
    DataLength = 5,

    /// <summary>A piece of a data transfer.</summary>
    Data = 6,

    /// <summary>A tensor in memory of the sender's that the receiver has mapped: where it lies.</summary>
    NamedTensor = 7,

    /// <summary>Where tensors lie that the sender was named and does not need any more.</summary>
    GivenBack = 8,
}

/// <summary>What a connection is for.</summary>
internal enum Lane : byte
{
    /// <summary>Control messages and tensors, in one order.</summary>
    Messages = 1,

    /// <summary>The prepared data, once.</summary>
    Data = 2,

    /// <summary>One question: where is the cluster? The answer is a <see cref="ClusterInfo"/>.</summary>
    Query = 3,
}

/// <summary>The role of a node at a link.</summary>
internal enum PeerRole : byte
{
    /// <summary>The coordinator, or a node that may become it.</summary>
    Coordinator = 1,

    /// <summary>A worker.</summary>
    Worker = 2,

    /// <summary>A parameter server.</summary>
    ParameterServer = 3,

    /// <summary>A program that is no node, for example <c>clustertrain status</c>.</summary>
    Client = 4,
}
