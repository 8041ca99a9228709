using ClusterTrain.Learning.Files;

namespace ClusterTrain.Data.Common;

/// <summary>
/// A file of data, read from front to back; gzip is recognised by its first bytes, whatever the file is called.
/// </summary>
internal sealed class DataFile : IDisposable
{
    // A deflate stream cannot expand by more than this, so that a header's promise can be checked before memory is taken for it.
    private const int MostExpansion = 1032;
    private Stream _content;

    private DataFile(string name, Stream content, long mostBytes) =>
        (Name, _content, IsPacked, MostBytes) = (name, content, content is PackedStream, mostBytes);

    /// <summary>What messages call it: its path.</summary>
    public string Name { get; }

    /// <summary>No more bytes than these can come out of it.</summary>
    public long MostBytes { get; }

    /// <summary>True when the file is gzip.</summary>
    public bool IsPacked { get; }

    /// <summary>True when the file is Parquet: its <see cref="Content"/> can be read in any order.</summary>
    public bool IsParquet { get; private init; }

    /// <summary>The unpacked content, for a reader of text; failures while reading it go through <see cref="Explain"/>.</summary>
    public Stream Content => _content;

    /// <summary>The name of standard input on a command line.</summary>
    public const string StandardInput = "-";

    /// <summary>Opens a file, or a pipe, which is read once from front to back.</summary>
    /// <param name="path">The file; <see cref="StandardInput"/>: standard input.</param>
    /// <param name="read">
    /// Told of each reading: bytes of the file so far, packed as they are, and bytes in all; null: not known. What it throws ends the reading.
    /// </param>
    /// <exception cref="DataException">It cannot be opened.</exception>
    public static DataFile Open(string path, Action<long, long?>? read = null)
    {
        if (path == StandardInput)
        {
            return Over("standard input", Console.OpenStandardInput(), read);
        }

        if (Directory.Exists(path))
        {
            throw new DataException($"{path}: is a folder; name a file in it.");
        }

        if (!File.Exists(path))
        {
            throw new DataException($"{path}: there is no such file; check the path."
                + (path.AsSpan().ContainsAny('*', '?') ? " Patterns work only in recipes; name one file here." : ""));
        }

        try
        {
            return Over(path, new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0), read);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: cannot be opened: {exception.Message}", exception);
        }
    }

    /// <summary>Reads a stream, and owns it from now on.</summary>
    public static DataFile Over(string name, Stream stream, Action<long, long?>? read = null)
    {
        long? length = stream.CanSeek && !SpecialFile.IsAt(name) ? stream.Length : null;
        var start = new byte[FileKind.StartBytes];
        start = start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        if (FileKind.IsParquet(start))
        {
            return Parquet(name, stream, length);
        }

        RefuseOthers(name, start);
        Stream content = new PrefixedStream(start, stream);
        if (read is not null)
        {
            content = new CountedStream(content, bytes => read(bytes, length));
        }

        return start is [0x1f, 0x8b, ..]
            ? new DataFile(name, new PackedStream(content, length), length * MostExpansion ?? long.MaxValue)
            : new DataFile(name, content, length ?? long.MaxValue);
    }

    private static void RefuseOthers(string name, ReadOnlySpan<byte> start)
    {
        if (FileKind.Of(start) is { } kind)
        {
            throw new DataException($"{name}: is {kind}. Rows are read from CSV and IDX files, plain or gzip, and from Parquet files.");
        }
    }

    // Its end says what is in it.
    private static DataFile Parquet(string name, Stream stream, long? length)
    {
        if (length is null)
        {
            stream.Dispose();
            throw new DataException($"{name}: is Parquet, which cannot be read from a pipe. Name a file.");
        }

        stream.Position = 0;
        return new DataFile(name, stream, length.Value) { IsParquet = true };
    }

    /// <summary>True when the unpacked content begins as an IDX file does.</summary>
    /// <exception cref="DataException">The file cannot be read or unpacked.</exception>
    public bool BeginsAsIdx()
    {
        return !IsParquet && Peek(2) is [0, 0];
    }

    /// <summary>The first bytes of the unpacked content that is not read yet; they are read again.</summary>
    /// <param name="bytes">How many; fewer where the file ends.</param>
    /// <exception cref="DataException">The file cannot be read or unpacked.</exception>
    public byte[] Peek(int bytes)
    {
        var start = new byte[bytes];
        start = start[..Read(start)];
        _content = new PrefixedStream(start, _content);
        return start;
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
        ? new DataException($"{Name}: the gzip file is damaged, cut off, or continues with bytes that are not gzip. Fetch it again.", exception)
        : new DataException($"{Name}: cannot be read: {exception.Message}", exception);

    public void Dispose() => _content.Dispose();
}
