using ClusterTrain.Numerics;

namespace ClusterTrain.Learning;

/// <summary>
/// Rows of whole numbers from 0 to 255, a quarter of the memory of floats; converted and scaled as they are read.
/// </summary>
internal sealed class ByteRows : RowStore
{
    private readonly byte[] _bytes;
    private readonly int _start;
    private readonly float[] _factors;
    private readonly float[] _shifts;

    /// <param name="bytes">The values, row-major from <paramref name="start"/> on.</param>
    /// <param name="start">Index of the first value.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="features">Values of a row.</param>
    public ByteRows(byte[] bytes, int start, long rows, int features)
        : this(bytes, start, rows, features, [1f], [0f])
    {
    }

    private ByteRows(byte[] bytes, int start, long rows, int features, float[] factors, float[] shifts)
        : base(rows, features)
    {
        (_bytes, _start, _factors, _shifts) = (bytes, start, factors, shifts);
    }

    public override void Read(long row, Span<float> values)
    {
        if (_factors.Length == 1)
        {
            Kernels.Active.ScaleBytes(Bytes(row), _factors[0], _shifts[0], values);
        }
        else
        {
            Kernels.Active.ScaleBytes(Bytes(row), 1, 0, values);
            FeatureScaling.Apply(_factors, _shifts, values);
        }
    }

    public override void Prefetch(long row) => MemoryHints.Prefetch(Bytes(row));

    public override RowStore Prepare(FeatureScaling scaling)
    {
        for (var i = 0; i < scaling.Factors.Length; i++)
        {
            if (!float.IsFinite(MathF.FusedMultiplyAdd(byte.MaxValue, scaling.Factors[i], scaling.Shifts[i])))
                throw NotFinite(0, i);
        }

        return new ByteRows(_bytes, _start, Rows, Features, [.. scaling.Factors], [.. scaling.Shifts]);
    }

    public override void HashForm(DataFingerprint fingerprint)
    {
        fingerprint.Add("bytes");
        fingerprint.Add(_factors.Length);
        fingerprint.Add(_factors);
        fingerprint.Add(_shifts);
    }

    public override void HashRow(long row, DataFingerprint fingerprint) => fingerprint.Add(Bytes(row));

    private ReadOnlySpan<byte> Bytes(long row) => _bytes.AsSpan(checked((int)(_start + (row * Features))), Features);
}
