using System.Buffers;
using System.Collections.Immutable;
using ClusterTrain.Numerics;
using ClusterTrain.Training;
using MessagePack;

namespace ClusterTrain.Cluster.Wire;

/// <summary>
/// The bytes of everything nodes say to each other, on links and over Akka: a MessagePack array of the message's number and its fields. A change
/// here needs a new <see cref="Protocol.Version"/>; docs/cluster.md shows one sample of each. What comes from the network is untrusted:
/// counts are checked against the bytes that are there before anything is allocated, texts are bounded, and nothing is created by name.
/// </summary>
internal static class MessageCodec
{
    /// <summary>UTF-8 bytes of a name or an actor's id.</summary>
    public const int MostNameBytes = 255;

    private const int MostReasonBytes = 16 * 1024;
    private const int MostTextBytes = 16 << 20;

    private static readonly Entry[] s_entries =
    [
        Of<Join>(
            1, 2,
            static (ref w, m) =>
            {
                w.Write((int)m.Role);
                w.WriteArrayHeader(m.Holding.Length);
                foreach (var position in m.Holding)
                {
                    w.WriteArrayHeader(5);
                    w.Write(position.Segment);
                    w.Write(position.Segments);
                    w.Write(position.Served);
                    w.Write(position.Step);
                    w.Write(position.Recorded);
                }
            },
            static (ref r) => new Join(Role(ref r), List(ref r, static (ref r) =>
            {
                Fields(ref r, 5);
                return new SegmentPosition(r.ReadInt32(), r.ReadInt32(), r.ReadInt64(), r.ReadInt64(), r.ReadInt64());
            }))),
        Of<Leave>(2, 0, static (ref _, _) => { }, static (ref _) => new Leave()),
        Of<MemberFailed>(
            3, 2,
            static (ref w, m) =>
            {
                w.Write(m.Member.Name);
                w.Write(Cut(m.Reason));
            },
            static (ref r) => new MemberFailed(Id(ref r), Text(ref r, MostReasonBytes))),
        Of<StepReport>(
            4, 4,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Segment);
                w.Write(m.Step);
                w.Write(m.Loss);
            },
            static (ref r) => new StepReport(r.ReadInt64(), r.ReadInt32(), r.ReadInt64(), r.ReadDouble())),
        Of<Held>(
            5, 3,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Segment);
                w.Write(m.Step);
            },
            static (ref r) => new Held(r.ReadInt64(), r.ReadInt32(), r.ReadInt64())),
        Of<ComputeReport>(
            6, 2,
            static (ref w, m) =>
            {
                w.Write(m.Rows);
                w.Write(m.ComputeTime.Ticks);
            },
            static (ref r) => new ComputeReport(r.ReadInt64(), TimeSpan.FromTicks(r.ReadInt64()))),
        Of<NotFinite>(
            7, 2,
            static (ref w, m) =>
            {
                w.Write(m.Step);
                w.Write(Cut(m.What));
            },
            static (ref r) => new NotFinite(r.ReadInt64(), Text(ref r, MostReasonBytes))),
        Of<Serve>(
            8, 6,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Segment);
                w.Write(m.Segments);
                w.Write(m.Step);
                w.Write(m.CheckpointSteps);
                w.Write(m.ReceiptSteps);
            },
            static (ref r) => new Serve(r.ReadInt64(), r.ReadInt32(), r.ReadInt32(), r.ReadInt64(), r.ReadInt64(), r.ReadInt64())),
        Of<Subscribe>(
            9, 2,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Segment);
            },
            static (ref r) => new Subscribe(r.ReadInt64(), r.ReadInt32())),
        Of<Advance>(
            10, 3,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Limit);
                w.Write(m.Recorded);
            },
            static (ref r) => new Advance(r.ReadInt64(), r.ReadInt64(), r.ReadInt64())),
        Of<Hold>(11, 1, static (ref w, m) => w.Write(m.Term), static (ref r) => new Hold(r.ReadInt64())),
        Of<SnapshotAt>(
            12, 2,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Step);
            },
            static (ref r) => new SnapshotAt(r.ReadInt64(), r.ReadInt64())),
        Of<NormPart>(
            13, 4,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Step);
                w.Write(m.Segment);
                w.WriteArrayHeader(m.BlockSums.Length);
                foreach (var sum in m.BlockSums)
                    w.Write(sum);
            },
            static (ref r) => new NormPart(r.ReadInt64(), r.ReadInt64(), r.ReadInt32(), List(ref r, static (ref r) => r.ReadDouble()))),
        Of<Topology>(
            14, 2,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                Ids(ref w, m.Servers);
            },
            static (ref r) => new Topology(r.ReadInt64(), List(ref r, Id))),
        Of<Assignment>(
            15, 3,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Version);
                Ids(ref w, m.Workers);
            },
            static (ref r) => new Assignment(r.ReadInt64(), r.ReadInt64(), List(ref r, Id))),
        Of<Stop>(16, 0, static (ref _, _) => { }, static (ref _) => new Stop()),
        Of<LateShare>(
            17, 5,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Step);
                Leaves(ref w, m.Leaves);
                w.Write(m.Worker.Name);
                w.Write(m.Helper.Name);
            },
            static (ref r) => new LateShare(r.ReadInt64(), r.ReadInt64(), Leaves(ref r), Id(ref r), Id(ref r))),
        Of<Recompute>(
            18, 4,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Step);
                Leaves(ref w, m.Leaves);
                w.Write(m.Worker.Name);
            },
            static (ref r) => new Recompute(r.ReadInt64(), r.ReadInt64(), Leaves(ref r), Id(ref r))),
        Of<Answer>(
            19, 7,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Step);
                w.Write(m.Segment);
                Leaves(ref w, m.Node);
                w.Write(m.Worker.Name);
                w.Write(m.Sha256);
                w.Write(m.Loss);
            },
            static (ref r) => new Answer(
                r.ReadInt64(), r.ReadInt64(), r.ReadInt32(), Leaves(ref r), Id(ref r), Name(ref r), r.ReadDouble())),
        Of<Exclude>(20, 1, static (ref w, m) => w.Write(Cut(m.Reason)), static (ref r) => new Exclude(Text(ref r, MostReasonBytes))),
        Of<Welcome>(
            64, 8,
            static (ref w, m) =>
            {
                w.Write(m.RecipeText);
                w.Write(m.TrainingRows);
                w.Write(m.Features);
                w.Write(m.Outputs);
                w.Write(m.Data);
                w.Write((long)m.LostAfter.TotalMilliseconds);
                Ids(ref w, m.Servers);
                Info(ref w, m.Cluster);
            },
            static (ref r) => new Welcome(
                Text(ref r, MostTextBytes), r.ReadInt64(), r.ReadInt32(), r.ReadInt32(), Name(ref r), TimeSpan.FromMilliseconds(r.ReadInt64()),
                List(ref r, Id), Info(ref r))),
        Of<Unreachable>(
            65, 2,
            static (ref w, m) =>
            {
                w.Write(m.Peer.Name);
                w.Write(Cut(m.Reason));
            },
            static (ref r) => new Unreachable(Id(ref r), Text(ref r, MostReasonBytes))),
        Of<ClusterInfo>(66, 1, Info, Info),
        Of<Register>(
            67, 2,
            static (ref w, m) =>
            {
                w.Write(m.Node);
                Ids(ref w, m.Members);
            },
            static (ref r) => new Register(Name(ref r), List(ref r, Id))),
        Of<Registered>(
            68, 2,
            static (ref w, m) =>
            {
                w.Write(m.Endpoint);
                w.Write(m.Term);
            },
            static (ref r) => new Registered(Name(ref r), r.ReadInt64())),
        Of<RunNotice>(69, 1, static (ref w, m) => w.Write(m.Json), static (ref r) => new RunNotice(Text(ref r, MostTextBytes))),
        Of<StatusRequest>(70, 0, static (ref _, _) => { }, static (ref _) => new StatusRequest()),
        Of<StatusReport>(71, 1, static (ref w, m) => w.Write(m.Json), static (ref r) => new StatusReport(Text(ref r, MostTextBytes))),
    ];

    private static readonly Dictionary<Type, Entry> s_byType = s_entries.ToDictionary(entry => entry.Type);
    private static readonly Dictionary<int, Entry> s_byNumber = s_entries.ToDictionary(entry => entry.Number);

    internal delegate T Reader<out T>(ref MessagePackReader reader);

    private delegate void Writer<in T>(ref MessagePackWriter writer, T message);

    /// <summary>The messages there are.</summary>
    public static IEnumerable<Type> Types => s_byType.Keys;

    /// <summary>True when a message can be written.</summary>
    public static bool Knows(object message) => s_byType.ContainsKey(message.GetType());

    /// <summary>Writes a message.</summary>
    /// <exception cref="ArgumentException">It is none that crosses a network.</exception>
    public static void Write(IBufferWriter<byte> output, object message)
    {
        if (!s_byType.TryGetValue(message.GetType(), out var entry))
            throw new ArgumentException($"{message.GetType().Name} is not a message between nodes.", nameof(message));

        var writer = new MessagePackWriter(output);
        writer.WriteArrayHeader(entry.FieldCount + 1);
        writer.Write(entry.Number);
        entry.Write(ref writer, message);
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
    public static object Read(ReadOnlyMemory<byte> bytes) => Guard("a message", bytes, static (ref reader) =>
    {
        var fields = reader.ReadArrayHeader();
        var number = reader.ReadInt32();
        if (!s_byNumber.TryGetValue(number, out var entry))
            throw new LinkException(RefusalKind.Garbage, $"sent an unknown message type {number}");
        return fields == entry.FieldCount + 1
            ? entry.Read(ref reader)
            : throw new MessagePackSerializationException($"{entry.Type.Name} has {fields - 1} fields instead of {entry.FieldCount}");
    });

    /// <summary>Reads bytes to their end; whatever is wrong with them becomes a <see cref="LinkException"/>.</summary>
    public static T Guard<T>(string what, ReadOnlyMemory<byte> bytes, Reader<T> read)
    {
        try
        {
            var reader = new MessagePackReader(bytes);
            var value = read(ref reader);
            return reader.End ? value : throw new MessagePackSerializationException("there are bytes left over");
        }
        catch (Exception error) when (error is MessagePackSerializationException or EndOfStreamException or OverflowException or ArgumentException)
        {
            throw new LinkException(RefusalKind.Garbage, $"sent {what} that cannot be read: {error.Message}");
        }
    }

    /// <summary>Reads the header of an array that must have so many fields.</summary>
    public static void Fields(ref MessagePackReader reader, int expected)
    {
        var fields = reader.ReadArrayHeader();
        if (fields != expected)
            throw new MessagePackSerializationException($"{fields} fields instead of {expected}");
    }

    public static ActorId Id(ref MessagePackReader reader) => new(Name(ref reader));

    public static string Name(ref MessagePackReader reader) => Text(ref reader, MostNameBytes);

    private static Entry Of<T>(int number, int fields, Writer<T> write, Reader<T> read)
        where T : notnull => new Entry<T>(number, fields, write, read);

    private static void Info(ref MessagePackWriter writer, ClusterInfo info)
    {
        writer.WriteArrayHeader(3);
        writer.Write(info.Self);
        writer.WriteArrayHeader(info.Seeds.Length);
        foreach (var seed in info.Seeds)
            writer.Write(seed);
        writer.Write(info.Leader);
    }

    private static ClusterInfo Info(ref MessagePackReader reader)
    {
        Fields(ref reader, 3);
        return new ClusterInfo(Name(ref reader), List(ref reader, Name), Name(ref reader));
    }

    private static void Leaves(ref MessagePackWriter writer, TreeNode leaves)
    {
        writer.WriteArrayHeader(2);
        writer.Write(leaves.Start);
        writer.Write(leaves.Count);
    }

    private static TreeNode Leaves(ref MessagePackReader reader)
    {
        Fields(ref reader, 2);
        var leaves = new TreeNode(reader.ReadInt32(), reader.ReadInt32());
        return leaves is { Start: >= 0, Count: > 0 } && leaves.Start <= int.MaxValue - leaves.Count
            ? leaves
            : throw new MessagePackSerializationException($"{leaves.Count} leaves from {leaves.Start} on do not exist");
    }

    private static NodeRole Role(ref MessagePackReader reader)
    {
        var role = (NodeRole)reader.ReadInt32();
        return Enum.IsDefined(role) ? role : throw new MessagePackSerializationException($"unknown role {(int)role}");
    }

    private static void Ids(ref MessagePackWriter writer, ImmutableArray<ActorId> ids)
    {
        writer.WriteArrayHeader(ids.Length);
        foreach (var id in ids)
            writer.Write(id.Name);
    }

    // The reader itself refuses a count that the bytes left cannot hold.
    private static ImmutableArray<T> List<T>(ref MessagePackReader reader, Reader<T> item)
    {
        var items = ImmutableArray.CreateBuilder<T>(reader.ReadArrayHeader());
        for (var index = 0; index < items.Capacity; index++)
            items.Add(item(ref reader));

        return items.MoveToImmutable();
    }

    private static string Text(ref MessagePackReader reader, int mostBytes)
    {
        var before = reader.Consumed;
        var text = reader.ReadString() ?? throw new MessagePackSerializationException("a text is missing");
        return reader.Consumed - before <= mostBytes + 5
            ? text
            : throw new MessagePackSerializationException($"a text is longer than {mostBytes} bytes");
    }

    // A reason that is too long loses its end; UTF-8 needs three bytes at most for each of a text's chars.
    private static string Cut(string reason) => reason.Length <= MostReasonBytes / 3 ? reason : reason[..(MostReasonBytes / 3)];

    /// <summary>How one message is written and read.</summary>
    private abstract class Entry(Type type, int number, int fields)
    {
        public Type Type { get; } = type;

        public int Number { get; } = number;

        public int FieldCount { get; } = fields;

        public abstract void Write(ref MessagePackWriter writer, object message);

        public abstract object Read(ref MessagePackReader reader);
    }

    private sealed class Entry<T>(int number, int fields, Writer<T> write, Reader<T> read) : Entry(typeof(T), number, fields)
        where T : notnull
    {
        public override void Write(ref MessagePackWriter writer, object message) => write(ref writer, (T)message);

        public override object Read(ref MessagePackReader reader) => read(ref reader);
    }
}
