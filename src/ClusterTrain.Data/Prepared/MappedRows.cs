using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Rows;

namespace ClusterTrain.Data.Prepared;

/// <summary>Feature rows in a mapped file, as they are held: raw bytes with their scaling, or prepared floats.</summary>
internal sealed class MappedRows : RowStore
{
    private readonly MappedFile _file;
    private readonly long _start;
    private readonly int _rowBytes;
    private readonly ByteScaling? _scaling;

    /// <param name="file">The file.</param>
    /// <param name="start">Byte of the first row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="features">Values of a row.</param>
    /// <param name="scaling">For bytes their scaling; null: the rows are floats.</param>
    public MappedRows(MappedFile file, long start, long rows, int features, ByteScaling? scaling)
        : base(rows, features)
    {
        (_file, _start, _scaling) = (file, start, scaling);
        _rowBytes = features * (scaling is null ? sizeof(float) : sizeof(byte));
    }

    public override RowForm Form => _scaling is null ? RowForm.Floats : RowForm.Bytes;

    public override void Read(long row, Span<float> values)
    {
        if (_scaling is null)
        {
            LittleEndian.Read(Content(row), values);
        }
        else
        {
            _scaling.Read(Content(row), values);
        }

        GC.KeepAlive(_file);
    }

    public override void Read(long row, Span<float> values, long ahead)
    {
        if (_scaling is null)
        {
            base.Read(row, values, ahead);
        }
        else
        {
            _scaling.Read(Content(row), values, Content(ahead));
        }

        GC.KeepAlive(_file);
    }

    public override void Prefetch(long row) => MemoryHints.Prefetch(Content(row));

    public override RowStore Prepare(FeatureScaling scaling) =>
        throw new InvalidOperationException("The rows of a prepared file are scaled already.");

    public override void CopyContent(long row, Span<byte> content)
    {
        Content(row).CopyTo(content);
        GC.KeepAlive(_file);
    }

    public override void HashForm(DataFingerprint fingerprint)
    {
        if (_scaling is null)
        {
            fingerprint.Add("floats");
        }
        else
        {
            _scaling.Hash(fingerprint);
        }
    }

    public override void HashRow(long row, DataFingerprint fingerprint)
    {
        fingerprint.Add(Content(row));
        GC.KeepAlive(_file);
    }

    private ReadOnlySpan<byte> Content(long row) => _file.Slice(_start + (row * _rowBytes), _rowBytes);
}
