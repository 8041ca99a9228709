namespace ClusterTrain.Cli.Tests;

public sealed class ReportCommandTests(DigitsModel model) : IClassFixture<DigitsModel>
{
    [Fact]
    public void Report_prints_where_the_page_is()
    {
        var run = CommandRun.Of("report", model.Folder, "--out", model["report"]);
        Assert.Equal((0, Path.Combine(model["report"], "report.html")), (run.ExitCode, Assert.Single(run.Lines)));
        Assert.Contains("<svg", File.ReadAllText(run.Lines[0]), StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(model["report"], "misclassified.svg")));
    }

    [Fact]
    public void Report_of_something_else_is_refused()
    {
        var run = CommandRun.Of("report", model["nothing"]);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("is not a run folder", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Export_says_what_goes_in_and_what_comes_out()
    {
        var run = CommandRun.Of("export", model.Folder, "--onnx", model["digits.onnx"]);
        Assert.Equal((0, $"{model["digits.onnx"]}: features (rows, 64) -> label (rows), probabilities (rows, 10)"),
            (run.ExitCode, Assert.Single(run.Lines)));
        Assert.True(new FileInfo(model["digits.onnx"]).Length > 64 * 10 * sizeof(float));
    }

    [Fact]
    public void Train_writes_for_tensorboard_when_asked()
    {
        var run = CommandRun.Of("train", "--set", "epochs=2", "--tensorboard", "--out", model["watched"]);
        Assert.Equal(0, run.ExitCode);
        Assert.Single(Directory.GetFiles(model["watched"], "events.out.tfevents.*"));
        Assert.Empty(Directory.GetFiles(model.Folder, "events.out.tfevents.*"));
    }
}
