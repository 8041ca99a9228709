using System.Buffers;
using System.Runtime.InteropServices;

namespace ClusterTrain.Learning;

/// <summary>Rows of raw float32 values in a mapped temporary file, spread and scaled as they are read.</summary>
internal sealed class ScratchRows : RowStore
{
    private readonly MappedFile _file;
    private readonly int _values;
    private readonly OneHot? _oneHot;
    private readonly FeatureScaling? _scaling;
    private readonly CancellationToken _cancellation;
    private readonly ByteScaling? _byteScaling;

    /// <param name="file">The values, row by row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="values">Values of a row.</param>
    /// <param name="oneHot">Spreads words; null: there are none.</param>
    /// <param name="form">The form the rows are to have.</param>
    /// <param name="cancellation">Ends a pass over the rows.</param>
    /// <param name="scaling">Null: none yet.</param>
    public ScratchRows(
        MappedFile file, long rows, int values, OneHot? oneHot, RowForm form, CancellationToken cancellation, FeatureScaling? scaling = null)
        : base(rows, oneHot?.Features ?? values)
    {
        (_file, _values, _oneHot, Form, _cancellation, _scaling) = (file, values, oneHot, form, cancellation, scaling);
        if (form == RowForm.Bytes)
            _byteScaling = new ByteScaling(scaling ?? FeatureScaling.Uniform(Features, 1));
    }

    public override RowForm Form { get; }

    public override void Read(long row, Span<float> values)
    {
        ReadRaw(row, values);
        _scaling?.Apply(values, values);
    }

    public override void Prefetch(long row)
    {
        // Rows are read once, in order: the operating system reads ahead by itself.
    }

    public override RowStore Prepare(FeatureScaling scaling)
    {
        var prepared = new ScratchRows(_file, Rows, _values, _oneHot, Form, _cancellation, scaling);
        if (prepared._byteScaling?.FirstNotFinite() is >= 0 and var feature)
            throw NotFinite(0, feature);
        var values = new float[Features];
        for (var row = 0L; Form == RowForm.Floats && row < Rows; row++)
        {
            prepared.Read(row, values);
            var bad = Array.FindIndex(values, value => !float.IsFinite(value));
            if (bad >= 0)
                throw NotFinite(row, bad);
        }

        return prepared;
    }

    public override void CopyContent(long row, Span<byte> content)
    {
        var values = ArrayPool<float>.Shared.Rent(Features);
        var used = values.AsSpan(0, Features);
        if (Form == RowForm.Bytes)
        {
            ReadRaw(row, used);
            for (var i = 0; i < used.Length; i++)
                content[i] = (byte)used[i];
        }
        else
        {
            Read(row, used);
            LittleEndian.Write(used, content);
        }

        ArrayPool<float>.Shared.Return(values);
    }

    public override void HashForm(DataFingerprint fingerprint)
    {
        if (_byteScaling is null)
            fingerprint.Add("floats");
        else
            _byteScaling.Hash(fingerprint);
    }

    public override void HashRow(long row, DataFingerprint fingerprint)
    {
        var bytes = ArrayPool<byte>.Shared.Rent(Features * sizeof(float));
        var content = bytes.AsSpan(0, Features * (Form == RowForm.Bytes ? sizeof(byte) : sizeof(float)));
        CopyContent(row, content);
        fingerprint.Add(content);
        ArrayPool<byte>.Shared.Return(bytes);
    }

    private void ReadRaw(long row, Span<float> values)
    {
        _cancellation.ThrowIfCancellationRequested();
        var bytes = _values * sizeof(float);
        var raw = MemoryMarshal.Cast<byte, float>(_file.Slice(row * bytes, bytes));
        if (_oneHot is null)
            raw.CopyTo(values);
        else
            _oneHot.Spread(raw, values);
        GC.KeepAlive(_file);
    }
}
