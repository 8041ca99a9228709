using System.Runtime.InteropServices;
using ClusterTrain.Data.Rows;

namespace ClusterTrain.Data.Prepared;

/// <summary>
/// Collects rows in a temporary file, so that there may be more than fit into memory. The file is this machine's own: its floats
/// are in this machine's order, and it is gone with the collector or the process.
/// </summary>
internal sealed class ScratchCollector : RowCollector, IDisposable
{
    private const int BufferBytes = 1 << 20;

    private readonly FileStream _file;
    private readonly CancellationToken _cancellation;
    private readonly BlockWriter _output;
    private MappedFile? _mapped;
    private long _rows;
    private readonly bool _isWide;
    private bool _areBytes = true;

    /// <param name="folder">Where the file is put.</param>
    /// <param name="isWide">True: values may have more digits than float32 holds.</param>
    /// <param name="cancellation">Ends the collecting, and the reading of what was collected.</param>
    /// <exception cref="IOException">No file can be made there.</exception>
    public ScratchCollector(string folder, bool isWide, CancellationToken cancellation)
    {
        _isWide = isWide;
        _file = new FileStream(
            Path.Combine(folder, $".{Path.GetRandomFileName()}.rows.tmp"),
            FileMode.CreateNew,
            FileAccess.ReadWrite,
            FileShare.Read | FileShare.Delete,
            bufferSize: 0,
            FileOptions.DeleteOnClose);

        // Where a file in use may be deleted, this one is nowhere from now on: not even a process that is killed leaves it behind.
        if (!OperatingSystem.IsWindows())
        {
            File.Delete(_file.Name);
        }

        _cancellation = cancellation;
        _output = new BlockWriter(_file, BufferBytes, _ => cancellation.ThrowIfCancellationRequested());
    }

    public override void Add(ReadOnlySpan<double> values, ReadOnlySpan<bool> areWords)
    {
        for (var i = 0; _areBytes && i < values.Length; i++)
        {
            _areBytes = areWords[i] || RowStore.IsByte(values[i]);
        }

        if (_isWide)
        {
            _output.Write(MemoryMarshal.AsBytes(values));
        }
        else
        {
            foreach (var value in values)
            {
                BitConverter.TryWriteBytes(_output.Next(sizeof(float)), (float)value);
            }
        }

        _rows++;
    }

    public override RowStore ToStore(int values, ValueEncoder? encoder)
    {
        _output.Flush();
        _mapped = new MappedFile(_file);
        return new ScratchRows(_mapped, _rows, values, _isWide, encoder, _areBytes ? RowForm.Bytes : RowForm.Floats, _cancellation);
    }

    /// <summary>Deletes the file; the store must not be read any more.</summary>
    public void Dispose()
    {
        _mapped?.Dispose();
        _file.Dispose();
    }
}
