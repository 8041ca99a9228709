using System.Collections.Immutable;

namespace ClusterTrain.Learning;

/// <summary>The targets of the rows of one store: class indices or numbers.</summary>
internal sealed class RowTargets
{
    // Half the size of integers: the labels of all rows are read in random order and should stay in the cache.
    private readonly ushort[] _labels;
    private readonly float[] _numbers;

    private RowTargets(ushort[] labels, float[] numbers, int outputs, ImmutableArray<string> classes) =>
        (_labels, _numbers, Outputs, Classes) = (labels, numbers, outputs, classes);

    public int Outputs { get; }

    public ImmutableArray<string> Classes { get; }

    /// <summary>Class indices, one per row, each below the number of classes.</summary>
    public static RowTargets FromLabels(int[] labels, ImmutableArray<string> classes) =>
        new(Array.ConvertAll(labels, label => checked((ushort)label)), [], classes.Length, classes);

    /// <summary>Numbers, row-major (rows, outputs).</summary>
    public static RowTargets FromNumbers(float[] numbers, int outputs) => new([], numbers, outputs, []);

    /// <summary>Writes a row's targets over <see cref="Outputs"/> zeros.</summary>
    public void Write(long row, Span<float> targets)
    {
        if (_labels.Length > 0)
            targets[_labels[row]] = 1;
        else
            Numbers(row).CopyTo(targets);
    }

    public int Label(long row) => Classes.IsEmpty
        ? throw new InvalidOperationException("The targets are numbers: a row has no class.")
        : _labels[row];

    public void HashRow(long row, DataFingerprint fingerprint)
    {
        if (Classes.IsEmpty)
            fingerprint.Add(Numbers(row));
        else
            fingerprint.Add(_labels[row]);
    }

    private ReadOnlySpan<float> Numbers(long row) => _numbers.AsSpan(checked((int)(row * Outputs)), Outputs);
}
