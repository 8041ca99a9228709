using ClusterTrain.Data.Common;

namespace ClusterTrain.Data.Rows;

/// <summary>From the stored values of a row to its raw features.</summary>
internal abstract class ValueEncoder
{
    /// <summary>Features of a row.</summary>
    public abstract int Features { get; }

    /// <summary>Encodes a row; may be called from several threads.</summary>
    /// <param name="row">Index of the row, for messages.</param>
    /// <param name="values">Its stored values.</param>
    /// <param name="features">Receives (<see cref="Features"/>).</param>
    /// <exception cref="DataException">The row has no such features.</exception>
    public abstract void Encode(long row, ReadOnlySpan<double> values, Span<double> features);
}
