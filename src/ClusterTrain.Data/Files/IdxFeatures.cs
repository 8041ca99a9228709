using System.Buffers.Binary;
using System.Collections.Immutable;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Rows;

namespace ClusterTrain.Data.Files;

/// <summary>The features of an IDX file.</summary>
/// <param name="Name">What messages call the file.</param>
/// <param name="Dimensions">Its dimensions, rows first.</param>
/// <param name="Rows">The raw features.</param>
internal sealed record IdxFeatures(string Name, ImmutableArray<int> Dimensions, RowStore Rows)
{
    /// <summary>The features in memory, in the form that takes least of it.</summary>
    /// <exception cref="DataException">A float is not finite.</exception>
    public static IdxFeatures Of(IdxFile file) => new(file.Name, file.Dimensions, file.IsFloat
        ? RowStore.Of(file.ToFloats(), file.RowValues)
        : new ByteRows(file.Content, file.Start, file.Rows, file.RowValues));

    /// <summary>Reads a file row by row.</summary>
    /// <param name="file">The file.</param>
    /// <param name="rows">Takes in the rows.</param>
    /// <exception cref="DataException">It is not a complete IDX file of bytes or finite floats.</exception>
    public static IdxFeatures Read(DataFile file, RowCollector rows)
    {
        var header = IdxHeader.Read(file);
        var content = new byte[header.RowValues * (header.IsFloat ? sizeof(float) : sizeof(byte))];
        var values = new double[header.RowValues];
        var areWords = new bool[header.RowValues];
        for (var row = 0; row < header.Dimensions[0]; row++)
        {
            var got = file.Read(content);
            if (got < content.Length)
            {
                throw header.Truncated(file.Name, $"{header.Bytes.Length + ((long)row * content.Length) + got}");
            }

            for (var i = 0; i < values.Length; i++)
            {
                values[i] = header.IsFloat ? BinaryPrimitives.ReadSingleBigEndian(content.AsSpan(sizeof(float) * i)) : content[i];
            }

            var bad = Array.FindIndex(values, value => !double.IsFinite(value));
            if (bad >= 0)
            {
                throw IdxFile.NotFinite(file.Name, row, bad, (float)values[bad]);
            }

            rows.Add(values, areWords);
        }

        header.RequireEnd(file);
        return new IdxFeatures(file.Name, header.Dimensions, rows.ToStore(values.Length, encoder: null));
    }
}
