
namespace ClusterTrain.Data.Common;

/// <summary>The bounds on data, in one place. What lies beyond one of them is a <see cref="DataException"/>.</summary>
public static class DataLimits
{
    /// <summary>Bytes of one file after decompression: 4 GiB.</summary>
    public const long FileBytes = 4L << 30;

    /// <summary>Bytes of one file after decompression when its rows go into a prepared file instead of memory: 4 TiB.</summary>
    public const long StreamedBytes = 4L << 40;

    /// <summary>Feature values (rows times features) of one file, all held in one array: 2,147,483,591.</summary>
    public const long Values = 0x7FFFFFC7;

    /// <summary>Columns of a CSV file, features of an IDX row.</summary>
    public const int Columns = 1 << 20;

    /// <summary>Classes of a classification.</summary>
    public const int Classes = 1 << 16;

    /// <summary>Characters of one CSV cell; a forgotten closing quote runs into this.</summary>
    public const int CellCharacters = 1 << 16;

    /// <summary>Rows of a part of a prepared file: 2^40.</summary>
    public const long PreparedRows = 1L << 40;

    /// <summary>Bytes of the header of a prepared file: 256 MiB.</summary>
    public const int PreparedHeaderBytes = 1 << 28;

    /// <summary>Bytes of one download: 1 GiB.</summary>
    public const long DownloadBytes = 1L << 30;

    /// <summary>Time in which a download's source has to connect; then the next source is asked.</summary>
    public static TimeSpan Connect { get; } = TimeSpan.FromSeconds(5);

    /// <summary>Time in which it has to begin its answer, the connecting included.</summary>
    public static TimeSpan Answer { get; } = TimeSpan.FromSeconds(10);

    /// <summary>Time within which the next bytes of a download have to come.</summary>
    public static TimeSpan Stall { get; } = TimeSpan.FromSeconds(20);

    /// <summary>Times a source is asked for one file; each continues where the one before was cut off.</summary>
    public const int Attempts = 3;

    /// <summary>Pause before a source is asked again.</summary>
    public static TimeSpan RetryPause { get; } = TimeSpan.FromSeconds(1);

    /// <summary>Time the npm client has for one package.</summary>
    public static TimeSpan PackageClient { get; } = TimeSpan.FromMinutes(5);

    /// <summary>Time one process waits while another one downloads the same data set.</summary>
    public static TimeSpan DownloadLock { get; } = TimeSpan.FromMinutes(30);
}
