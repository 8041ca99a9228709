using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using ClusterTrain.Cli.Output;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Runs;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain score</c>: how well a model does on labelled rows.</summary>
internal static class ScoreCommand
{
    private const int MostClassesShown = 20;

    public static Command Create(Surroundings surroundings)
    {
        var model = new Argument<string>("MODEL") { Description = "model.safetensors, or a run folder" };
        var files = new Argument<string[]>("FILE")
        {
            Description = "CSV file with its labels, or IDX file of features and IDX file of labels (default: the recipe's test rows)",
            Arity = new ArgumentArity(0, 2),
        };
        var part = new Option<string?>("--rows")
        {
            Description = "which rows of the recipe to score, without FILE (default: test)",
            HelpName = "test|validation|training"
        };
        part.AcceptOnlyFromAmong("test", "validation", "training");
        var threshold = CommandOptions.Threshold();
        var data = CommandOptions.Data();
        var json = CommandOptions.Json("print one JSON object");
        var command = new CommandWithExamples(
            "score",
            "Computes loss, accuracy, precision, recall, F1, areas under curves, calibration and confusion matrix of a model; for regression the "
                + "mean errors and R2.",
            "clustertrain score runs/mnist-20260131-120000",
            "clustertrain score runs/mnist-20260131-120000 --rows training",
            "clustertrain score model.safetensors labelled.csv --json",
            "clustertrain score model.safetensors t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz")
        {
            model, files, part, threshold, data, json,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(part) is not null && result.GetValue(files) is { Length: > 0 })
            {
                result.AddError("--rows chooses among the rows of the recipe, and FILE names others; use one of the two.");
            }
        });
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(model), parsed.GetValue(files) ?? [], parsed.GetValue(part)
                ?? "test", parsed.GetValue(threshold), parsed.GetValue(data),
            parsed.GetValue(json), surroundings));
        return command;
    }

    private static int Run(
        string modelPath, string[] files, string part, double? threshold, string? dataFolder, bool isJson, Surroundings surroundings)
    {
        var (model, runFolder) = ModelScore.Read(modelPath);
        ModelScore.CheckThreshold(model, threshold);
        var rows = files.Length == 0
            ? RecipeRows(model, part, runFolder, dataFolder, surroundings)
            : LabelledRows(model, files[0], files.ElementAtOrDefault(1), surroundings);
        var figures = ModelScore.Of(model, rows, Environment.ProcessorCount, threshold ?? EvaluationSums.EvenThreshold);
        if (runFolder is not null && model.Recipe.EarlyStopping is not null)
        {
            NoteEpoch(model, Path.Combine(runFolder, "receipt.jsonl"), surroundings.Error);
        }

        if (figures.FirstUndefined is { } row)
        {
            throw Predictions.Undefined(rows, row);
        }

        if (isJson)
        {
            new JsonLines(surroundings.Out).Write(json => EvaluationJson.WriteAll(json, figures, model.Classes));
        }
        else
        {
            WriteText(model, figures, surroundings.Out);
        }

        return ExitCodes.Ok;
    }

    private static void NoteEpoch(Model model, string receiptPath, TextWriter error)
    {
        var epochs = Receipt.Read(receiptPath).Epochs;
        var hash = WeightsHash.Of(model.Weights.Span);
        if (epochs.FirstOrDefault(record => record.WeightsSha256 == hash) is { } shown && shown.Epoch < epochs[^1].Epoch)
        {
            error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"note: the weights are those of epoch {shown.Epoch} of {epochs[^1].Epoch}, the best"));
        }
    }

    private static DataSet LabelledRows(Model model, string path, string? labels, Surroundings surroundings)
    {
        var read = model.ReadRows(path, labels);
        surroundings.Warn(read.Warnings);
        return read.HasTargets
            ? read.Rows
            : throw new UsageException($"{path}: has no column {string.Join(", ", model.TargetNames)} to score against; name a labelled file, or for "
                + "IDX features the file of labels too.");
    }

    private static DataSet RecipeRows(Model model, string part, string? runFolder, string? dataFolder, Surroundings surroundings)
    {
        var run = runFolder is null ? null : RunIdentity.Read(Path.Combine(runFolder, "run.json"));
        var data = new RunSource(model.Recipe, run?.RecipeFolder, run?.Prepared).Prepare(dataFolder, surroundings);
        if (run?.Data is { } known && data.Fingerprint != known)
        {
            throw new UsageException(
                $"the data of the recipe were changed since the run began (fingerprint {known}, now {data.Fingerprint}). Restore the former data"
                    + ", or name the file to score.");
        }

        if (!data.Scaling.Equals(model.Scaling) || !data.Encoding.FillsAs(model.Encoding) || !data.Classes.SequenceEqual(model.Classes))
        {
            throw new UsageException(
                "the data of the recipe are not those the model was trained on: they have other classes, other values for missing ones, or need "
                    + "another scaling. "
                + "Name the file to score, or restore the former data.");
        }

        return part switch
        {
            "training" => data.Train,
            "validation" => data.Validation,
            _ => data.Test,
        } ?? throw new UsageException($"the recipe has no {part} rows (data.{part}); name a labelled file to score.");
    }

    private static void WriteText(Model model, Evaluation figures, TextWriter output)
    {
        output.WriteLine($"{Figures.Line(figures, "")}  on {Figures.Count(figures.Rows, "row")}");
        if (figures.Details is { } details)
        {
            output.WriteLine(Figures.Line(details));
        }

        if (figures.Confusion is not { } confusion)
        {
            return;
        }

        if (model.Classes.Length > MostClassesShown)
        {
            output.WriteLine($"({model.Classes.Length} classes: --json prints the figures of each and the confusion matrix)");
            return;
        }

        if (figures.Details is { Classes: var classes })
        {
            Write(PerClass(model, classes));
        }

        var table = new TextTable(["true \\ predicted", .. model.Classes]);
        for (var row = 0; row < confusion.GetLength(0); row++)
        {
            var counts = Enumerable.Range(0, confusion.GetLength(1)).Select(column => confusion[row, column].ToString(CultureInfo.InvariantCulture));
            table.Add([model.Classes[row], .. counts]);
        }

        Write(table);

        void Write(TextTable of)
        {
            output.WriteLine();
            foreach (var line in of.Lines())
            {
                output.WriteLine(line);
            }
        }
    }

    private static TextTable PerClass(Model model, ImmutableArray<ClassFigures> classes)
    {
        var table = new TextTable("class", "rows", "precision", "recall", "f1", "roc_auc", "pr_auc");
        foreach (var (name, of) in model.Classes.Zip(classes))
        {
            table.Add(
                name,
                Figures.Count(of.Rows),
                Share(of.Occurs ? of.Precision : null),
                Share(of.Occurs ? of.Recall : null),
                Share(of.Occurs ? of.F1 : null),
                Share(of.RocAuc),
                Share(of.PrAuc));
        }

        return table;

        static string Share(double? share) => share?.ToString("F4", CultureInfo.InvariantCulture) ?? "-";
    }
}
