using System.Buffers.Binary;
using System.Collections.Immutable;
using ClusterTrain.Data.Common;

namespace ClusterTrain.Data.Rows;

/// <summary>The targets of the rows of one store: class indices or numbers.</summary>
internal abstract class RowTargets(int outputs, ImmutableArray<string> classes, ImmutableArray<float> weights)
{
    /// <summary>
    /// Values of a row: the number of classes, one-hot; 1 for the index of one of two classes; the number of numbers.
    /// </summary>
    public int Outputs { get; } = outputs;

    /// <summary>Names of the classes; empty: the targets are numbers.</summary>
    public ImmutableArray<string> Classes { get; } = classes;

    /// <summary>The weight of each class, in place of the 1 of a one-hot target; empty: all are 1.</summary>
    public ImmutableArray<float> Weights { get; } = weights;

    /// <summary>For each number what 0 became where an offset was taken from it; empty: it is 0 still.</summary>
    public ImmutableArray<float> Zeros { get; init; } = [];

    /// <summary>What zeros become that are centred, see <see cref="Centred"/>.</summary>
    public static ImmutableArray<float> ZerosOf(double scale, ImmutableArray<double> offsets) =>
        [.. offsets.Select(offset => (float)((0 - offset) * scale))];

    /// <summary>Bytes of a row's <see cref="CopyContent"/>.</summary>
    public int ContentBytes => ContentBytesOf(Outputs, !Classes.IsEmpty);

    public static int ContentBytesOf(int outputs, bool areLabels) => areLabels ? sizeof(ushort) : outputs * sizeof(float);

    /// <summary>Class indices, one per row, each below the number of classes.</summary>
    public static RowTargets FromLabels(ushort[] labels, ImmutableArray<string> classes) =>
        new LabelTargets(labels, classes.Length, classes, []);

    /// <summary>Numbers, row-major (rows, outputs).</summary>
    public static RowTargets FromNumbers(float[] numbers, int outputs) => new NumberTargets(numbers, outputs);

    /// <summary>The same of numbers that may have more digits than float32 holds: <see cref="Centred"/> needs all of them.</summary>
    public static RowTargets FromNumbers(double[] numbers, int outputs)
    {
        var narrow = Array.ConvertAll(numbers, number => (float)number);
        return new NumberTargets(narrow, outputs, Array.Exists(numbers, number => (float)number != number) ? numbers : null);
    }

    /// <summary>Zeros, for rows whose targets are not known.</summary>
    public static RowTargets None(int outputs) => new NoTargets(outputs);

    /// <summary>Writes a row's targets over <see cref="Outputs"/> zeros.</summary>
    public abstract void Write(long row, Span<float> targets);

    /// <exception cref="InvalidOperationException">The targets are numbers.</exception>
    public abstract int Label(long row);

    /// <summary>Copies a row's content in little-endian order: the class index in two bytes, or the float32 values.</summary>
    public abstract void CopyContent(long row, Span<byte> content);

    /// <summary>Adds what the targets depend on besides their content.</summary>
    public void HashForm(DataFingerprint fingerprint)
    {
        if (Weights.IsEmpty)
        {
            return;
        }

        fingerprint.Add("weights");
        fingerprint.Add(Weights.AsSpan());
    }

    public abstract void HashRow(long row, DataFingerprint fingerprint);

    /// <summary>Two classes told apart by one target, 0 or 1, instead of one for each.</summary>
    public virtual RowTargets AsIndex() => throw NoLabels();

    /// <summary>The same classes with weights.</summary>
    public virtual RowTargets Weighted(ImmutableArray<float> weights) => throw NoLabels();

    /// <summary>Numbers multiplied by a scale, each product rounded once.</summary>
    /// <exception cref="RowException">One becomes too large.</exception>
    public virtual RowTargets Scaled(double scale) => throw new InvalidOperationException("Classes are not scaled.");

    /// <summary>Numbers less an offset, in double, multiplied by a scale, rounded once.</summary>
    /// <param name="scale">The scale.</param>
    /// <param name="offsets">For each target what is taken from it before.</param>
    /// <exception cref="RowException">One becomes too large.</exception>
    public virtual RowTargets Centred(double scale, ImmutableArray<double> offsets) => throw new InvalidOperationException("Classes are not scaled.");

    /// <summary>Over chosen rows the mean of each target, and one over the deviation that they have on average; 1 where they have none.</summary>
    /// <param name="rows">The rows; null: all.</param>
    public virtual (double Scale, ImmutableArray<double> Means, ImmutableArray<double> Deviations) Statistics(int[]? rows) =>
        throw new InvalidOperationException("Classes have no mean.");

    /// <summary>Writes a class index over zeros.</summary>
    protected void WriteLabel(int label, Span<float> targets)
    {
        if (Outputs < Classes.Length)
        {
            targets[0] = label;
        }
        else
        {
            targets[label] = Weights.IsEmpty ? 1 : Weights[label];
        }
    }

    protected static InvalidOperationException NoLabels() => new("The targets are numbers: a row has no class.");

    // Labels take half the size of integers: those of all rows are read in random order and should stay in the cache.
    private sealed class LabelTargets(ushort[] labels, int outputs, ImmutableArray<string> classes, ImmutableArray<float> weights)
        : RowTargets(outputs, classes, weights)
    {
        public override void Write(long row, Span<float> targets) => WriteLabel(labels[row], targets);

        public override int Label(long row) => labels[row];

        public override void CopyContent(long row, Span<byte> content) =>
            BinaryPrimitives.WriteUInt16LittleEndian(content, labels[row]);

        public override void HashRow(long row, DataFingerprint fingerprint) => fingerprint.Add((long)labels[row]);

        public override RowTargets AsIndex() => new LabelTargets(labels, 1, Classes, Weights);

        public override RowTargets Weighted(ImmutableArray<float> weights) => new LabelTargets(labels, Outputs, Classes, weights);
    }

    private sealed class NumberTargets(float[] numbers, int outputs, double[]? wide = null) : RowTargets(outputs, [], [])
    {
        public override void Write(long row, Span<float> targets) => Numbers(row).CopyTo(targets);

        public override int Label(long row) => throw NoLabels();

        public override void CopyContent(long row, Span<byte> content) => LittleEndian.Write(Numbers(row), content);

        public override void HashRow(long row, DataFingerprint fingerprint) => fingerprint.Add(Numbers(row));

        public override RowTargets Scaled(double scale)
        {
            var scaled = Array.ConvertAll(numbers, number => (float)(number * scale));
            var bad = Array.FindIndex(scaled, number => !float.IsFinite(number));
            return bad < 0
                ? new NumberTargets(scaled, Outputs)
                : throw new RowException(
                    bad / Outputs,
                    $"target {bad % Outputs}: target_scale makes the value too large for a 32-bit float. " +
                    "Choose a smaller one.");
        }

        public override RowTargets Centred(double scale, ImmutableArray<double> offsets)
        {
            var centred = new float[numbers.Length];
            for (var i = 0; i < centred.Length; i++)
            {
                centred[i] = (float)((Wide(i) - offsets[i % Outputs]) * scale);
                if (!float.IsFinite(centred[i]))
                {
                    throw new RowException(i / Outputs,
                        $"target {i % Outputs}: is too large for a 32-bit float in the scale of the training rows. Correct it or leave the row out.");
                }
            }

            return new NumberTargets(centred, Outputs) { Zeros = ZerosOf(scale, offsets) };
        }

        public override (double Scale, ImmutableArray<double> Means, ImmutableArray<double> Deviations) Statistics(int[]? rows)
        {
            // One chain for each target, in the order of the rows, relative to the first: a constant target has its exact value as its mean.
            var count = rows?.Length ?? numbers.Length / Outputs;
            var (means, squares, deviations) = (new double[Outputs], 0.0, new double[Outputs]);
            for (var target = 0; target < Outputs; target++)
            {
                var (first, sum) = (Value(0, target), 0.0);
                for (var i = 0; i < count; i++)
                {
                    sum += Value(i, target) - first;
                }

                means[target] = first + (sum / count);
                var own = 0.0;
                for (var i = 0; i < count; i++)
                {
                    var square = (Value(i, target) - means[target]) * (Value(i, target) - means[target]);
                    squares += square;
                    own += square;
                }

                deviations[target] = Math.Sqrt(own / count);
            }

            var scale = 1 / Math.Sqrt(squares / count / Outputs);
            return (double.IsFinite(scale) && float.IsFinite((float)scale) && (float)scale > 0 ? scale : 1, [.. means], [.. deviations]);

            double Value(int i, int target) => Wide(((rows?[i] ?? i) * Outputs) + target);
        }

        private double Wide(int index) => wide?[index] ?? numbers[index];

        private ReadOnlySpan<float> Numbers(long row) => numbers.AsSpan(checked((int)(row * Outputs)), Outputs);
    }

    private sealed class NoTargets(int outputs) : RowTargets(outputs, [], [])
    {
        public override void Write(long row, Span<float> targets)
        {
            // The zeros written over say it all.
        }

        public override int Label(long row) => throw NoLabels();

        public override void CopyContent(long row, Span<byte> content) => content.Clear();

        public override void HashRow(long row, DataFingerprint fingerprint) => fingerprint.Add("none");
    }
}
