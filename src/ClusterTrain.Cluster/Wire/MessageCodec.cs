using System.Buffers;
using ClusterTrain.Training.Messages;
using MessagePack;

namespace ClusterTrain.Cluster.Wire;

/// <summary>
/// The bytes of everything nodes say to each other, on links and over Akka: a MessagePack array of the message's number and its fields. A change
/// here, or of a message's record, needs a new <see cref="Protocol.Version"/>; docs/cluster.md shows one sample of each. Nothing is created by a
/// name that came over the network: only the messages of this table are.
/// </summary>
internal static class MessageCodec
{
    private static readonly Dictionary<int, Type> s_types = new()
    {
        // The state machines'.
        [1] = typeof(Join),
        [2] = typeof(Leave),
        [3] = typeof(MemberFailed),
        [4] = typeof(StepReport),
        [5] = typeof(Held),
        [6] = typeof(ComputeReport),
        [7] = typeof(NotFinite),
        [8] = typeof(Serve),
        [9] = typeof(Subscribe),
        [10] = typeof(Advance),
        [11] = typeof(Hold),
        [12] = typeof(SnapshotAt),
        [13] = typeof(NormPart),
        [14] = typeof(Topology),
        [15] = typeof(Assignment),
        [16] = typeof(Stop),
        [17] = typeof(LateShare),
        [18] = typeof(Recompute),
        [19] = typeof(Answer),
        [20] = typeof(Exclude),
        [21] = typeof(Settled),
        [22] = typeof(Rest),
        [23] = typeof(Holding),
        [24] = typeof(Spares),
        [25] = typeof(Copy),
        [26] = typeof(Copied),
        [27] = typeof(WantsToLeave),
        [28] = typeof(StepTimes),
        [29] = typeof(AuditShares),
        [30] = typeof(AuditBegan),
        [31] = typeof(SumDigest),

        // Of nodes, on links.
        [64] = typeof(Hello),
        [65] = typeof(Welcome),
        [66] = typeof(Unreachable),
        [67] = typeof(ClusterInfo),
        [68] = typeof(SharedMemory),
        [69] = typeof(SharedMemorySeen),

        // Of nodes, over Akka.
        [80] = typeof(Register),
        [81] = typeof(Registered),
        [82] = typeof(RunNotice),
        [83] = typeof(StatusRequest),
        [84] = typeof(StatusReport),
    };

    private static readonly Dictionary<Type, int> s_numbers = s_types.ToDictionary(entry => entry.Value, entry => entry.Key);
    private static readonly Dictionary<Type, FieldCodec> s_codecs = s_types.Values.ToDictionary(type => type, FieldCodec.Of);

    /// <summary>The messages there are.</summary>
    public static IEnumerable<Type> Types => s_numbers.Keys;

    /// <summary>True when a message can be written.</summary>
    public static bool Knows(object message) => s_numbers.ContainsKey(message.GetType());

    /// <summary>Writes a message.</summary>
    /// <exception cref="ArgumentException">It is none that crosses a network.</exception>
    public static void Write(IBufferWriter<byte> output, object message)
    {
        if (!s_numbers.TryGetValue(message.GetType(), out var number))
        {
            throw new ArgumentException($"{message.GetType().Name} is not a message between nodes.", nameof(message));
        }

        var writer = new MessagePackWriter(output);
        writer.WriteArrayHeader(2);
        writer.Write(number);
        s_codecs[message.GetType()].Write(ref writer, message);
        writer.Flush();
    }

    /// <summary>The bytes of a message.</summary>
    public static byte[] Bytes(object message)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        Write(buffer, message);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a message.</summary>
    /// <exception cref="LinkException">The bytes are not exactly one message.</exception>
    public static object Read(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            var reader = new MessagePackReader(bytes);
            if (reader.ReadArrayHeader() != 2)
            {
                throw new MessagePackSerializationException("it is not a number and fields");
            }

            var number = reader.ReadInt32();
            if (!s_types.TryGetValue(number, out var type))
            {
                throw new LinkException(RefusalKind.Garbage, $"sent an unknown message type {number}");
            }

            var message = s_codecs[type].Read(ref reader);
            return reader.End ? message : throw new MessagePackSerializationException("there are bytes left over");
        }
        catch (Exception error) when (error is MessagePackSerializationException or EndOfStreamException or OverflowException or ArgumentException)
        {
            throw new LinkException(RefusalKind.Garbage, $"sent a message that cannot be read: {error.Message}");
        }
    }

    /// <summary>Reads a message of one type.</summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <exception cref="LinkException">The bytes are not exactly one message of it.</exception>
    public static T Read<T>(ReadOnlyMemory<byte> bytes)
        where T : class => Read(bytes) as T ?? throw new LinkException(RefusalKind.Garbage, $"sent another message than its {typeof(T).Name}");
}
