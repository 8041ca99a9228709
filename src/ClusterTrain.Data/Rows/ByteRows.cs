using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;

namespace ClusterTrain.Data.Rows;

/// <summary>
/// Rows of whole numbers from 0 to 255, a quarter of the memory of floats; converted and scaled as they are read.
/// </summary>
internal sealed class ByteRows : RowStore
{
    private readonly byte[] _bytes;
    private readonly int _start;
    private readonly ByteScaling _scaling;

    /// <param name="bytes">The values, row-major from <paramref name="start"/> on.</param>
    /// <param name="start">Index of the first value.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="features">Values of a row.</param>
    public ByteRows(byte[] bytes, int start, long rows, int features)
        : this(bytes, start, rows, features, new ByteScaling(FeatureScaling.Uniform(features, 1)))
    {
    }

    private ByteRows(byte[] bytes, int start, long rows, int features, ByteScaling scaling)
        : base(rows, features)
    {
        (_bytes, _start, _scaling) = (bytes, start, scaling);
    }

    public override RowForm Form => RowForm.Bytes;

    public override void Read(long row, Span<float> values) => _scaling.Read(Bytes(row), values);

    public override void Read(long row, Span<float> values, long ahead) => _scaling.Read(Bytes(row), values, Bytes(ahead));

    public override void Prefetch(long row) => MemoryHints.Prefetch(Bytes(row));

    public override RowStore Prepare(FeatureScaling scaling)
    {
        if (scaling.HasOrigins)
        {
            return ToFloats().Prepare(scaling);
        }

        var prepared = new ByteScaling(scaling);
        var bad = prepared.FirstNotFinite();
        return bad < 0 ? new ByteRows(_bytes, _start, Rows, Features, prepared) : throw NotFinite(0, bad);
    }

    public override void CopyContent(long row, Span<byte> content) => Bytes(row).CopyTo(content);

    public override void HashForm(DataFingerprint fingerprint) => _scaling.Hash(fingerprint);

    public override void HashRow(long row, DataFingerprint fingerprint) => fingerprint.Add(Bytes(row));

    private FloatRows ToFloats()
    {
        var values = new float[Rows * Features];
        for (var row = 0L; row < Rows; row++)
        {
            Read(row, values.AsSpan((int)(row * Features), Features));
        }

        return new FloatRows(values, Features);
    }

    private ReadOnlySpan<byte> Bytes(long row) => _bytes.AsSpan(checked((int)(_start + (row * Features))), Features);
}
