using System.Runtime.InteropServices;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;

namespace ClusterTrain.Data.Rows;

/// <summary>Rows of float32 values, scaled once when they are prepared.</summary>
/// <param name="values">Row-major (rows, features).</param>
/// <param name="features">Values of a row.</param>
internal sealed class FloatRows(float[] values, int features) : RowStore(values.Length / features, features)
{
    public override RowForm Form => RowForm.Floats;

    public override void Read(long row, Span<float> destination) => Row(row).CopyTo(destination);

    public override void Prefetch(long row) => MemoryHints.Prefetch(MemoryMarshal.AsBytes(Row(row)));

    public override RowStore Prepare(FeatureScaling scaling)
    {
        scaling.Apply(values, values);
        var bad = Array.FindIndex(values, value => !float.IsFinite(value));
        return bad < 0 ? this : throw NotFinite(bad / Features, bad % Features);
    }

    public override void CopyContent(long row, Span<byte> content) => LittleEndian.Write(Row(row), content);

    public override void HashForm(DataFingerprint fingerprint) => fingerprint.Add("floats");

    public override void HashRow(long row, DataFingerprint fingerprint) => fingerprint.Add(Row(row));

    private ReadOnlySpan<float> Row(long row) => values.AsSpan(checked((int)(row * Features)), Features);
}
