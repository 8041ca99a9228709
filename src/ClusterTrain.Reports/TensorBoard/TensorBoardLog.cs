using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using ClusterTrain.Data.Models;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Reports.TensorBoard;

/// <summary>
/// Writes a run's figures as a TensorBoard event file: a scalar per figure and epoch, at the number of the epoch. The tags are
/// <c>loss</c>, <c>val_loss</c>, <c>val_acc</c>, <c>val_mae</c>, <c>val_mse</c>, <c>val_r2</c> and <c>samples_per_second</c>.
/// </summary>
/// <remarks>
/// The file holds records: length (64 bits, little-endian), masked CRC-32C of the length, an Event message, masked CRC-32C of the
/// message. Format: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details and TensorFlow's event.proto
/// and summary.proto.
/// </remarks>
public sealed class TensorBoardLog : IDisposable
{
    // Fields of Event, of Summary and of Summary.Value.
    private const int WallTime = 1;
    private const int Step = 2;
    private const int FileVersion = 3;
    private const int SummaryField = 5;
    private const int SummaryValue = 1;
    private const int Tag = 1;
    private const int SimpleValue = 2;

    private readonly AppendedFile _file;
    private readonly TimeProvider _time;
    private readonly HashSet<int> _epochs;

    /// <summary>
    /// Begins a new event file; a resumed run adds one to those that are there, and writes the epochs that they lack, without their speeds.
    /// </summary>
    /// <param name="folder">Its folder, made when it is missing: the name of the run in TensorBoard.</param>
    /// <param name="time">The clock.</param>
    /// <param name="recorded">The epochs of the run so far.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public TensorBoardLog(string folder, TimeProvider time, IEnumerable<EpochRecord> recorded)
    {
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(recorded);
        _time = time;
        Directory.CreateDirectory(folder);
        _epochs = [.. Files(folder).SelectMany(TensorBoardSteps.Of)];
        var now = time.GetUtcNow();
        _file = Create(folder, now);
        Write(Event(now).Text(FileVersion, "brain.Event:2"));
        foreach (var record in recorded)
        {
            Write(record, samplesPerSecond: null);
        }
    }

    /// <summary>The file.</summary>
    public string Path => _file.Path;

    /// <summary>Why figures wait to be written, with the file's name; null: none do.</summary>
    public string? Problem => _file.Problem;

    /// <summary>Writes an epoch's figures down; other events are not.</summary>
    /// <param name="happened">The event.</param>
    public void Write(RunEvent happened)
    {
        if (happened is EpochCompleted completed)
        {
            Write(completed.Record, completed.SamplesPerSecond);
        }
    }

    /// <summary>True when a run folder has event files, which a resumed run adds to.</summary>
    /// <param name="folder">The folder.</param>
    public static bool IsIn(string folder) => Directory.Exists(folder) && Files(folder).Any();

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static IEnumerable<string> Files(string folder) => Directory.EnumerateFiles(folder, "events.out.tfevents.*");

    private void Write(EpochRecord record, double? samplesPerSecond)
    {
        if (!_epochs.Add(record.Epoch))
        {
            return;
        }

        var summary = new ProtobufMessage();
        Add("loss", record.Loss);
        Add("val_loss", record.Validation?.Loss);
        Add("val_acc", record.Validation?.Accuracy);
        Add("val_mae", record.Validation?.MeanAbsoluteError);
        Add("val_mse", record.Validation?.MeanSquaredError);
        Add("val_r2", record.Validation?.R2);
        Add("samples_per_second", samplesPerSecond);
        Write(Event(_time.GetUtcNow()).Integer(Step, record.Epoch).Message(SummaryField, summary));

        void Add(string tag, double? value)
        {
            if (value is { } number)
            {
                summary.Message(SummaryValue, new ProtobufMessage().Text(Tag, tag).Single(SimpleValue, (float)number));
            }
        }
    }

    // TensorBoard reads the files whose names hold "tfevents", in the order of the names: seconds first.
    private static AppendedFile Create(string folder, DateTimeOffset now)
    {
        for (var number = 0; ; number++)
        {
            var name = string.Create(
                CultureInfo.InvariantCulture,
                $"events.out.tfevents.{now.ToUnixTimeSeconds():D10}.{Environment.MachineName}.{Environment.ProcessId}.{number}");
            var path = System.IO.Path.Combine(folder, name);
            if (!File.Exists(path))
            {
                return AppendedFile.Create(path);
            }
        }
    }

    private static ProtobufMessage Event(DateTimeOffset time) =>
        new ProtobufMessage().Double(WallTime, (time - DateTimeOffset.UnixEpoch).TotalSeconds);

    // One write for a record: a reader that follows the file never sees half of one for long.
    private void Write(ProtobufMessage message)
    {
        var content = message.Bytes;
        var record = new byte[sizeof(ulong) + sizeof(uint) + content.Length + sizeof(uint)];
        BinaryPrimitives.WriteUInt64LittleEndian(record, (ulong)content.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), Masked(record.AsSpan(0, 8)));
        content.CopyTo(record.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + content.Length), Masked(content));
        _file.Add(record);
    }

    // The sum is rotated and shifted, so that sums over data that hold sums are no weaker.
    private static uint Masked(ReadOnlySpan<byte> bytes)
    {
        var sum = uint.MaxValue;
        foreach (var part in bytes)
        {
            sum = BitOperations.Crc32C(sum, part);
        }

        return BitOperations.RotateRight(~sum, 15) + 0xA282EAD8;
    }
}
