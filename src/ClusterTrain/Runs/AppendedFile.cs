namespace ClusterTrain.Runs;

/// <summary>
/// A file of lines, or other records, that nothing depends on: while its disk is full they wait in memory, and follow whole and in their
/// order when there is room again.
/// </summary>
internal sealed class AppendedFile : IDisposable
{
    /// <summary>Records that wait at most; further ones are not kept.</summary>
    private const int MostWaiting = 100_000;

    private readonly FileStream _file;
    private readonly Queue<byte[]> _waiting = [];

    private AppendedFile(string path, FileMode mode)
    {
        Path = path;
        _file = new FileStream(path, mode, FileAccess.ReadWrite, FileShare.Read, 1);
    }

    /// <summary>The file's path.</summary>
    public string Path { get; }

    /// <summary>True when nothing is in it.</summary>
    public bool IsEmpty => _file.Length == 0;

    /// <summary>Why records wait; null: none do.</summary>
    public string? Problem { get; private set; }

    /// <summary>Begins a file.</summary>
    /// <param name="path">The file; there is none yet.</param>
    public static AppendedFile Create(string path) => new(path, FileMode.CreateNew);

    /// <summary>Creates or continues a file of lines. A last line that has no end, as a power cut leaves it, is cut off.</summary>
    /// <param name="path">The file.</param>
    public static AppendedFile OfLines(string path)
    {
        var file = new AppendedFile(path, FileMode.OpenOrCreate);
        var end = file._file.Length;
        while (end > 0 && file.ByteAt(end - 1) != '\n')
        {
            end--;
        }

        file._file.SetLength(end);
        file._file.Position = end;
        return file;
    }

    /// <summary>Adds a record.</summary>
    public void Add(byte[] record)
    {
        if (_waiting.Count < MostWaiting)
        {
            _waiting.Enqueue(record);
        }

        var whole = _file.Length;
        try
        {
            for (Problem = null; _waiting.TryPeek(out var next); _waiting.Dequeue())
            {
                _file.Write(next);
                whole += next.Length;
            }
        }
        catch (IOException error)
        {
            _file.SetLength(whole); // no half records
            Problem = $"{Path}: {error.Message}";
        }
    }

    public void Dispose() => _file.Dispose();

    private int ByteAt(long position)
    {
        _file.Position = position;
        return _file.ReadByte();
    }
}
