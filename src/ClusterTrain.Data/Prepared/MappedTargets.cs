using System.Buffers.Binary;
using System.Collections.Immutable;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Rows;

namespace ClusterTrain.Data.Prepared;

/// <summary>Targets in a mapped file: class indices of two bytes, or float32 values.</summary>
/// <param name="file">The file.</param>
/// <param name="start">Byte of the first row's targets.</param>
/// <param name="outputs">Values of a row.</param>
/// <param name="classes">Names of the classes; empty: the targets are numbers.</param>
/// <param name="weights">Weights of the classes; empty: all are 1.</param>
internal sealed class MappedTargets(
    MappedFile file, long start, int outputs, ImmutableArray<string> classes, ImmutableArray<float> weights)
    : RowTargets(outputs, classes, weights)
{
    public override void Write(long row, Span<float> targets)
    {
        if (Classes.IsEmpty)
        {
            LittleEndian.Read(Content(row), targets);
        }
        else
        {
            WriteLabel(LabelOf(row), targets);
        }

        GC.KeepAlive(file);
    }

    public override int Label(long row) => Classes.IsEmpty ? throw NoLabels() : LabelOf(row);

    public override void CopyContent(long row, Span<byte> content)
    {
        Content(row).CopyTo(content);
        GC.KeepAlive(file);
    }

    public override void HashRow(long row, DataFingerprint fingerprint)
    {
        if (Classes.IsEmpty)
        {
            fingerprint.Add(Content(row));
        }
        else
        {
            fingerprint.Add((long)LabelOf(row));
        }

        GC.KeepAlive(file);
    }

    private int LabelOf(long row)
    {
        var label = BinaryPrimitives.ReadUInt16LittleEndian(Content(row));
        GC.KeepAlive(file);
        return label < Classes.Length
            ? label
            : throw new DataException(
                $"The prepared data are damaged: row {row} has class {label} of {Classes.Length}. Prepare the data again.");
    }

    private ReadOnlySpan<byte> Content(long row) => file.Slice(start + (row * ContentBytes), ContentBytes);
}
