using System.Globalization;
using ClusterTrain.Data.Common;

namespace ClusterTrain.Cli.Output;

/// <summary>
/// Tells of downloads, and by wish of files read and written, on the error stream: on a terminal one line that is rewritten, elsewhere
/// a line every few seconds.
/// </summary>
/// <param name="surroundings">Where to write.</param>
/// <param name="showsFiles">True: of files read and written too.</param>
internal sealed class DataProgressLine(Surroundings surroundings, bool showsFiles = false) : IProgress<DataProgress>, IDisposable
{
    private readonly Lock _gate = new();
    private string? _item;
    private long _lastLine;
    private int _shown;

    public void Report(DataProgress value)
    {
        lock (_gate)
        {
            switch (value.Activity)
            {
                case DataActivity.Skipped:
                    EndLine();
                    surroundings.Error.WriteLine($"note: {value.Item}");
                    break;
                case DataActivity.Downloading:
                    Show("downloading", value);
                    break;
                case DataActivity.Reading when showsFiles:
                    Show("reading", value);
                    break;
                case DataActivity.Writing when showsFiles:
                    Show("writing", value);
                    break;
            }
        }
    }

    /// <summary>Ends the line that is rewritten.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            EndLine();
        }
    }

    private void Show(string activity, DataProgress value)
    {
        var isNew = value.Item != _item;
        var period = TimeSpan.FromSeconds(surroundings.IsErrorTerminal ? 0.1 : 5);
        if (!isNew && value.Bytes != value.TotalBytes && surroundings.Time.GetElapsedTime(_lastLine) < period)
        {
            return;
        }

        if (isNew)
        {
            EndLine();
        }

        (_item, _lastLine) = (value.Item, surroundings.Time.GetTimestamp());
        var done = value.Bytes == 0 ? "" : $"  {Figures.Bytes(value.Bytes)}";
        var share = value is { Bytes: > 0, TotalBytes: > 0 and var total }
            ? string.Create(CultureInfo.InvariantCulture, $" of {Figures.Bytes(total)} ({100.0 * value.Bytes / total:F0} %)")
            : "";
        var line = $"{activity} {value.Item}{done}{share}";
        if (surroundings.IsErrorTerminal)
        {
            surroundings.Error.Write("\r" + line.PadRight(_shown));
            _shown = line.Length;
        }
        else
        {
            surroundings.Error.WriteLine(line);
        }
    }

    private void EndLine()
    {
        if (_shown > 0)
        {
            surroundings.Error.WriteLine();
        }

        _shown = 0;
    }
}
