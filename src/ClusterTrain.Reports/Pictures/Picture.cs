using System.Text;
using ClusterTrain.Learning.Files;

namespace ClusterTrain.Reports.Pictures;

/// <summary>A picture of a report: inline in the page, and a file of its own.</summary>
/// <param name="Name">Name of its file, without extension.</param>
/// <param name="Caption">What it shows and how to read it, in a sentence or two.</param>
/// <param name="Drawing">The picture.</param>
/// <param name="IsWide">True when it wants the whole width of a page.</param>
internal sealed record Picture(string Name, string Caption, Svg Drawing, bool IsWide = false)
{
    /// <summary>Writes <c>NAME.svg</c>, all or nothing.</summary>
    public string Write(string folder)
    {
        var path = Path.Combine(folder, Name + ".svg");
        AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(Drawing.Standalone())));
        return path;
    }
}
