using System.CommandLine;
using System.Runtime.InteropServices;
using ClusterTrain.Data.Common;
using ClusterTrain.Learning.Files;
using ClusterTrain.Reproductions;
using ClusterTrain.Runs;

var rows = new Argument<string[]>("RECIPE") { Description = "rows to run (default: all)", Arity = ArgumentArity.ZeroOrMore };
rows.AcceptOnlyFromAmong([.. Rows.All.Select(row => row.Recipe)]);
var write = new Option<bool>("--write") { Description = "write docs/reproductions.md, when every row is met" };
var runs = new Option<string?>("--runs")
{
    Description = "keep the run folders in this folder: runs found there are not repeated, and interrupted ones are resumed",
    HelpName = "DIR",
};
var command = new RootCommand("Trains every recipe that reproduces a published result, and compares; exit code 1 when a row falls short.")
{
    rows, write, runs,
};
command.Validators.Add(result =>
{
    if (result.GetValue(write) && result.GetValue(rows) is { Length: > 0 })
    {
        result.AddError("--write needs all rows; leave the names out.");
    }
});
command.SetAction(parsed => Run(parsed.GetValue(rows) ?? [], parsed.GetValue(write), parsed.GetValue(runs)));
return command.Parse(args).Invoke();

static int Run(string[] names, bool isWritten, string? kept)
{
    using var stop = new CancellationTokenSource();
    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
    using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
    var root = Root();
    var work = kept is null
        ? Directory.CreateTempSubdirectory("clustertrain-reproductions-").FullName
        : Directory.CreateDirectory(kept).FullName;
    try
    {
        var table = Measure([.. Rows.All.Where(row => names.Length == 0 || names.Contains(row.Recipe))], root, work, stop.Token);
        foreach (var line in ReproductionTable.Lines(table))
        {
            Console.WriteLine(line);
        }

        var missed = table.Where(line => !line.Measured.IsMet).Select(line => line.Row.Recipe).ToList();
        Console.WriteLine(missed.Count == 0 ? "every row is met" : $"not met: {string.Join(", ", missed)}");
        if (missed.Count > 0)
        {
            return 1;
        }

        if (isWritten)
        {
            var page = Path.Combine(root, "docs", "reproductions.md");
            AtomicFile.Write(page, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(ReproductionTable.Page(table))));
            Console.WriteLine(page);
        }

        return 0;
    }
    catch (OperationCanceledException) when (stop.IsCancellationRequested)
    {
        Console.Error.WriteLine("stopped");
        return 130;
    }
    finally
    {
        if (kept is null)
        {
            Directory.Delete(work, recursive: true);
        }
    }

    void Stop(PosixSignalContext context)
    {
        context.Cancel = true;
        stop.Cancel();
    }
}

static List<(Row Row, Measured Measured)> Measure(IReadOnlyList<Row> rows, string root, string work, CancellationToken stop)
{
    var table = new List<(Row, Measured)>();
    var runner = new RowRunner(rows, Path.Combine(root, "configs"), work, stop);
    foreach (var row in rows)
    {
        var began = TimeProvider.System.GetTimestamp();
        Console.Error.Write($"{row.Recipe,-22} ");
        Measured measured;
        try
        {
            measured = runner.Run(row);
        }
        catch (Exception problem) when (problem is DataException or ReproductionException or RunFolderException)
        {
            measured = new Measured($"not measured: {problem.Message}", IsMet: false);
        }

        Console.Error.WriteLine($"{(measured.IsMet ? "met" : "NOT MET")}  {measured.Figure}  "
            + $"({TimeProvider.System.GetElapsedTime(began).TotalSeconds:F0} s)");
        table.Add((row, measured));
    }

    return table;
}

static string Root()
{
    for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
    {
        if (File.Exists(Path.Combine(folder.FullName, "ClusterTrain.sln")))
        {
            return folder.FullName;
        }
    }

    throw new DirectoryNotFoundException($"{AppContext.BaseDirectory} is in no copy of the repository, whose configs/ hold the recipes.");
}
