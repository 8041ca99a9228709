using System.Buffers.Binary;
using System.Text;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Reports.TensorBoard;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Reports.Tests;

/// <summary>Reads event files by the letter of the record format, with a checksum computed bit by bit.</summary>
public sealed class TensorBoardLogTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("clustertrain-test-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Every_figure_of_an_epoch_is_a_scalar_at_its_number()
    {
        var validation = new Evaluation { Rows = 10, Loss = 0.5, Accuracy = 0.75 };
        var time = new FixedTime(DateTimeOffset.UnixEpoch.AddSeconds(1_700_000_000.5));
        string path;
        using (var log = new TensorBoardLog(Path.Combine(_folder.FullName, "run"), time, []))
        {
            path = log.Path;
            log.Write(new RunProgress(3, 1, 2));
            log.Write(new EpochCompleted(new EpochRecord(1, 300, 1.25, validation, "00"), 1000, 2, TimeSpan.Zero));
            log.Write(new EpochCompleted(new EpochRecord(300, 90_000, 0.125, null, "00"), 2000, 2, TimeSpan.Zero));
        }

        Assert.StartsWith("events.out.tfevents.1700000000.", Path.GetFileName(path), StringComparison.Ordinal);
        var events = Records(path).Select(Event).ToArray();
        Assert.Equal(
            [
                "1700000000.5 version brain.Event:2",
                "1700000000.5 step 1: loss 1.25, val_loss 0.5, val_acc 0.75, samples_per_second 1000",
                "1700000000.5 step 300: loss 0.125, samples_per_second 2000",
            ],
            events);
    }

    [Fact]
    public void A_log_that_continues_adds_what_is_missing_and_nothing_twice()
    {
        var time = new FixedTime(DateTimeOffset.UnixEpoch);
        EpochRecord[] records = [.. Enumerable.Range(1, 300).Select(epoch => new EpochRecord(epoch, epoch, epoch, null, "00"))];
        using (var log = new TensorBoardLog(_folder.FullName, time, []))
        {
            foreach (var record in records[..298])
            {
                log.Write(new EpochCompleted(record, 1000, 1, TimeSpan.Zero));
            }

            log.Write(new EpochCompleted(records[298], 1000, 1, TimeSpan.Zero));
        }

        var first = Assert.Single(Directory.GetFiles(_folder.FullName));
        File.WriteAllBytes(first, File.ReadAllBytes(first)[..^5]);
        Assert.True(TensorBoardLog.IsIn(_folder.FullName));
        string path;
        using (var log = new TensorBoardLog(_folder.FullName, time, records[..299]))
        {
            path = log.Path;
            log.Write(new EpochCompleted(records[299], 2000, 1, TimeSpan.Zero));
            log.Write(new EpochCompleted(records[299], 2000, 1, TimeSpan.Zero));
        }

        Assert.Equal(
            ["0 version brain.Event:2", "0 step 299: loss 299", "0 step 300: loss 300, samples_per_second 2000"],
            Records(path).Select(Event));
    }

    [Fact]
    public void Two_logs_of_one_second_are_two_files()
    {
        var time = new FixedTime(DateTimeOffset.UnixEpoch);
        using var one = new TensorBoardLog(_folder.FullName, time, []);
        using var two = new TensorBoardLog(_folder.FullName, time, []);
        Assert.NotEqual(one.Path, two.Path);
    }

    private static IEnumerable<byte[]> Records(string path)
    {
        var bytes = File.ReadAllBytes(path);
        for (var at = 0; at < bytes.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));
            Assert.Equal(Masked(bytes.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 8)));
            var content = bytes[(at + 12)..(at + 12 + length)];
            Assert.Equal(Masked(content), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 12 + length)));
            yield return content;
            at += 16 + length;
        }
    }

    private static uint Masked(ReadOnlySpan<byte> bytes)
    {
        var sum = 0xFFFFFFFFu;
        foreach (var part in bytes)
        {
            sum ^= part;
            for (var bit = 0; bit < 8; bit++)
            {
                sum = (sum & 1) != 0 ? (sum >> 1) ^ 0x82F63B78 : sum >> 1;
            }
        }

        sum = ~sum;
        return ((sum >> 15) | (sum << 17)) + 0xA282EAD8;
    }

    private static string Event(byte[] message)
    {
        Assert.Equal((1 << 3) | 1, message[0]);
        var time = FormattableString.Invariant($"{BinaryPrimitives.ReadDoubleLittleEndian(message.AsSpan(1))}");
        var at = 9;
        if (message[at] == ((3 << 3) | 2))
        {
            return $"{time} version {Encoding.UTF8.GetString(message.AsSpan(at + 2, message[at + 1]))}";
        }

        Assert.Equal(2 << 3, message[at++]);
        var step = message[at] < 0x80 ? message[at++] : (message[at++] & 0x7F) | (message[at++] << 7);
        Assert.Equal((5 << 3) | 2, message[at++]);
        Assert.Equal(message.Length - at - 1, message[at++]);
        var values = new List<string>();
        while (at < message.Length)
        {
            Assert.Equal((1 << 3) | 2, message[at]);
            var end = at + 2 + message[at + 1];
            Assert.Equal((1 << 3) | 2, message[at + 2]);
            var tag = Encoding.UTF8.GetString(message.AsSpan(at + 4, message[at + 3]));
            at += 4 + message[at + 3];
            Assert.Equal((2 << 3) | 5, message[at]);
            values.Add(FormattableString.Invariant($"{tag} {BinaryPrimitives.ReadSingleLittleEndian(message.AsSpan(at + 1))}"));
            at += 5;
            Assert.Equal(end, at);
        }

        return $"{time} step {step}: {string.Join(", ", values)}";
    }

    private sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
