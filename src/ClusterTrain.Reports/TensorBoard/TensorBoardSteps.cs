using System.Buffers.Binary;

namespace ClusterTrain.Reports.TensorBoard;

/// <summary>Reads back the steps of an event file that <see cref="TensorBoardLog"/> wrote.</summary>
internal static class TensorBoardSteps
{
    private const int HeadBytes = sizeof(ulong) + sizeof(uint);
    private const int TimeBytes = 1 + sizeof(double);
    private const byte StepTag = 2 << 3;
    private const int MostRecordBytes = 1 << 16;

    /// <summary>The steps, in the order of the file, up to a record that is cut off or of somebody else.</summary>
    public static IEnumerable<int> Of(string path)
    {
        using var file = new BinaryReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        while (file.ReadBytes(HeadBytes) is { Length: HeadBytes } head)
        {
            var length = BinaryPrimitives.ReadUInt64LittleEndian(head);
            if (length > MostRecordBytes)
            {
                yield break;
            }

            var record = file.ReadBytes((int)length + sizeof(uint));
            if (record.Length < (int)length + sizeof(uint))
            {
                yield break;
            }

            // The time comes first, then the step, a varint; the record of the format's version has none.
            if (record[TimeBytes] == StepTag)
            {
                yield return Varint(record.AsSpan(TimeBytes + 1));
            }
        }
    }

    private static int Varint(ReadOnlySpan<byte> bytes)
    {
        var value = 0;
        for (var at = 0; ; at++)
        {
            value |= (bytes[at] & 0x7F) << (7 * at);
            if (bytes[at] < 0x80)
            {
                return value;
            }
        }
    }
}
