using System.Collections.Immutable;
using ClusterTrain.Numerics;
using ClusterTrain.Training;
using MessagePack;

namespace ClusterTrain.Akka;

/// <summary>
/// The fields of every message, in order. What comes from the network is untrusted: counts are checked against the bytes that are there
/// before anything is allocated, texts are bounded, and nesting is what is written here.
/// </summary>
internal static class ControlCodec
{
    private const int MostReasonBytes = 16 * 1024;
    private const int MostNameBytes = 255;

    // What text lets a message grow beyond its bound is cut: a reason loses its end, never the message.
    private static readonly Entry[] s_entries =
    [
        Of<Join>(
            2,
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
        Of<Leave>(0, static (ref _, _) => { }, static (ref _) => new Leave()),
        Of<MemberFailed>(
            2,
            static (ref w, m) =>
            {
                w.Write(m.Member.Name);
                w.Write(Cut(m.Reason));
            },
            static (ref r) => new MemberFailed(Id(ref r), Text(ref r, MostReasonBytes))),
        Of<StepReport>(
            4,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Segment);
                w.Write(m.Step);
                w.Write(m.Loss);
            },
            static (ref r) => new StepReport(r.ReadInt64(), r.ReadInt32(), r.ReadInt64(), r.ReadDouble())),
        Of<Held>(
            3,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Segment);
                w.Write(m.Step);
            },
            static (ref r) => new Held(r.ReadInt64(), r.ReadInt32(), r.ReadInt64())),
        Of<ComputeReport>(
            2,
            static (ref w, m) =>
            {
                w.Write(m.Rows);
                w.Write(m.ComputeTime.Ticks);
            },
            static (ref r) => new ComputeReport(r.ReadInt64(), TimeSpan.FromTicks(r.ReadInt64()))),
        Of<NotFinite>(
            2,
            static (ref w, m) =>
            {
                w.Write(m.Step);
                w.Write(Cut(m.What));
            },
            static (ref r) => new NotFinite(r.ReadInt64(), Text(ref r, MostReasonBytes))),
        Of<Serve>(
            6,
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
            2,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Segment);
            },
            static (ref r) => new Subscribe(r.ReadInt64(), r.ReadInt32())),
        Of<Advance>(
            3,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Limit);
                w.Write(m.Recorded);
            },
            static (ref r) => new Advance(r.ReadInt64(), r.ReadInt64(), r.ReadInt64())),
        Of<Hold>(1, static (ref w, m) => w.Write(m.Term), static (ref r) => new Hold(r.ReadInt64())),
        Of<SnapshotAt>(
            2,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Step);
            },
            static (ref r) => new SnapshotAt(r.ReadInt64(), r.ReadInt64())),
        Of<NormPart>(
            4,
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
            2,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                Ids(ref w, m.Servers);
            },
            static (ref r) => new Topology(r.ReadInt64(), List(ref r, Id))),
        Of<Assignment>(
            3,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Version);
                Ids(ref w, m.Workers);
            },
            static (ref r) => new Assignment(r.ReadInt64(), r.ReadInt64(), List(ref r, Id))),
        Of<Stop>(0, static (ref _, _) => { }, static (ref _) => new Stop()),
        Of<LateShare>(
            5,
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
            4,
            static (ref w, m) =>
            {
                w.Write(m.Term);
                w.Write(m.Step);
                Leaves(ref w, m.Leaves);
                w.Write(m.Worker.Name);
            },
            static (ref r) => new Recompute(r.ReadInt64(), r.ReadInt64(), Leaves(ref r), Id(ref r))),
        Of<Answer>(
            7,
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
                r.ReadInt64(), r.ReadInt64(), r.ReadInt32(), Leaves(ref r), Id(ref r), Text(ref r, MostNameBytes), r.ReadDouble())),
        Of<Exclude>(1, static (ref w, m) => w.Write(Cut(m.Reason)), static (ref r) => new Exclude(Text(ref r, MostReasonBytes))),
        Of<LinkMessage>(
            5,
            static (ref w, m) =>
            {
                var entry = Find(m.Message.GetType())
                    ?? throw new MessagePackSerializationException($"{m.Message.GetType().Name} does not cross a link");
                w.Write(m.Session);
                w.Write(m.To.Name);
                w.Write(m.Number);
                w.Write(entry.Name);
                entry.Write(ref w, m.Message);
            },
            static (ref r) => new LinkMessage(r.ReadInt64(), Id(ref r), r.ReadInt64(), Inner(ref r))),
        Of<LinkConfirmed>(
            3,
            static (ref w, m) =>
            {
                w.Write(m.Session);
                w.Write(m.To.Name);
                w.Write(m.Number);
            },
            static (ref r) => new LinkConfirmed(r.ReadInt64(), Id(ref r), r.ReadInt64())),
        Of<Register>(
            3,
            static (ref w, m) =>
            {
                w.Write((int)m.Role);
                w.Write(m.Name);
                w.Write(m.Endpoint);
            },
            static (ref r) => new Register(Role(ref r), Text(ref r, MostNameBytes), Text(ref r, MostNameBytes))),
        Of<Registered>(
            2,
            static (ref w, m) =>
            {
                w.Write(m.Endpoint);
                w.Write(m.Term);
            },
            static (ref r) => new Registered(Text(ref r, MostNameBytes), r.ReadInt64())),
        Of<RunNotice>(1, static (ref w, m) => w.Write(m.Json), static (ref r) => new RunNotice(Text(ref r, ControlSerializer.MostBytes))),
        Of<RunOver>(1, static (ref w, m) => Outcome(ref w, m.Outcome), static (ref r) => new RunOver(Outcome(ref r))),
        Of<StatusRequest>(0, static (ref _, _) => { }, static (ref _) => new StatusRequest()),
        Of<StatusReport>(1, static (ref w, m) => w.Write(m.Json), static (ref r) => new StatusReport(Text(ref r, ControlSerializer.MostBytes))),
    ];

    private static readonly Dictionary<Type, Entry> s_byType = s_entries.ToDictionary(entry => entry.Type);
    private static readonly Dictionary<string, Entry> s_byName = s_entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);

    private delegate void Writer<in T>(ref MessagePackWriter writer, T message);

    private delegate T Reader<out T>(ref MessagePackReader reader);

    /// <summary>The messages there are.</summary>
    public static IEnumerable<Type> Types => s_byType.Keys;

    /// <summary>How a type is written; null: it is none of the messages.</summary>
    public static Entry? Find(Type type) => s_byType.GetValueOrDefault(type);

    /// <summary>How the message of a name is written; null: there is none.</summary>
    public static Entry? Find(string name) => s_byName.GetValueOrDefault(name);

    private static Entry Of<T>(int fields, Writer<T> write, Reader<T> read)
        where T : notnull => new Entry<T>(fields, write, read);

    private static IMessage Inner(ref MessagePackReader reader)
    {
        var name = Text(ref reader, MostNameBytes);
        return Find(name) is { IsLinkMessage: true } entry
            ? (IMessage)entry.Read(ref reader)
            : throw new MessagePackSerializationException("it holds no message of a link");
    }

    private static void Outcome(ref MessagePackWriter writer, RunOutcome outcome)
    {
        writer.WriteArrayHeader(5);
        switch (outcome)
        {
            case RunCompleted completed:
                writer.Write(0);
                writer.Write(completed.Epoch);
                writer.Write(completed.Step);
                writer.Write(completed.WeightsSha256);
                writer.Write(completed.StoppedEarly);
                break;
            case RunInterrupted interrupted:
                writer.Write(1);
                writer.Write(0);
                writer.Write(interrupted.Step);
                writer.Write("");
                writer.Write(false);
                break;
            case RunFailed failed:
                writer.Write(2);
                writer.Write(0);
                writer.Write(0L);
                writer.Write(Cut(failed.Reason));
                writer.Write(false);
                break;
            default:
                throw new MessagePackSerializationException($"there is no number for the outcome {outcome.GetType().Name}");
        }
    }

    private static RunOutcome Outcome(ref MessagePackReader reader)
    {
        Fields(ref reader, 5);
        var (kind, epoch, step) = (reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt64());
        var (text, early) = (Text(ref reader, MostReasonBytes), reader.ReadBoolean());
        return kind switch
        {
            0 => new RunCompleted(epoch, step, text, early),
            1 => new RunInterrupted(step),
            2 => new RunFailed(text),
            _ => throw new MessagePackSerializationException($"there is no outcome {kind}"),
        };
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
            : throw new MessagePackSerializationException($"there are no {leaves.Count} leaves from {leaves.Start} on");
    }

    private static NodeRole Role(ref MessagePackReader reader)
    {
        var role = (NodeRole)reader.ReadInt32();
        return Enum.IsDefined(role) ? role : throw new MessagePackSerializationException($"there is no role {(int)role}");
    }

    private static ActorId Id(ref MessagePackReader reader) => new(Text(ref reader, MostNameBytes));

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

    private static void Fields(ref MessagePackReader reader, int expected)
    {
        var fields = reader.ReadArrayHeader();
        if (fields != expected)
            throw new MessagePackSerializationException($"it has {fields} fields instead of {expected}");
    }

    // UTF-8 needs three bytes at most for each of a text's chars.
    private static string Cut(string reason) => reason.Length <= MostReasonBytes / 3 ? reason : reason[..(MostReasonBytes / 3)];

    /// <summary>How one message is written and read.</summary>
    internal abstract class Entry(Type type, int fields)
    {
        /// <summary>The message.</summary>
        public Type Type { get; } = type;

        /// <summary>Its name.</summary>
        public string Name => Type.Name;

        /// <summary>True for the messages of the state machines.</summary>
        public bool IsLinkMessage => Type.IsAssignableTo(typeof(IMessage));

        protected int FieldCount { get; } = fields;

        public abstract void Write(ref MessagePackWriter writer, object message);

        public abstract object Read(ref MessagePackReader reader);
    }

    private sealed class Entry<T>(int fields, Writer<T> write, Reader<T> read) : Entry(typeof(T), fields)
        where T : notnull
    {
        public override void Write(ref MessagePackWriter writer, object message)
        {
            writer.WriteArrayHeader(FieldCount);
            write(ref writer, (T)message);
        }

        public override object Read(ref MessagePackReader reader)
        {
            MessagePackSecurity.UntrustedData.DepthStep(ref reader);
            Fields(ref reader, FieldCount);
            var message = read(ref reader);
            reader.Depth--;
            return message;
        }
    }
}
