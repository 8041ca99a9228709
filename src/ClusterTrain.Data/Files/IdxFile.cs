using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using ClusterTrain.Data.Common;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Memory;

namespace ClusterTrain.Data.Files;

/// <summary>
/// A file in the IDX format of the MNIST data: two zero bytes, a byte for the type of the values, a byte for the number of
/// dimensions, the dimensions as big-endian 32-bit integers, then the values, row-major and big-endian.
/// </summary>
internal sealed class IdxFile
{
    private IdxFile(string name, byte[] content, int start, bool isFloat, ImmutableArray<int> dimensions) =>
        (Name, Content, Start, IsFloat, Dimensions) = (name, content, start, isFloat, dimensions);

    /// <summary>What messages call it.</summary>
    public string Name { get; }

    /// <summary>The whole file, its header included.</summary>
    public byte[] Content { get; }

    /// <summary>Index of the first value in <see cref="Content"/>.</summary>
    public int Start { get; }

    /// <summary>True for big-endian float32 values, false for bytes.</summary>
    public bool IsFloat { get; }

    /// <summary>The dimensions, rows first; each at least 1.</summary>
    public ImmutableArray<int> Dimensions { get; }

    /// <summary>Number of rows.</summary>
    public int Rows => Dimensions[0];

    /// <summary>Values of a row.</summary>
    public int RowValues => Dimensions.Skip(1).Aggregate(1, (product, dimension) => product * dimension);

    /// <summary>Reads a whole file.</summary>
    /// <exception cref="DataException">It is not a complete IDX file of bytes or floats.</exception>
    public static IdxFile Read(DataFile file)
    {
        var header = IdxHeader.Read(file);
        if (header.TotalBytes > DataLimits.Values)
        {
            throw new DataException(
                $"{file.Name}: its header says {header.Shape}, {header.TotalBytes} bytes; at most {DataLimits.Values} are held in " +
                "memory. Use fewer rows, or prepare the data into a file.");
        }

        if (header.TotalBytes > file.MostBytes)
        {
            throw header.Truncated(file.Name, $"at most {file.MostBytes}");
        }

        var start = header.Bytes.Length;
        var content = GC.AllocateUninitializedArray<byte>((int)header.TotalBytes);
        LargePages.Prefer(content);
        header.Bytes.CopyTo(content, 0);
        var got = file.Read(content.AsSpan(start));
        if (got < content.Length - start)
        {
            throw header.Truncated(file.Name, $"{start + got}");
        }

        header.RequireEnd(file);
        return new IdxFile(file.Name, content, start, header.IsFloat, header.Dimensions);
    }

    /// <summary>The values as floats.</summary>
    /// <exception cref="DataException">One is not finite.</exception>
    public float[] ToFloats()
    {
        var values = GC.AllocateUninitializedArray<float>(Rows * RowValues);
        if (!IsFloat)
        {
            Kernels.Active.ScaleBytes(Content.AsSpan(Start), 1, 0, values);
            return values;
        }

        var bits = MemoryMarshal.Cast<float, int>(values.AsSpan());
        Content.AsSpan(Start).CopyTo(MemoryMarshal.AsBytes(bits));
        if (BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.ReverseEndianness(bits, bits);
        }

        var bad = Array.FindIndex(values, value => !float.IsFinite(value));
        return bad < 0 ? values : throw NotFinite(Name, bad / RowValues, bad % RowValues, values[bad]);
    }

    /// <summary>The error of a value that is no finite number.</summary>
    public static DataException NotFinite(string name, long row, long at, float value) => new(
        $"{name}: row {row}, value {at} is {value.ToString(CultureInfo.InvariantCulture)}, not a finite number. Correct or leave " +
        "out the row.");
}
