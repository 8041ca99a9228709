using System.CommandLine;
using ClusterTrain.Cli.Output;
using ClusterTrain.Reports.Pages;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain report</c>: a page and pictures of one run, or of several side by side.</summary>
internal static class ReportCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var runs = new Argument<string[]>("RUN")
        {
            Description = "run folders; several are compared. Unfinished runs work too",
            Arity = new ArgumentArity(1, RunReport.MostRuns),
        };
        var folder = new Option<string?>(
            "--out")
        { Description = "folder of report.html and the pictures (default: the run folder; for several runs, report)", HelpName = "DIR" };
        var data = CommandOptions.Data();
        var command = new CommandWithExamples(
            "report",
            "Writes report.html, which needs no network, and each of its pictures as an SVG file.",
            "clustertrain report runs/mnist-20260131-120000",
            "clustertrain report runs/digits-* --out comparison")
        {
            runs, folder, data,
        };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(runs), parsed.GetValue(folder), parsed.GetValue(data), surroundings));
        return command;
    }

    private static int Run(string[] runs, string? folder, string? dataFolder, Surroundings surroundings)
    {
        var target = folder ?? (runs is [var only] ? only : "report");
        var files = RunReport.Write(
            runs, target, recipeFolder => Locations.Of(recipeFolder, dataFolder, surroundings), surroundings.Interruption.Token);
        foreach (var note in files.Notes)
        {
            surroundings.Error.WriteLine($"note: {note}");
        }

        surroundings.Out.WriteLine(files.Page);
        return ExitCodes.Ok;
    }
}
