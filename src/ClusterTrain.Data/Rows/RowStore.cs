using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;

namespace ClusterTrain.Data.Rows;

/// <summary>
/// The feature rows of one source, in whatever form they are held. Reading converts a row to the float32 values a network
/// sees. All members may be called from several threads.
/// </summary>
internal abstract class RowStore(long rows, int features)
{
    public long Rows { get; } = rows;

    public int Features { get; } = features;

    /// <summary>Raw values in the form that takes least memory: bytes when all are whole numbers from 0 to 255.</summary>
    public static RowStore Of(float[] values, int features)
    {
        if (!Array.TrueForAll(values, value => IsByte(value)))
        {
            return new FloatRows(values, features);
        }

        var bytes = new byte[values.Length];
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)values[i];
        }

        return new ByteRows(bytes, 0, bytes.Length / features, features);
    }

    /// <summary>The same of numbers that may have more digits than float32 holds.</summary>
    public static RowStore Of(double[] values, int features) =>
        Array.Exists(values, value => (float)value != value)
            ? new WideRows(values, features)
            : Of(Array.ConvertAll(values, value => (float)value), features);

    /// <summary>True for whole numbers from 0 to 255.</summary>
    public static bool IsByte(double value) => value == (byte)Math.Clamp(value, 0, 255);

    /// <summary>How the features are held.</summary>
    public abstract RowForm Form { get; }

    /// <summary>The prepared values of a row; no bounds are checked but the span's.</summary>
    public abstract void Read(long row, Span<float> values);

    /// <summary>True when raw values may have more digits than float32 holds.</summary>
    public virtual bool IsWide => false;

    /// <summary>The raw values of a row, with all the digits there are; asked before the rows are prepared.</summary>
    public virtual void ReadWide(long row, Span<double> values)
    {
        var narrow = new float[Features];
        Read(row, narrow);
        for (var i = 0; i < narrow.Length; i++)
        {
            values[i] = narrow[i];
        }
    }

    /// <summary>The same, with the hint that another row will be read soon.</summary>
    public virtual void Read(long row, Span<float> values, long ahead)
    {
        Prefetch(ahead);
        Read(row, values);
    }

    /// <summary>Hints that a row will be read soon.</summary>
    public abstract void Prefetch(long row);

    /// <summary>
    /// The same rows under a scaling; this store, which holds raw values, may be taken over and must not be used again.
    /// </summary>
    /// <exception cref="RowException">A scaled value is too large.</exception>
    public abstract RowStore Prepare(FeatureScaling scaling);

    /// <summary>The features that an encoder makes of these rows, whose values are none yet.</summary>
    /// <param name="encoder">The encoder.</param>
    /// <param name="name">What messages call the rows.</param>
    /// <exception cref="DataException">A row has no such features, or there are too many.</exception>
    public virtual RowStore Encode(ValueEncoder encoder, string name)
    {
        if (Rows * encoder.Features > DataLimits.Values)
        {
            throw MemoryCollector.TooMany(name);
        }

        var values = new double[Features];
        var features = new double[Rows * encoder.Features];
        for (var row = 0L; row < Rows; row++)
        {
            ReadWide(row, values);
            encoder.Encode(row, values, features.AsSpan((int)(row * encoder.Features), encoder.Features));
        }

        return Of(features, encoder.Features);
    }

    /// <summary>Copies a row's content as it is held: the bytes, or the prepared floats in little-endian order.</summary>
    public abstract void CopyContent(long row, Span<byte> content);

    /// <summary>Adds what the rows' values depend on besides their content, see <see cref="DataFingerprint"/>.</summary>
    public abstract void HashForm(DataFingerprint fingerprint);

    /// <summary>Adds a row's content.</summary>
    public abstract void HashRow(long row, DataFingerprint fingerprint);

    /// <summary>The error of a value that scaling made too large.</summary>
    protected static RowException NotFinite(long row, int feature) =>
        new(row, $"feature {feature}: scaling makes the value too large for a 32-bit float. Choose a smaller " +
        "scale, or leave the feature out.");
}
