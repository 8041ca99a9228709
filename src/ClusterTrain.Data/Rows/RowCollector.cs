using System.Runtime.InteropServices;
using ClusterTrain.Data.Common;

namespace ClusterTrain.Data.Rows;

/// <summary>Takes in the rows of a file one by one and makes a store of them.</summary>
internal abstract class RowCollector
{
    /// <summary>Takes in the next row.</summary>
    /// <param name="values">As many as in every row.</param>
    /// <param name="areWords">For each value, whether it numbers a word.</param>
    /// <exception cref="DataException">There are too many rows.</exception>
    public abstract void Add(ReadOnlySpan<double> values, ReadOnlySpan<bool> areWords);

    /// <summary>
    /// The rows as raw values, in the form that takes least room: bytes when all are whole numbers from 0 to 255, doubles where float32 cannot
    /// hold one.
    /// </summary>
    /// <param name="values">Values of a row.</param>
    /// <param name="encoder">Makes features of the values; null: they are the features.</param>
    /// <exception cref="DataException">There are too many rows.</exception>
    public abstract RowStore ToStore(int values, ValueEncoder? encoder);
}

/// <summary>Collects rows in memory.</summary>
/// <param name="name">What messages call them.</param>
internal sealed class MemoryCollector(string name) : RowCollector
{
    private readonly List<double> _values = [];

    public override void Add(ReadOnlySpan<double> values, ReadOnlySpan<bool> areWords)
    {
        RefuseAbove(_values.Count + (long)values.Length);
        _values.AddRange(values);
    }

    public override RowStore ToStore(int values, ValueEncoder? encoder)
    {
        if (encoder is null)
        {
            return RowStore.Of([.. _values], values);
        }

        var rows = _values.Count / values;
        var features = encoder.Features;
        RefuseAbove((long)rows * features);
        var spread = new double[rows * features];
        var raw = CollectionsMarshal.AsSpan(_values);
        for (var row = 0; row < rows; row++)
        {
            encoder.Encode(row, raw.Slice(row * values, values), spread.AsSpan(row * features, features));
        }

        return RowStore.Of(spread, features);
    }

    private void RefuseAbove(long values)
    {
        if (values > DataLimits.Values)
        {
            throw TooMany(name);
        }
    }

    /// <summary>The error of rows that are more than memory is taken for.</summary>
    public static DataException TooMany(string name) => new(
        $"{name}: more than {DataLimits.Values} values, the most that are held in memory. Use fewer rows or columns, or prepare the data into a "
            + "file.");
}
