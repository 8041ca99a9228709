using ClusterTrain.Cli.Output;

namespace ClusterTrain.Cli.Tests;

/// <summary>A user's mistake costs one clear line and exit code 2, never a stack trace.</summary>
public sealed class MistakeTests : IDisposable
{
    private readonly RunDirectory _directory = new();

    public static TheoryData<string, string> CommandLines => new()
    {
        { "train --workers 0", "error: --workers is '0'; allowed are whole numbers from 1 to 256." },
        { "train --workers two", "error: --workers is 'two'; allowed are whole numbers from 1 to 256." },
        { "train --threads -1", "error: --threads is '-1'; allowed are whole numbers from 1 to 256." },
        { "train --parameter-servers 65", "error: --parameter-servers is '65'; allowed are whole numbers from 1 to 64." },
        { "train --workers 200 --threads 2", "error: 200 workers of 2 threads are more than 256 threads; use fewer of either." },
        { "train --checkpoint-seconds soon", "error: --checkpoint-seconds is 'soon'; allowed are seconds from 0 to 1000000." },
        { "train --json --quiet", "error: --json and --quiet contradict each other; use one of them." },
        { "train --audit 2", "error: --audit is '2'; allowed are numbers above 0, 1 at most, for example 0.01 or 1%." },
        { "train --audit 0", "error: --audit is '0'; allowed are numbers above 0, 1 at most, for example 0.01 or 1%." },
        { "train --audit 1%", "error: --audit has shares computed by a second worker, but there is 1 worker: add --workers 2, or 3 so that" },
        { "up --workers 1 --audit 0.5", "error: --audit has shares computed by a second worker, but there is 1 worker: add --workers 2" },
        { "train nowhere.yaml", "error: nowhere.yaml: there is no such file" },
        { "train --set epochs=0", "error: override 'epochs=0': key 'epochs'" },
        { "train --set epoch=3", "'epochs'" },
        { "train --set layers[1].units=11", "layers[1].units" },
        { "train --data nowhere", "error: --data is 'nowhere', and there is no such folder." },
        { "train --resume nowhere", "error: nowhere: is not a run folder" },
        { "train --resume nowhere --set epochs=3", "error: --resume uses the recipe in nowhere; --set cannot be used with it." },
        { "train --resume nowhere digits.yaml", "the recipe digits.yaml cannot be used with it." },
        { "train --resume nowhere --out here", "--out cannot be used with it." },
        { "predict nowhere.safetensors rows.csv", "error: nowhere.safetensors: there is no such file" },
        { "predict model rows.csv --format xml", "csv" },
        { "score nowhere", "error: nowhere: there is no such file" },
        { "data get nist", "error: There is no data set 'nist'. Known data sets: mnist, fashion-mnist, digits." },
        { "data prepare", "--out" },
        { "data prepare nowhere.yaml -o rows.ctdata", "error: nowhere.yaml: there is no such file" },
        { "train --prepared nowhere.ctdata", "nowhere.ctdata: there is no such file" },
        { "bench train --seconds 0", "error: --seconds is '0'; allowed are seconds above 0 to 1000000." },
        { "tarin", "error: unknown command 'tarin'. Did you mean 'train'?" },
        { "data git mnist", "error: unknown command 'git'. Did you mean 'get'?" },
        { "train --worker 4", "error: unknown option '--worker'. Did you mean '--workers'?" },
        { "train digits.yaml --resum runs", "error: unknown option '--resum'. Did you mean '--resume'?" },
        { "train --epochs 3", "error: unknown option '--epochs'. It is a value of the recipe: use --set epochs=3." },
        { "train --lr 0.1", "It is a value of the recipe: use --set optimiser.rate=0.1." },
        { "train --batch-size=64", "It is a value of the recipe: use --set batch=64." },
        { "check --seed", "It is a value of the recipe: use --set seed=VALUE." },
        { "train --frobnicate", "error: unknown option '--frobnicate'.\n" },
        { "train -x", "error: unknown option '-x'.\n" },
        { "train -- --digits.yaml", "error: --digits.yaml: there is no such file" },
        { "train --resume ", "error: an argument is empty" },
        { "predict  rows.csv", "error: an argument is empty" },
    };

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(CommandLines))]
    public void A_mistake_is_told_in_a_line(string commandLine, string message)
    {
        var run = CommandRun.Of(commandLine.Split(' '));
        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith("error: ", run.ErrorLines[0], StringComparison.Ordinal);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
        Assert.Equal("", run.Out);
    }

    [Fact]
    public void A_folder_that_holds_something_is_not_written_to()
    {
        _directory.Write("mine.txt", "keep this");
        var run = CommandRun.Of("train", "--out", _directory.Folder);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("the run folder is not empty", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
        Assert.Single(Directory.EnumerateFileSystemEntries(_directory.Folder));
    }

    [Fact]
    public void A_recipe_changed_after_the_run_began_is_not_resumed()
    {
        CommandRun.InterruptedAt(ExitCodes.Interrupted, "; run folder", "train", "--set", "epochs=100", "--out", _directory["run"]);
        var recipe = Path.Combine(_directory["run"], "recipe.yaml");
        File.WriteAllText(recipe, File.ReadAllText(recipe).Replace("epochs: 100", "epochs: 99", StringComparison.Ordinal));
        var run = CommandRun.Of("train", "--resume", _directory["run"]);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("was changed since the run began", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_is_not_complete_has_no_model_to_predict_with()
    {
        CommandRun.InterruptedAt(ExitCodes.Interrupted, "; run folder", "train", "--set", "epochs=100", "--out", _directory["run"]);
        var run = CommandRun.Of("predict", _directory["run"], "rows.csv");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("the run is not complete", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_data_that_no_source_gives_name_what_was_tried()
    {
        var recipe = _directory.Write("recipe.yaml", """
            data: { csv: { file: rows.csv, targets: [y] } }
            layers: [ { units: 2, activation: softmax } ]
            loss: categorical-cross-entropy
            """);
        var run = CommandRun.Of("train", recipe, "--out", _directory["run"]);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("rows.csv: there is no such file. Looked in", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_directory["run"]));
    }

    [Fact]
    public void A_signal_before_the_training_leaves_nothing_behind()
    {
        var run = CommandRun.InterruptedBefore(ExitCodes.Terminated, "train", "--out", _directory["run"]);
        Assert.Equal(143, run.ExitCode);
        Assert.Equal("stopped\n", run.Error);
        Assert.False(Directory.Exists(_directory["run"]));
    }

    [Fact]
    public void An_error_of_the_program_itself_asks_to_be_reported()
    {
        using var output = new StringWriter();
        using var error = new StringWriter { NewLine = "\n" };
        using var interruption = new Interruption(_ => { });
        using var surroundings = new Surroundings
        {
            Out = output,
            Error = error,
            Variable = _ => throw new NotSupportedException("no variables today"),
            Time = TimeProvider.System,
            Interruption = interruption,
        };
        Assert.Equal(70, CommandLine.Run(["data", "list"], surroundings));
        var text = error.ToString();
        Assert.StartsWith("error: System.NotSupportedException: no variables today\n", text, StringComparison.Ordinal);
        Assert.Contains("Please report it", text, StringComparison.Ordinal);
        Assert.Contains("   at ", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("data list", 64, 64,
        "error: a process may open 64 files here, and clustertrain needs 104: raise the hard limit, for example with `ulimit -Hn 1024`")]
    [InlineData("worker --join x:1", 1024, 128,
        "error: a process may open 128 files here, and a node of a cluster needs 256: raise the hard limit, for example with `ulimit -Hn 1024`")]
    [InlineData("train", 64, 128, null)]
    [InlineData("up", 64, 4096, null)]
    public void Too_few_file_handles_are_told_before_they_run_out(string commandLine, int soft, int hard, string? message) =>
        Assert.Equal(message, OpenFiles.Refusal(commandLine.Split(' '),
            ["Max processes             1  1  processes", $"Max open files            {soft}                 {hard}                files"]));

    [Theory]
    [InlineData("S", 64, 0)]
    [InlineData("H", 112, 0)]
    [InlineData("H", 80, 1)]
    public async Task A_process_trains_with_few_file_handles(string kind, int files, int exitCode)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var program = Path.Combine(AppContext.BaseDirectory, "clustertrain.dll");
        using var shell = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(
            "/bin/sh", ["-c", $"ulimit -S -n 64; ulimit -{kind} -n {files}; exec dotnet '{program}' train --set epochs=1 --out "
                + $"'{_directory["run"]}'"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var error = shell.StandardError.ReadToEndAsync();
        var output = await shell.StandardOutput.ReadToEndAsync();
        await shell.WaitForExitAsync();
        Assert.True(shell.ExitCode == exitCode, await error + output);
        Assert.DoesNotContain("   at ", await error, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_that_is_not_enough_is_told_in_a_line()
    {
        using var error = new StringWriter { NewLine = "\n" };
        using var interruption = new Interruption(_ => { });
        using var surroundings = new Surroundings
        {
            Out = TextWriter.Null,
            Error = error,
            Variable = _ => throw new InsufficientMemoryException(),
            Time = TimeProvider.System,
            Interruption = interruption,
        };
        Assert.Equal(1, CommandLine.Run(["data", "list"], surroundings));
        Assert.Matches(@"^error: not enough memory\. Make [^\n]+\n$", error.ToString());
    }

    [Fact]
    public void The_second_signal_ends_the_process_at_once()
    {
        var ended = new List<int>();
        using var interruption = new Interruption(ended.Add);
        interruption.Raise(ExitCodes.Interrupted);
        Assert.True(interruption.Token.IsCancellationRequested);
        Assert.Empty(ended);
        interruption.Raise(ExitCodes.Interrupted);
        Assert.Equal([130], ended);
        Assert.Equal(130, interruption.ExitCode);
    }

    [Theory]
    [InlineData(129)]
    [InlineData(143)]
    public void The_hang_up_of_a_terminal_comes_more_than_once_and_leaves_the_time_to_write_a_checkpoint(int first)
    {
        var ended = new List<int>();
        using var interruption = new Interruption(ended.Add);
        interruption.Raise(first);
        interruption.Raise(ExitCodes.HungUp);
        Assert.Empty(ended);
        Assert.Equal(first, interruption.ExitCode);
        interruption.Raise(ExitCodes.Terminated);
        Assert.Equal([143], ended);
    }
}
