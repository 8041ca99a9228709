using System.Text.RegularExpressions;
using ClusterTrain.Data.Common;
using ClusterTrain.InProcess;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Reports.Pages;
using ClusterTrain.Runs;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Reports.Tests;

public sealed partial class RunReportTests : IDisposable
{
    private readonly TrainedRun _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public void A_finished_run_of_images_has_every_picture()
    {
        var hash = ((RunCompleted)Train("run", TrainedRun.Recipe())).WeightsSha256;

        var files = Write("run");

        Assert.Empty(files.Notes);
        Assert.Equal(
            ["accuracy", "calibration", "confusion", "first-layer", "loss", "misclassified", "precision-recall", "roc"],
            files.Pictures.Select(Path.GetFileNameWithoutExtension).Where(name => name is not ("workers" or "throughput")).Order());
        Assert.All(files.Pictures, picture => Assert.StartsWith("<?xml", File.ReadAllText(picture), StringComparison.Ordinal));
        var page = File.ReadAllText(files.Page);
        Assert.Contains(hash, page, StringComparison.Ordinal);
        Assert.Contains("Completed, 3 epochs, 1 worker", page, StringComparison.Ordinal);
        Assert.Contains("200 test rows", page, StringComparison.Ordinal);
        Assert.All(Addresses().Matches(page), address => Assert.StartsWith("http://www.w3.org/2000/svg", address.Value, StringComparison.Ordinal));
    }

    [Fact]
    public void Equal_runs_give_equal_pictures_of_what_they_learned()
    {
        Train("one", TrainedRun.Recipe(), new InProcessSettings { Workers = 1 });
        Train("two", TrainedRun.Recipe(), new InProcessSettings { Workers = 3 });

        string[] learned = ["accuracy", "calibration", "confusion", "precision-recall", "roc", "first-layer", "loss", "misclassified"];
        var (one, two) = (Write("one"), Write("two"));

        Assert.All(learned, name =>
            Assert.Equal(Picture(one, name), Picture(two, name).Replace("two, epoch", "one, epoch", StringComparison.Ordinal)));
    }

    [Fact]
    public void Several_runs_share_the_curves_and_have_a_chapter_each()
    {
        Train("quick", TrainedRun.Recipe());
        Train("slow", TrainedRun.Recipe("optimiser.rate=0.005"));

        var files = RunReport.Write([_run.Folder("quick"), _run.Folder("slow"), _run.Folder("slow")], _run.Folder("report"), Locations);

        foreach (var curves in new[] { "training-loss", "validation-loss", "accuracy" })
        {
            var picture = Picture(files, curves);
            Assert.All(new[] { ">quick<", ">slow<", ">slow-2<" }, name => Assert.Contains(name, picture, StringComparison.Ordinal));
        }

        Assert.All(new[] { "quick-confusion", "slow-confusion", "slow-2-confusion" }, name => Assert.NotEmpty(Picture(files, name)));
        Assert.Contains("<h1>3 runs compared</h1>", File.ReadAllText(files.Page), StringComparison.Ordinal);
    }

    [Fact]
    public void A_stopped_run_shows_its_checkpoint()
    {
        var outcome = Train("run", TrainedRun.Recipe("epochs=200"), null, (happened, stop) =>
        {
            if (happened is EpochCompleted)
            {
                stop.Cancel();
            }
        });
        var step = Assert.IsType<RunInterrupted>(outcome).Step;

        var files = Write("run");

        Assert.Contains($"those of its checkpoint at step {step:#,0}.", Assert.Single(files.Notes), StringComparison.Ordinal);
        Assert.NotEmpty(Picture(files, "confusion"));
        var page = File.ReadAllText(files.Page);
        Assert.Contains("Interrupted after", page, StringComparison.Ordinal);
        Assert.Contains($"clustertrain train --resume {_run.Folder("run")}", page, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_run_says_why()
    {
        Assert.IsType<RunFailed>(Train("run", TrainedRun.Recipe("optimiser.rate=1e6", "layers[1].activation=identity", "loss=squared-error")));

        var files = Write("run");

        Assert.Empty(files.Pictures);
        Assert.Contains("no model and no checkpoint", Assert.Single(files.Notes), StringComparison.Ordinal);
        Assert.Contains("<b>The run failed.</b> step ", File.ReadAllText(files.Page), StringComparison.Ordinal);
    }

    [Fact]
    public void A_single_epoch_is_figures_and_no_curve()
    {
        using (var folder = RunFolder.Create(_run.Folder("run"), TrainedRun.Recipe("epochs=1")))
        {
            _run.Train(folder, TrainedRun.Recipe("epochs=1"), null, null);
            using var log = new RunLog(folder, TimeProvider.System);
            var record = Receipt.Read(folder.ReceiptPath).Epochs.Single();
            log.Write(new WorkerSpeeds(System.Collections.Immutable.ImmutableDictionary<ActorId, double>.Empty.Add(new ActorId("worker-1"), 50_000)));
            log.Write(new EpochCompleted(record with { Epoch = 2 }, 40_000, 1, TimeSpan.Zero));
        }

        var files = Write("run");

        Assert.Equal(
            ["calibration", "confusion", "first-layer", "misclassified", "precision-recall", "roc"],
                files.Pictures.Select(Path.GetFileNameWithoutExtension).Order());
        Assert.Contains("<dt>compute time of 1,000 rows</dt><dd>worker-1 20 ms</dd>", File.ReadAllText(files.Page), StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_has_the_figures_of_each_class_and_those_on_the_training_rows()
    {
        Train("run", TrainedRun.Recipe());
        var page = File.ReadAllText(Write("run").Page);
        Assert.Contains("<h2>The classes, on the test rows</h2>", page, StringComparison.Ordinal);
        Assert.Equal(11, Regex.Count(page, "<tr><td>([0-9]|macro)</td><td class=\"number\">"));
        Assert.All(
            new[] { "test F1 (macro)", "test ROC-AUC (macro)", "test PR-AUC (macro)", "test calibration error", "training accuracy" },
            name => Assert.Contains($"<span>{name}</span>", page, StringComparison.Ordinal));
    }

    [Fact]
    public void A_run_that_has_only_begun_has_a_page_too()
    {
        RunFolder.Create(_run.Folder("run"), TrainedRun.Recipe()).Dispose();

        var files = Write("run");

        Assert.Empty(files.Pictures);
        Assert.Contains(files.Notes, note => note.Contains("no log.jsonl", StringComparison.Ordinal));
        Assert.Contains("Still running: 0 of 3 epochs are recorded.", File.ReadAllText(files.Page), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gone", "The run's data are not on this machine, so the pictures that need rows are missing")]
    [InlineData("changed", "The data found now are not those of the run")]
    public void Without_its_data_a_run_shows_what_needs_none(string what, string note)
    {
        var file = WriteMoons();
        Train("run", Moons(file));
        if (what == "gone")
        {
            File.Delete(file);
        }
        else
        {
            File.AppendAllText(file, "0.5,0.5,a\n");
        }

        var files = Write("run");

        Assert.StartsWith(note, Assert.Single(files.Notes), StringComparison.Ordinal);
        Assert.NotEmpty(Picture(files, "loss"));
        Assert.DoesNotContain(files.Pictures, picture => picture.EndsWith("confusion.svg", StringComparison.Ordinal));
    }

    [Fact]
    public void Two_inputs_have_a_decision_boundary()
    {
        Train("run", Moons(WriteMoons()));

        var picture = Picture(Write("run"), "boundary");

        Assert.Contains("class=\"contour\"", picture, StringComparison.Ordinal);
        Assert.Contains(">north<", picture, StringComparison.Ordinal);
        Assert.Equal(60, Regex.Count(picture, "class=\"point f0\"") + Regex.Count(picture, "class=\"point f1\"") - 2);
    }

    [Fact]
    public void A_regression_shows_predicted_against_true()
    {
        var recipe = RecipeReader.Parse(
            """
            data: { inline: { features: [[0, 0], [0, 1], [1, 0], [1, 1]], targets: [[0], [1], [1], [2]] }, task: regression }
            layers: [{ units: 1 }]
            loss: mean-squared-error
            optimiser: { kind: sgd, rate: 0.1 }
            batch: full
            epochs: 20
            """,
            "sum",
            []);
        Train("run", recipe);

        var files = Write("run");

        Assert.Equal(4, Regex.Count(Picture(files, "predicted"), "<circle"));
        Assert.Equal(4, Regex.Count(Picture(files, "residuals"), "<circle"));
        Assert.Contains("lines at", Picture(files, "boundary"), StringComparison.Ordinal);
    }

    [Fact]
    public void Lines_of_the_log_that_are_torn_are_left_out()
    {
        Train("run", TrainedRun.Recipe());
        File.AppendAllText(Path.Combine(_run.Folder("run"), "log.jsonl"), "{\"time\":\"2026-");

        Assert.Equal("log.jsonl: 1 line is not readable and left out.", Assert.Single(Write("run").Notes));
    }

    [Fact]
    public void A_folder_that_is_none_of_a_run_is_refused()
    {
        var error = Assert.Throws<RunFolderException>(() => Write("nothing"));
        Assert.Contains("is not a run folder", error.Message, StringComparison.Ordinal);
        Assert.Throws<RunFolderException>(() => RunReport.Write([], _run.Folder("report"), Locations));
    }

    private static string Picture(ReportFiles files, string name) =>
        File.ReadAllText(Assert.Single(files.Pictures, picture => Path.GetFileNameWithoutExtension(picture) == name));

    private static DataLocations Locations(string? recipeFolder) => DataLocations.FromEnvironment(recipeFolder);

    private static Recipe Moons(string file) => RecipeReader.Parse(
        $$"""
        data: { csv: { file: "{{file}}", targets: [side], features: [east, north] }, standardise: true }
        layers: [{ units: 6, activation: tanh }, { units: 2, activation: softmax }]
        loss: categorical-cross-entropy
        batch: 10
        epochs: 20
        """,
        "moons",
        []);

    private string WriteMoons()
    {
        var file = _run.Folder("moons.csv");
        var rows = Enumerable.Range(0, 60).Select(i => (East: (i * 7 % 60) / 60f, North: (i * 11 % 60) / 60f));
        File.WriteAllLines(file, rows.Select(row => FormattableString.Invariant($"{row.East},{row.North},{(row.East + row.North > 1 ? "a" : "b")}"))
            .Prepend("east,north,side"));
        return file;
    }

    private RunOutcome Train(
        string name, Recipe recipe, InProcessSettings? settings = null, Action<RunEvent, CancellationTokenSource>? observe = null)
    {
        using var folder = RunFolder.Create(_run.Folder(name), recipe);
        using var log = new RunLog(folder, TimeProvider.System);
        return _run.Train(folder, recipe, settings, (happened, stop) =>
        {
            log.Write(happened);
            observe?.Invoke(happened, stop);
        });
    }

    private ReportFiles Write(string name) => RunReport.Write([_run.Folder(name)], _run.Folder($"{name}-report"), Locations);

    [GeneratedRegex("https?://[^\"' )]*")]
    private static partial Regex Addresses();
}
