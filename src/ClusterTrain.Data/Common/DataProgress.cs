namespace ClusterTrain.Data.Common;

/// <summary>How far a long piece of work on data has come.</summary>
/// <param name="Activity">What is being done.</param>
/// <param name="Item">To what: a file's name, with its source for a download.</param>
/// <param name="Bytes">Bytes done.</param>
/// <param name="TotalBytes">Bytes in all; null when not known.</param>
public readonly record struct DataProgress(DataActivity Activity, string Item, long Bytes, long? TotalBytes);

/// <summary>What is being done to data.</summary>
public enum DataActivity
{
    /// <summary>A file is read, and unpacked where it is packed.</summary>
    Reading,

    /// <summary>A file is fetched.</summary>
    Downloading,

    /// <summary>A file of prepared data is written.</summary>
    Writing,

    /// <summary>A source or a place was given up; the item says which and why.</summary>
    Skipped,
}
