using ClusterTrain.Data.Common;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Files;

namespace ClusterTrain.Data.Prepared;

/// <summary>
/// A file that holds the whole of <see cref="PreparedData"/>: rows, targets, names and scaling. Opened, its rows are read from
/// the mapped file, so that data larger than memory can be trained with; the bits and the fingerprint are those of the
/// original.
/// </summary>
/// <remarks>
/// The file, little-endian throughout:
/// <list type="table">
/// <item><term>0 (8 bytes)</term><description><c>"ctdata\r\n"</c>.</description></item>
/// <item><term>8 (4)</term><description>Version of the format, now 1.</description></item>
/// <item><term>12 (4)</term><description>Bytes of the header.</description></item>
/// <item><term>16 (8)</term><description>Bytes of the whole file.</description></item>
/// <item><term>24 (32)</term><description>SHA-256 of bytes 0 to 23 and the header.</description></item>
/// <item><term>56</term><description>The header, JSON: names, scaling, and of each part rows, form and fingerprint.</description></item>
/// <item><term>then</term><description>Of training, validation and test rows, where there are any: the features row by row
/// (bytes to be scaled, or prepared float32), then the targets row by row (16-bit class indices, or float32). Each block
/// begins at the next multiple of 64.</description></item>
/// </list>
/// A part's fingerprint is checked against its content whenever it is asked for, so that damaged rows do not go unnoticed.
/// </remarks>
public static class PreparedDataFile
{
    private const int BufferBytes = 1 << 20;

    /// <summary>
    /// Bytes of the file that <see cref="Write(PreparedData, Stream, IProgress{DataProgress}?, CancellationToken)"/>
    /// writes; computes the fingerprints.
    /// </summary>
    public static long Length(PreparedData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return PreparedFrame.Of(PreparedHeader.Of(data)).Layout.Length;
    }

    /// <summary>True when a file is there and begins as one of prepared data.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static bool IsAt(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }

        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        return PreparedFrame.IsStartOf(file);
    }

    /// <summary>Writes a file, whole or not at all.</summary>
    /// <param name="data">The data.</param>
    /// <param name="path">The file.</param>
    /// <param name="progress">Told how far the writing is; null: nobody is.</param>
    /// <param name="cancellation">Ends the writing early; the path stays as it was.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to.</exception>
    public static void Write(
        PreparedData data, string path, IProgress<DataProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentException.ThrowIfNullOrEmpty(path);
        AtomicFile.Write(path, stream => Write(data, stream, path, progress, cancellation));
    }

    /// <summary>Writes the bytes of a file, front to back, to a stream that need not seek, such as a connection.</summary>
    /// <param name="data">The data.</param>
    /// <param name="stream">Receives <see cref="Length"/> bytes.</param>
    /// <param name="progress">Told how far the writing is; null: nobody is.</param>
    /// <param name="cancellation">Ends the writing early.</param>
    /// <exception cref="IOException">The stream cannot be written to.</exception>
    public static void Write(
        PreparedData data, Stream stream, IProgress<DataProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(stream);
        Write(data, stream, "prepared data", progress, cancellation);
    }

    /// <summary>
    /// Opens a file. The header is checked; of the rows only what is used is read, and their fingerprints are compared when
    /// they are asked for.
    /// </summary>
    /// <param name="path">The file; it must not be changed in place while it is in use.</param>
    /// <exception cref="DataException">It is not there, cut off, damaged or no prepared file.</exception>
    public static PreparedData Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            return Data(PreparedFrame.Read(file), new MappedFile(file), path);
        }
        catch (DataException exception)
        {
            throw new DataException($"{path}: {exception.Message}. Prepare the data again, or name the right file.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: cannot be opened: {exception.Message}", exception);
        }
    }

    private static PreparedData Data(PreparedFrame frame, MappedFile file, string path)
    {
        var header = frame.Header;
        var encoding = header.ReadEncoding();
        var bytes = new ByteScaling(encoding.Scaling);
        if (header.Parts.Any(part => part.Form == PreparedPart.BytesForm) && bytes.FirstNotFinite() is >= 0 and var bad)
        {
            throw new DataException($"its scaling makes feature {bad} too large for a 32-bit float");
        }

        var sets = header.Parts.Zip(frame.Layout.Parts, Set).GetEnumerator();
        return new PreparedData
        {
            Train = Next()!,
            Validation = header.Validation is null ? null : Next(),
            Test = header.Test is null ? null : Next(),
            Task = header.ReadTask(),
            Encoding = encoding,
            TargetNames = header.Targets,
            TargetScale = header.TargetScale,
            TargetOffsets = header.TargetOffsets.IsDefault ? [] : header.TargetOffsets,
            Shape = header.Shape,
            Origin = header.Origin,
        };

        DataSet? Next() => sets.MoveNext() ? sets.Current : null;

        DataSet Set(PreparedPart part, PreparedBlocks blocks) => new(
            new MappedRows(
                file, blocks.RowsAt, part.Rows, header.Features, part.Form == PreparedPart.BytesForm ? bytes : null),
            new MappedTargets(
                file, blocks.TargetsAt, header.Outputs, header.Classes, part == header.Train ? header.ClassWeights : [])
            {
                Zeros = header.TargetOffsets.IsDefault ? [] : RowTargets.ZerosOf(header.TargetScale, header.TargetOffsets),
            },
            map: null,
            fingerprint => fingerprint == part.Fingerprint
                ? fingerprint
                : throw new DataException(
                    $"{path}: the file is damaged: its rows have the fingerprint {fingerprint} where its header says " +
                    $"{part.Fingerprint}. Prepare the data again."));
    }

    private static void Write(
        PreparedData data, Stream stream, string item, IProgress<DataProgress>? progress, CancellationToken cancellation)
    {
        var frame = PreparedFrame.Of(PreparedHeader.Of(data));
        var output = new BlockWriter(stream, BufferBytes, Report);
        output.Write(frame.ToBytes());
        DataSet?[] parts = [data.Train, data.Validation, data.Test];
        foreach (var (part, blocks) in parts.OfType<DataSet>().Zip(frame.Layout.Parts))
        {
            output.PadTo(blocks.RowsAt);
            for (var row = 0L; row < part.Rows; row++)
            {
                part.CopyFeatures(row, output.Next(part.FeatureBytes));
            }

            output.PadTo(blocks.TargetsAt);
            for (var row = 0L; row < part.Rows; row++)
            {
                part.CopyTargets(row, output.Next(part.TargetBytes));
            }
        }

        output.Flush();
        cancellation.ThrowIfCancellationRequested();

        void Report(long bytes)
        {
            cancellation.ThrowIfCancellationRequested();
            progress?.Report(new DataProgress(DataActivity.Writing, item, bytes, frame.Layout.Length));
        }
    }
}
