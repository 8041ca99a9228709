using System.CommandLine;
using System.Text;
using ClusterTrain.Learning;

namespace ClusterTrain.Cli;

/// <summary><c>clustertrain predict</c>: a model's answer to each row of a file.</summary>
internal static class PredictCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var model = new Argument<string>("MODEL") { Description = "model.safetensors, or a run folder" };
        var file = new Argument<string>("FILE") { Description = "CSV or IDX file of features, plain or gzip, or - for standard input; label columns may hold anything" };
        var format = new Option<string?>("--format") { Description = "csv (default), or json: one object per row", HelpName = "csv|json" };
        format.AcceptOnlyFromAmong("csv", "json");
        var json = CommandOptions.Json("the same as --format json");
        var outputs = new Option<bool>("--outputs") { Description = "print the network's outputs too: with softmax the probability of each class" };
        var target = new Option<string?>("--out") { Description = "write to this file (default: standard output)", HelpName = "FILE" };
        var command = new CommandWithExamples(
            "predict",
            "Predicts the rows of a file.",
            "clustertrain predict runs/digits-20260131-120000 new-digits.csv",
            "clustertrain predict model.safetensors t10k-images-idx3-ubyte.gz --outputs --out predictions.csv")
        {
            model, file, format, json, outputs, target,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(json) && result.GetValue(format) == "csv")
                result.AddError("--json and --format csv contradict each other; use one of them.");
        });
        command.SetAction(parsed =>
        {
            var isJson = parsed.GetValue(json) || parsed.GetValue(format) == "json";
            return Run(
                parsed.GetRequiredValue(model), parsed.GetRequiredValue(file), isJson, parsed.GetValue(outputs), parsed.GetValue(target), surroundings);
        });
        return command;
    }

    private static int Run(string modelPath, string file, bool isJson, bool withOutputs, string? target, Surroundings surroundings)
    {
        var (model, _) = ModelScore.Read(modelPath);
        var read = model.ReadFeatures(file);
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
            IPredictionWriter writer = isJson ? new JsonPredictions(output, model, withOutputs) : new CsvPredictions(output, model, withOutputs);
            Predictions.Compute(model, read.Rows, writer, surroundings.Interruption.Token);
        }
    }
}
