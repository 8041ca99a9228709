using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;

namespace ClusterTrain.Data.Rows;

/// <summary>Raw rows of numbers of which float32 cannot hold all digits; prepared, they are float32.</summary>
/// <param name="values">Row-major (rows, features).</param>
/// <param name="features">Values of a row.</param>
internal sealed class WideRows(double[] values, int features) : RowStore(values.Length / features, features)
{
    public override RowForm Form => RowForm.Floats;

    public override bool IsWide => true;

    public override void Read(long row, Span<float> destination)
    {
        var wide = Row(row);
        for (var i = 0; i < wide.Length; i++)
        {
            destination[i] = (float)wide[i];
        }
    }

    public override void ReadWide(long row, Span<double> destination) => Row(row).CopyTo(destination);

    public override void Prefetch(long row)
    {
        // Raw rows are read once, in order.
    }

    public override RowStore Prepare(FeatureScaling scaling)
    {
        var prepared = new float[values.Length];
        for (var row = 0L; row < Rows; row++)
        {
            scaling.ApplyToRow(Row(row), prepared.AsSpan((int)(row * Features), Features));
        }

        var bad = Array.FindIndex(prepared, value => !float.IsFinite(value));
        return bad < 0 ? new FloatRows(prepared, Features) : throw NotFinite(bad / Features, bad % Features);
    }

    public override void CopyContent(long row, Span<byte> content) => throw Raw();

    public override void HashForm(DataFingerprint fingerprint) => throw Raw();

    public override void HashRow(long row, DataFingerprint fingerprint) => throw Raw();

    private static InvalidOperationException Raw() => new("Raw rows have no content of their own; prepare them first.");

    private ReadOnlySpan<double> Row(long row) => values.AsSpan(checked((int)(row * Features)), Features);
}
