using System.Buffers.Binary;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Learning.Files;

namespace ClusterTrain.Cluster.Data;

/// <summary>The prepared data on its way from the coordinator to a worker that has none: its length, then its file in pieces.</summary>
internal static class DataTransfer
{
    /// <summary>Sends the data over a connection.</summary>
    public static void Send(PreparedData data, Connection connection, LinkLimits limits)
    {
        var length = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, PreparedDataFile.Length(data));
        connection.WriteFrame(FrameKind.DataLength, length);
        PreparedDataFile.Write(data, new PieceStream(connection, limits.DataBytes));
    }

    /// <summary>Receives the data into a file, all or nothing.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="path">The file.</param>
    /// <param name="limits">The bounds.</param>
    /// <param name="progress">Told the bytes so far and in all, after every piece.</param>
    public static void Receive(Connection connection, string path, LinkLimits limits, Action<long, long> progress)
    {
        var (kind, length) = connection.ReadHeader();
        if (kind != FrameKind.DataLength || length != sizeof(long))
        {
            throw new LinkException(
                RefusalKind.Garbage, $"sent a frame of kind {(byte)kind} and {length} bytes instead of the data's length");
        }

        var total = BinaryPrimitives.ReadInt64LittleEndian(connection.ReadContent(kind, length, length));
        AtomicFile.Write(path, stream =>
        {
            var buffer = new byte[limits.DataBytes];
            for (var received = 0L; received < total; progress(received, total))
            {
                (kind, length) = connection.ReadHeader();
                if (kind != FrameKind.Data || length < 1 || length > Math.Min(buffer.Length, total - received))
                {
                    throw new LinkException(
                        RefusalKind.Garbage, $"sent a frame of kind {(byte)kind} and {length} bytes in the middle of the data");
                }

                connection.Read(buffer.AsSpan(0, length));
                stream.Write(buffer.AsSpan(0, length));
                received += length;
            }
        });
    }

    /// <summary>Writes what is written to it as frames of bounded length.</summary>
    private sealed class PieceStream(Connection connection, int mostBytes) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            for (; !buffer.IsEmpty; buffer = buffer[Math.Min(buffer.Length, mostBytes)..])
            {
                connection.WriteFrame(FrameKind.Data, buffer[..Math.Min(buffer.Length, mostBytes)]);
            }
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
            // Every write is a frame, which the connection has sent when it returns.
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
