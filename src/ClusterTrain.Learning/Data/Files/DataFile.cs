using System.IO.Compression;

namespace ClusterTrain.Learning;

/// <summary>
/// A file of data, read from front to back; gzip is recognised by its first bytes, whatever the file is called.
/// </summary>
internal sealed class DataFile : IDisposable
{
    // A deflate stream cannot expand by more than this, so that a header's promise can be checked before memory is taken for it.
    private const int MostExpansion = 1032;
    private readonly Stream _content;

    private DataFile(string name, Stream content, long mostBytes) => (Name, _content, MostBytes) = (name, content, mostBytes);

    /// <summary>What messages call it: its path.</summary>
    public string Name { get; }

    /// <summary>No more bytes than these can come out of it.</summary>
    public long MostBytes { get; }

    /// <summary>True when the file is gzip.</summary>
    public bool IsPacked => _content is GZipStream;

    /// <summary>The unpacked content, for a reader of text; failures while reading it go through <see cref="Explain"/>.</summary>
    public Stream Content => _content;

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="read">
    /// Told of each reading: bytes of the file so far, packed as they are, and bytes in all. What it throws ends the reading.
    /// </param>
    /// <exception cref="DataException">It cannot be opened.</exception>
    public static DataFile Open(string path, Action<long, long>? read = null)
    {
        if (Directory.Exists(path))
            throw new DataException($"{path}: is a folder; name a file in it.");
        try
        {
            return Over(path, new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0), read);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: cannot be opened: {exception.Message}", exception);
        }
    }

    /// <summary>Reads a stream that can seek, and owns it from now on.</summary>
    public static DataFile Over(string name, Stream stream, Action<long, long>? read = null)
    {
        Span<byte> start = stackalloc byte[2];
        var packed = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == 2 && start is [0x1f, 0x8b];
        stream.Position = 0;
        var length = stream.Length;
        var content = read is null ? stream : new CountedStream(stream, bytes => read(bytes, length));
        return packed
            ? new DataFile(name, new GZipStream(content, CompressionMode.Decompress), length * MostExpansion)
            : new DataFile(name, content, length);
    }

    /// <summary>Reads until the span is full or the file ends; the number of bytes read.</summary>
    /// <exception cref="DataException">The file cannot be read or unpacked.</exception>
    public int Read(Span<byte> destination)
    {
        try
        {
            return _content.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false);
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException)
        {
            throw Explain(exception);
        }
    }

    /// <summary>A failure to read, in words.</summary>
    public DataException Explain(Exception exception) => exception is InvalidDataException
        ? new DataException($"{Name}: the gzip file is damaged or cut off. Fetch it again.", exception)
        : new DataException($"{Name}: cannot be read: {exception.Message}", exception);

    public void Dispose() => _content.Dispose();
}
