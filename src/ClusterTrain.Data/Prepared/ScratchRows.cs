using System.Buffers;
using System.Runtime.InteropServices;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Rows;

namespace ClusterTrain.Data.Prepared;

/// <summary>Rows of raw values, float32 or double, in a mapped temporary file, spread and scaled as they are read.</summary>
internal sealed class ScratchRows : RowStore
{
    private readonly MappedFile _file;
    private readonly int _values;
    private readonly bool _isWide;
    private readonly ValueEncoder? _encoder;
    private readonly FeatureScaling? _scaling;
    private readonly CancellationToken _cancellation;
    private readonly ByteScaling? _byteScaling;

    /// <param name="file">The values, row by row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="values">Values of a row.</param>
    /// <param name="isWide">True: they are doubles.</param>
    /// <param name="encoder">Makes features of the values; null: they are the features.</param>
    /// <param name="form">The form the rows are to have.</param>
    /// <param name="cancellation">Ends a pass over the rows.</param>
    /// <param name="scaling">Null: none yet.</param>
    public ScratchRows(
        MappedFile file,
        long rows,
        int values,
        bool isWide,
        ValueEncoder? encoder,
        RowForm form,
        CancellationToken cancellation,
        FeatureScaling? scaling = null)
        : base(rows, encoder?.Features ?? values)
    {
        (_file, _values, _isWide, _encoder) = (file, values, isWide, encoder);
        (Form, _cancellation, _scaling) = (form, cancellation, scaling);
        if (form == RowForm.Bytes)
        {
            _byteScaling = new ByteScaling(scaling ?? FeatureScaling.Uniform(Features, 1));
        }
    }

    public override RowForm Form { get; }

    public override bool IsWide => _isWide;

    public override void Read(long row, Span<float> values)
    {
        var wide = ArrayPool<double>.Shared.Rent(Features);
        var raw = wide.AsSpan(0, Features);
        ReadWide(row, raw);
        if (_scaling is not null)
        {
            _scaling.ApplyToRow(raw, values);
        }
        else
        {
            Narrow(raw, values);
        }

        ArrayPool<double>.Shared.Return(wide);
    }

    public override void ReadWide(long row, Span<double> values)
    {
        if (_encoder is null)
        {
            ReadStored(row, values);
            return;
        }

        var stored = ArrayPool<double>.Shared.Rent(_values);
        ReadStored(row, stored.AsSpan(0, _values));
        _encoder.Encode(row, stored.AsSpan(0, _values), values);
        ArrayPool<double>.Shared.Return(stored);
    }

    public override void Prefetch(long row)
    {
        // Rows are read once, in order: the operating system reads ahead by itself.
    }

    public override RowStore Encode(ValueEncoder encoder, string name)
    {
        var areBytes = true;
        var encoded = new ScratchRows(_file, Rows, _values, _isWide, encoder, RowForm.Floats, _cancellation);
        var features = new double[encoder.Features];
        for (var row = 0L; row < Rows; row++)
        {
            encoded.ReadWide(row, features);
            areBytes = areBytes && Array.TrueForAll(features, RowStore.IsByte);
        }

        return areBytes ? new ScratchRows(_file, Rows, _values, _isWide, encoder, RowForm.Bytes, _cancellation) : encoded;
    }

    public override RowStore Prepare(FeatureScaling scaling)
    {
        var form = scaling.HasOrigins ? RowForm.Floats : Form;
        var prepared = new ScratchRows(_file, Rows, _values, _isWide, _encoder, form, _cancellation, scaling);
        if (prepared._byteScaling?.FirstNotFinite() is >= 0 and var feature)
        {
            throw NotFinite(0, feature);
        }

        var values = new float[Features];
        for (var row = 0L; form == RowForm.Floats && row < Rows; row++)
        {
            prepared.Read(row, values);
            var bad = Array.FindIndex(values, value => !float.IsFinite(value));
            if (bad >= 0)
            {
                throw NotFinite(row, bad);
            }
        }

        return prepared;
    }

    public override void CopyContent(long row, Span<byte> content)
    {
        if (Form == RowForm.Bytes)
        {
            var wide = ArrayPool<double>.Shared.Rent(Features);
            ReadWide(row, wide.AsSpan(0, Features));
            for (var i = 0; i < Features; i++)
            {
                content[i] = (byte)wide[i];
            }

            ArrayPool<double>.Shared.Return(wide);
            return;
        }

        var values = ArrayPool<float>.Shared.Rent(Features);
        Read(row, values.AsSpan(0, Features));
        LittleEndian.Write(values.AsSpan(0, Features), content);
        ArrayPool<float>.Shared.Return(values);
    }

    public override void HashForm(DataFingerprint fingerprint)
    {
        if (_byteScaling is null)
        {
            fingerprint.Add("floats");
        }
        else
        {
            _byteScaling.Hash(fingerprint);
        }
    }

    public override void HashRow(long row, DataFingerprint fingerprint)
    {
        var bytes = ArrayPool<byte>.Shared.Rent(Features * sizeof(float));
        var content = bytes.AsSpan(0, Features * (Form == RowForm.Bytes ? sizeof(byte) : sizeof(float)));
        CopyContent(row, content);
        fingerprint.Add(content);
        ArrayPool<byte>.Shared.Return(bytes);
    }

    private static void Narrow(ReadOnlySpan<double> wide, Span<float> values)
    {
        for (var i = 0; i < wide.Length; i++)
        {
            values[i] = (float)wide[i];
        }
    }

    private void ReadStored(long row, Span<double> values)
    {
        _cancellation.ThrowIfCancellationRequested();
        var bytes = _values * (_isWide ? sizeof(double) : sizeof(float));
        var stored = _file.Slice(row * bytes, bytes);
        if (_isWide)
        {
            MemoryMarshal.Cast<byte, double>(stored).CopyTo(values);
        }
        else
        {
            var narrow = MemoryMarshal.Cast<byte, float>(stored);
            for (var i = 0; i < narrow.Length; i++)
            {
                values[i] = narrow[i];
            }
        }

        GC.KeepAlive(_file);
    }
}
