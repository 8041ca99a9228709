namespace ClusterTrain.Hosting;

/// <summary>Numbers of the wire format; docs/protocol.md describes it.</summary>
internal static class Protocol
{
    /// <summary>Grows with every change of the wire format; only equal versions talk.</summary>
    public const int Version = 1;

    /// <summary>Bytes before each frame: its kind, three zeros, the length of the rest.</summary>
    public const int FrameHeaderBytes = 8;

    /// <summary>Bytes of a hello before its fields: the magic, the version, the length of the rest. They never change.</summary>
    public const int HelloHeaderBytes = 8;

    /// <summary>Bytes of a tensor frame before its floats.</summary>
    public const int TensorKeyBytes = 48;

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

    /// <summary>What a member must know of the run.</summary>
    Welcome = 3,

    /// <summary>A control message.</summary>
    Control = 4,

    /// <summary>A tensor.</summary>
    Tensor = 5,

    /// <summary>The sender lives.</summary>
    Heartbeat = 6,

    /// <summary>From a member to the coordinator: it cannot reach another member.</summary>
    Unreachable = 7,

    /// <summary>The bytes of a data transfer that follow, as a number.</summary>
    DataLength = 8,

    /// <summary>A piece of a data transfer.</summary>
    Data = 9,
}

/// <summary>What a connection is for.</summary>
internal enum Lane : byte
{
    /// <summary>Control messages and tensors.</summary>
    Messages = 1,

    /// <summary>Heartbeats, so that bulk traffic never delays them.</summary>
    Heartbeat = 2,

    /// <summary>The prepared data, once.</summary>
    Data = 3,
}

/// <summary>The role of a node at a link.</summary>
internal enum PeerRole : byte
{
    /// <summary>The coordinator.</summary>
    Coordinator = 1,

    /// <summary>A worker.</summary>
    Worker = 2,

    /// <summary>A parameter server.</summary>
    ParameterServer = 3,
}
