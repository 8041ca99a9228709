namespace ClusterTrain.Data.Prepared;

/// <summary>The temporary files of one preparation.</summary>
/// <param name="folder">Where they are put.</param>
/// <param name="cancellation">Ends the writing of one.</param>
internal sealed class ScratchFolder(string folder, CancellationToken cancellation) : IDisposable
{
    private readonly List<ScratchCollector> _collectors = [];

    /// <summary>A new collector, which lives as long as this.</summary>
    /// <param name="isWide">True: values may have more digits than float32 holds.</param>
    /// <exception cref="IOException">No file can be made.</exception>
    public ScratchCollector Collector(bool isWide)
    {
        var collector = new ScratchCollector(folder, isWide, cancellation);
        _collectors.Add(collector);
        return collector;
    }

    public void Dispose() => _collectors.ForEach(collector => collector.Dispose());
}
