using System.Buffers.Binary;
using System.Collections.Immutable;

namespace ClusterTrain.Learning;

/// <summary>The targets of the rows of one store: class indices or numbers.</summary>
internal abstract class RowTargets(int outputs, ImmutableArray<string> classes)
{
    /// <summary>
    /// Values of a row: the number of classes, one-hot; 1 for the index of one of two classes; the number of numbers.
    /// </summary>
    public int Outputs { get; } = outputs;

    /// <summary>Names of the classes; empty: the targets are numbers.</summary>
    public ImmutableArray<string> Classes { get; } = classes;

    /// <summary>Bytes of a row's <see cref="CopyContent"/>.</summary>
    public int ContentBytes => ContentBytesOf(Outputs, !Classes.IsEmpty);

    public static int ContentBytesOf(int outputs, bool areLabels) => areLabels ? sizeof(ushort) : outputs * sizeof(float);

    /// <summary>Class indices, one per row, each below the number of classes.</summary>
    public static RowTargets FromLabels(int[] labels, ImmutableArray<string> classes) =>
        new LabelTargets(Array.ConvertAll(labels, label => checked((ushort)label)), classes.Length, classes);

    /// <summary>Numbers, row-major (rows, outputs).</summary>
    public static RowTargets FromNumbers(float[] numbers, int outputs) => new NumberTargets(numbers, outputs);

    /// <summary>Writes a row's targets over <see cref="Outputs"/> zeros.</summary>
    public abstract void Write(long row, Span<float> targets);

    /// <exception cref="InvalidOperationException">The targets are numbers.</exception>
    public abstract int Label(long row);

    /// <summary>Copies a row's content in little-endian order: the class index in two bytes, or the float32 values.</summary>
    public abstract void CopyContent(long row, Span<byte> content);

    public abstract void HashRow(long row, DataFingerprint fingerprint);

    /// <summary>Writes a class index over zeros.</summary>
    protected void WriteLabel(int label, Span<float> targets)
    {
        if (Outputs < Classes.Length)
            targets[0] = label;
        else
            targets[label] = 1;
    }

    protected static InvalidOperationException NoLabels() => new("The targets are numbers: a row has no class.");

    // Labels take half the size of integers: those of all rows are read in random order and should stay in the cache.
    private sealed class LabelTargets(ushort[] labels, int outputs, ImmutableArray<string> classes) : RowTargets(outputs, classes)
    {
        public override void Write(long row, Span<float> targets) => WriteLabel(labels[row], targets);

        public override int Label(long row) => labels[row];

        public override void CopyContent(long row, Span<byte> content) =>
            BinaryPrimitives.WriteUInt16LittleEndian(content, labels[row]);

        public override void HashRow(long row, DataFingerprint fingerprint) => fingerprint.Add((long)labels[row]);
    }

    private sealed class NumberTargets(float[] numbers, int outputs) : RowTargets(outputs, [])
    {
        public override void Write(long row, Span<float> targets) => Numbers(row).CopyTo(targets);

        public override int Label(long row) => throw NoLabels();

        public override void CopyContent(long row, Span<byte> content) => LittleEndian.Write(Numbers(row), content);

        public override void HashRow(long row, DataFingerprint fingerprint) => fingerprint.Add(Numbers(row));

        private ReadOnlySpan<float> Numbers(long row) => numbers.AsSpan(checked((int)(row * Outputs)), Outputs);
    }
}
