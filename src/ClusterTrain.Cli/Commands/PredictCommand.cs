using System.CommandLine;
using System.Text;
using ClusterTrain.Cli.Output;
using ClusterTrain.Data.Models;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.Metrics;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain predict</c>: a model's answer to each row of a file.</summary>
internal static class PredictCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var model = new Argument<string>("MODEL") { Description = "model.safetensors, or a run folder" };
        var file = new Argument<string>(
            "FILE")
        { Description = "CSV or IDX file of features, plain or gzip, or - for standard input; label columns may hold anything" };
        var format = new Option<string?>("--format") { Description = "csv (default), or json: one object per row", HelpName = "csv|json" };
        format.AcceptOnlyFromAmong("csv", "json");
        var json = CommandOptions.Json("the same as --format json");
        var outputs = new Option<bool>("--outputs") { Description = "print the network's outputs too: with softmax the probability of each class" };
        var keep = new Option<string[]>("--keep")
        {
            Description = "copy this column of FILE before the predictions, or all of them with --keep all; may be repeated",
            HelpName = "COLUMN",
            AllowMultipleArgumentsPerToken = false,
        };
        var threshold = CommandOptions.Threshold();
        var target = new Option<string?>("--out") { Description = "write to this file (default: standard output)", HelpName = "FILE" };
        var command = new CommandWithExamples(
            "predict",
            "Predicts the rows of a file.",
            "clustertrain predict runs/digits-20260131-120000 new-digits.csv",
            "clustertrain predict runs/churn customers.csv --keep id --threshold 0.3",
            "clustertrain predict model.safetensors t10k-images-idx3-ubyte.gz --outputs --out predictions.csv")
        {
            model, file, format, json, outputs, keep, threshold, target,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(json) && result.GetValue(format) == "csv")
            {
                result.AddError("--json and --format csv contradict each other; use one of them.");
            }
        });
        command.SetAction(parsed =>
        {
            var isJson = parsed.GetValue(json) || parsed.GetValue(format) == "json";
            var form = new PredictionForm(parsed.GetValue(outputs), parsed.GetValue(threshold) ?? EvaluationSums.EvenThreshold);
            var (path, rows) = (parsed.GetRequiredValue(model), parsed.GetRequiredValue(file));
            OutputFile.RefuseInput("--out", parsed.GetValue(target), path, rows);
            var (trained, _) = ModelScore.Read(path);
            ModelScore.CheckThreshold(trained, parsed.GetValue(threshold));
            return Run(trained, rows, parsed.GetValue(keep) ?? [], isJson, form, parsed.GetValue(target), surroundings);
        });
        return command;
    }

    private static int Run(
        Model model, string file, string[] keep, bool isJson, PredictionForm form, string? target, Surroundings surroundings)
    {
        var read = model.ReadFeatures(file, keep);
        surroundings.Warn(read.Warnings);
        if (target is null or "-" or "/dev/stdout")
        {
            Write(surroundings.Out);
        }
        else
        {
            // Only a whole file appears: a script that waits for it never reads half of one.
            AtomicFile.Write(target, stream =>
            {
                using var writer = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
                Write(writer);
            });
        }

        return ExitCodes.Ok;

        void Write(TextWriter output)
        {
            IPredictionWriter writer = isJson ? new JsonPredictions(output, model, form, read.Kept)
                : new CsvPredictions(output, model, form, read.Kept);
            Predictions.Compute(model, read.Rows, writer, surroundings.Interruption.Token);
        }
    }
}
