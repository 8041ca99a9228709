namespace ClusterTrain.Hosting;

/// <summary>
/// A file of lines, or other records, that nothing depends on: while its disk is full they wait in memory, and follow whole and in their
/// order when there is room again.
/// </summary>
/// <param name="path">The file.</param>
internal sealed class AppendedFile(string path) : IDisposable
{
    /// <summary>Records that wait at most; further ones are not kept.</summary>
    private const int MostWaiting = 100_000;

    private readonly FileStream _file = new(path, FileMode.Append, FileAccess.Write, FileShare.Read, 1);
    private readonly Queue<byte[]> _waiting = [];

    /// <summary>The file's path.</summary>
    public string Path => path;

    /// <summary>True when nothing is in it.</summary>
    public bool IsEmpty => _file.Length == 0;

    /// <summary>Why records wait; null: none do.</summary>
    public string? Problem { get; private set; }

    /// <summary>Adds a record.</summary>
    public void Add(byte[] record)
    {
        if (_waiting.Count < MostWaiting)
            _waiting.Enqueue(record);

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
            Problem = $"{path}: {error.Message}";
        }
    }

    public void Dispose() => _file.Dispose();
}
