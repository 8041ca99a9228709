using System.Collections.Immutable;
using ClusterTrain.Numerics;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>
/// The bytes of every control message that crosses a link: the number of its type (2 bytes), then its fields in order. A
/// change here needs a new <see cref="Protocol.Version"/>; docs/protocol.md shows one sample of each.
/// </summary>
internal static class MessageCodec
{
    public static void Write(WireWriter writer, IMessage message)
    {
        switch (message)
        {
            case Join join:
                writer.UInt16(1);
                writer.Byte((byte)join.Role);
                Write(writer, join.Holding);
                break;
            case Leave:
                writer.UInt16(2);
                break;
            case MemberFailed failed:
                writer.UInt16(3);
                writer.Text(failed.Member.Name);
                writer.LongText(failed.Reason);
                break;
            case StepReport report:
                writer.UInt16(4);
                writer.Int64(report.Term);
                writer.Int32(report.Segment);
                writer.Int64(report.Step);
                writer.Double(report.Loss);
                writer.Int64(report.Elapsed.Ticks);
                break;
            case Held held:
                writer.UInt16(5);
                writer.Int64(held.Term);
                writer.Int32(held.Segment);
                writer.Int64(held.Step);
                break;
            case ComputeReport report:
                writer.UInt16(6);
                writer.Int64(report.Rows);
                writer.Int64(report.ComputeTime.Ticks);
                break;
            case NotFinite problem:
                writer.UInt16(7);
                writer.Int64(problem.Step);
                writer.LongText(problem.What);
                break;
            case Serve serve:
                writer.UInt16(8);
                writer.Int64(serve.Term);
                writer.Int32(serve.Segment);
                writer.Int32(serve.Segments);
                writer.Int64(serve.Step);
                writer.Int64(serve.CheckpointSteps);
                writer.Int64(serve.ReceiptSteps);
                break;
            case Subscribe subscribe:
                writer.UInt16(9);
                writer.Int64(subscribe.Term);
                writer.Int32(subscribe.Segment);
                break;
            case Advance advance:
                writer.UInt16(10);
                writer.Int64(advance.Term);
                writer.Int64(advance.Limit);
                writer.Int64(advance.Recorded);
                break;
            case Hold hold:
                writer.UInt16(11);
                writer.Int64(hold.Term);
                break;
            case SnapshotAt snapshot:
                writer.UInt16(12);
                writer.Int64(snapshot.Term);
                writer.Int64(snapshot.Step);
                break;
            case NormPart part:
                writer.UInt16(13);
                writer.Int64(part.Term);
                writer.Int64(part.Step);
                writer.Int32(part.Segment);
                writer.Int32(part.BlockSums.Length);
                foreach (var sum in part.BlockSums)
                    writer.Double(sum);
                break;
            case Topology topology:
                writer.UInt16(14);
                writer.Int64(topology.Term);
                Write(writer, topology.Servers);
                break;
            case Assignment assignment:
                writer.UInt16(15);
                writer.Int64(assignment.Term);
                writer.Int64(assignment.Version);
                Write(writer, assignment.Workers);
                break;
            case Stop:
                writer.UInt16(16);
                break;
            case LateShare late:
                writer.UInt16(17);
                writer.Int64(late.Term);
                writer.Int64(late.Step);
                Write(writer, late.Leaves);
                writer.Text(late.Worker.Name);
                writer.Text(late.Helper.Name);
                break;
            case Recompute recompute:
                writer.UInt16(18);
                writer.Int64(recompute.Term);
                writer.Int64(recompute.Step);
                Write(writer, recompute.Leaves);
                writer.Text(recompute.Worker.Name);
                break;
            case Answer answer:
                writer.UInt16(19);
                writer.Int64(answer.Term);
                writer.Int64(answer.Step);
                writer.Int32(answer.Segment);
                Write(writer, answer.Node);
                writer.Text(answer.Worker.Name);
                writer.Text(answer.Sha256);
                writer.Double(answer.Loss);
                break;
            case Exclude exclude:
                writer.UInt16(20);
                writer.LongText(exclude.Reason);
                break;
            case Settled settled:
                writer.UInt16(21);
                writer.Int64(settled.Term);
                writer.Int64(settled.Step);
                Write(writer, settled.Leaves);
                writer.Text(settled.Worker.Name);
                break;
            case Rest rest:
                writer.UInt16(22);
                writer.Int64(rest.Term);
                break;
            case Holding holding:
                writer.UInt16(23);
                writer.Int64(holding.Term);
                Write(writer, holding.Positions);
                break;
            case Spares spares:
                writer.UInt16(24);
                writer.Int64(spares.Term);
                writer.Int32(spares.Segment);
                Write(writer, spares.Servers);
                break;
            case Copy copy:
                writer.UInt16(25);
                writer.Int64(copy.Term);
                Write(writer, copy.Position);
                writer.Int64(copy.CheckpointSteps);
                writer.Int64(copy.ReceiptSteps);
                break;
            case Copied copied:
                writer.UInt16(26);
                writer.Int64(copied.Term);
                writer.Int32(copied.Segment);
                writer.Int64(copied.Step);
                break;
            case WantsToLeave:
                writer.UInt16(27);
                break;
            default:
                throw new ArgumentException($"{message.GetType().Name} is not sent over a link.", nameof(message));
        }
    }

    public static IMessage Read(ReadOnlySpan<byte> bytes, LinkLimits limits)
    {
        var reader = new WireReader(bytes);
        var number = reader.UInt16();
        IMessage message = number switch
        {
            1 => new Join(Role(reader.Byte()), Positions(ref reader)),
            2 => new Leave(),
            3 => new MemberFailed(Id(ref reader, limits), reader.LongText()),
            4 => new StepReport(reader.Int64(), reader.Int32(), reader.Int64(), reader.Double(), new TimeSpan(reader.Int64())),
            5 => new Held(reader.Int64(), reader.Int32(), reader.Int64()),
            6 => new ComputeReport(reader.Int64(), new TimeSpan(reader.Int64())),
            7 => new NotFinite(reader.Int64(), reader.LongText()),
            8 => new Serve(reader.Int64(), reader.Int32(), reader.Int32(), reader.Int64(), reader.Int64(), reader.Int64()),
            9 => new Subscribe(reader.Int64(), reader.Int32()),
            10 => new Advance(reader.Int64(), reader.Int64(), reader.Int64()),
            11 => new Hold(reader.Int64()),
            12 => new SnapshotAt(reader.Int64(), reader.Int64()),
            13 => new NormPart(reader.Int64(), reader.Int64(), reader.Int32(), Doubles(ref reader)),
            14 => new Topology(reader.Int64(), Ids(ref reader, limits)),
            15 => new Assignment(reader.Int64(), reader.Int64(), Ids(ref reader, limits)),
            16 => new Stop(),
            17 => new LateShare(reader.Int64(), reader.Int64(), Leaves(ref reader), Id(ref reader, limits), Id(ref reader, limits)),
            18 => new Recompute(reader.Int64(), reader.Int64(), Leaves(ref reader), Id(ref reader, limits)),
            19 => new Answer(
                reader.Int64(), reader.Int64(), reader.Int32(), Leaves(ref reader), Id(ref reader, limits), reader.Text(limits.NameBytes), reader.Double()),
            20 => new Exclude(reader.LongText()),
            21 => new Settled(reader.Int64(), reader.Int64(), Leaves(ref reader), Id(ref reader, limits)),
            22 => new Rest(reader.Int64()),
            23 => new Holding(reader.Int64(), Positions(ref reader)),
            24 => new Spares(reader.Int64(), reader.Int32(), Ids(ref reader, limits)),
            25 => new Copy(reader.Int64(), Position(ref reader), reader.Int64(), reader.Int64()),
            26 => new Copied(reader.Int64(), reader.Int32(), reader.Int64()),
            27 => new WantsToLeave(),
            _ => throw new LinkException(RefusalKind.Garbage, $"sent a message of type {number}, which there is not"),
        };
        reader.End();
        return message;
    }

    private static void Write(WireWriter writer, ImmutableArray<ActorId> ids)
    {
        writer.Int32(ids.Length);
        foreach (var id in ids)
            writer.Text(id.Name);
    }

    private static void Write(WireWriter writer, ImmutableArray<SegmentPosition> positions)
    {
        writer.Int32(positions.Length);
        foreach (var position in positions)
            Write(writer, position);
    }

    private static void Write(WireWriter writer, SegmentPosition position)
    {
        writer.Int32(position.Segment);
        writer.Int32(position.Segments);
        writer.Int64(position.Served);
        writer.Int64(position.Step);
        writer.Int64(position.First);
        writer.Int64(position.Recorded);
    }

    private static void Write(WireWriter writer, TreeNode leaves)
    {
        writer.Int32(leaves.Start);
        writer.Int32(leaves.Count);
    }

    private static TreeNode Leaves(ref WireReader reader)
    {
        var leaves = new TreeNode(reader.Int32(), reader.Int32());
        return leaves is { Start: >= 0, Count: > 0 } && leaves.Start <= int.MaxValue - leaves.Count
            ? leaves
            : throw new LinkException(RefusalKind.Garbage, $"sent {leaves.Count} leaves from {leaves.Start} on, which there are not");
    }

    private static NodeRole Role(byte number) =>
        number <= (byte)NodeRole.ParameterServer
            ? (NodeRole)number
            : throw new LinkException(RefusalKind.Garbage, $"sent the role {number}, which there is not");

    private static ActorId Id(ref WireReader reader, LinkLimits limits) => new(reader.Text(limits.NameBytes));

    private static ImmutableArray<ActorId> Ids(ref WireReader reader, LinkLimits limits)
    {
        var ids = ImmutableArray.CreateBuilder<ActorId>(reader.Count(sizeof(ushort)));
        for (var index = 0; index < ids.Capacity; index++)
            ids.Add(Id(ref reader, limits));

        return ids.MoveToImmutable();
    }

    private static ImmutableArray<SegmentPosition> Positions(ref WireReader reader)
    {
        var positions = ImmutableArray.CreateBuilder<SegmentPosition>(reader.Count((2 * sizeof(int)) + (4 * sizeof(long))));
        for (var index = 0; index < positions.Capacity; index++)
            positions.Add(Position(ref reader));

        return positions.MoveToImmutable();
    }

    private static SegmentPosition Position(ref WireReader reader) =>
        new(reader.Int32(), reader.Int32(), reader.Int64(), reader.Int64(), reader.Int64(), reader.Int64());

    private static ImmutableArray<double> Doubles(ref WireReader reader)
    {
        var values = ImmutableArray.CreateBuilder<double>(reader.Count(sizeof(double)));
        for (var index = 0; index < values.Capacity; index++)
            values.Add(reader.Double());

        return values.MoveToImmutable();
    }
}
