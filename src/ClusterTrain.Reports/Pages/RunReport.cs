using System.Text;
using ClusterTrain.Data.Common;
using ClusterTrain.Learning.Files;
using ClusterTrain.Reports.Content;
using ClusterTrain.Reports.Pictures;
using ClusterTrain.Runs;

namespace ClusterTrain.Reports.Pages;

/// <summary>What a report wrote.</summary>
/// <param name="Page">The page, <c>report.html</c>.</param>
/// <param name="Pictures">The pictures, a file each.</param>
/// <param name="Notes">What could not be shown, and why; for several runs with the run's name before it.</param>
public sealed record ReportFiles(string Page, IReadOnlyList<string> Pictures, IReadOnlyList<string> Notes);

/// <summary>
/// Reports a person can look at: one page that needs nothing besides itself, and each of its pictures as an SVG file.
/// </summary>
public static class RunReport
{
    /// <summary>Most runs of one report.</summary>
    public const int MostRuns = 20;

    /// <summary>Writes the report of a run, or of several runs side by side. Unfinished runs work too.</summary>
    /// <param name="runFolders">Run folders, one to <see cref="MostRuns"/>.</param>
    /// <param name="outputFolder">Where <c>report.html</c> and the pictures go; made when it is missing.</param>
    /// <param name="locations">Where the data of a run are looked for, from the folder of its recipe (null: not known).</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <exception cref="RunFolderException">A folder is none of a run, or the report cannot be written.</exception>
    public static ReportFiles Write(
        IReadOnlyList<string> runFolders, string outputFolder, Func<string?, DataLocations> locations, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(runFolders);
        ArgumentNullException.ThrowIfNull(locations);
        if (runFolders.Count is 0 or > MostRuns)
        {
            throw new RunFolderException($"A report shows 1 to {MostRuns} runs, not {runFolders.Count}: name that many run folders.");
        }

        ReportedRun[] runs = [.. runFolders.Select(ReportedRun.Read)];
        NameApart(runs);
        var chapters = runs.Select(run => RunChapter.Of(run, runs.Length > 1, locations, cancellation)).ToArray();
        Picture[] curves = [.. CurvePictures.Of(runs)];
        try
        {
            Directory.CreateDirectory(outputFolder);
            var pictures = curves.Concat(chapters.SelectMany(chapter => chapter.Pictures)).Select(picture => picture.Write(outputFolder)).ToArray();
            var page = Path.Combine(outputFolder, "report.html");
            var text = ReportPage.Write(chapters, curves);
            AtomicFile.Write(page, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
            var notes = chapters.SelectMany(chapter => chapter.Run.Notes.Select(note => runs.Length > 1 ? $"{chapter.Run.Name}: {note}" : note));
            return new ReportFiles(page, pictures, [.. notes]);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RunFolderException($"{outputFolder}: the report cannot be written: {error.Message}. Name another folder with --out.", error);
        }
    }

    // Runs are called as their folders are; where two are called alike, a number follows.
    private static void NameApart(ReportedRun[] runs)
    {
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var run in runs)
        {
            var folder = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(run.Path)));
            var plain = new string([.. folder.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '-')]);
            run.Name = plain;
            for (var number = 2; !names.Add(run.Name); number++)
            {
                run.Name = $"{plain}-{number}";
            }
        }
    }
}
