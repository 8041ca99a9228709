using System.CommandLine;
using ClusterTrain.Cli.Output;
using ClusterTrain.Data.Models;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain export</c>: a model in a format that other programs read.</summary>
internal static class ExportCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var model = new Argument<string>("MODEL") { Description = "model.safetensors, or a run folder" };
        var onnx = new Option<string>("--onnx")
        {
            Description = "write an ONNX file: raw columns in, predictions out",
            HelpName = "FILE",
            Required = true
        };
        var command = new CommandWithExamples(
            "export",
            "Writes a model for other programs.",
            "clustertrain export runs/mnist-20260131-120000 --onnx mnist.onnx")
        {
            model, onnx,
        };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(model), parsed.GetRequiredValue(onnx), surroundings));
        return command;
    }

    private static int Run(string modelPath, string file, Surroundings surroundings)
    {
        OutputFile.RefuseInput("--onnx", file, modelPath);
        var (model, _) = ModelScore.Read(modelPath);
        if (model.Layout.Parameters > OnnxFile.MostParameters)
        {
            throw new UsageException(
                $"the model has {Figures.Count(model.Layout.Parameters)} parameters; one ONNX file holds at most "
                    + $"{Figures.Count(OnnxFile.MostParameters)}. Use model.safetensors.");
        }

        OnnxFile.Write(model, file);
        var columns = model.Encoding.Columns.Length;
        var inputs = OnnxFile.TakesColumns(model)
            ? $"{Figures.Count(columns)} column{(columns == 1 ? "" : "s")} (rows, 1)"
            : $"{OnnxFile.InputName} (rows, {model.Layout.Features})";
        var label = model.Classes.IsEmpty ? "" : $"{OnnxFile.LabelName(model)} (rows), ";
        surroundings.Out.WriteLine($"{file}: {inputs} -> {label}{OnnxFile.OutputName(model)} (rows, {model.Layout.Outputs})");
        return ExitCodes.Ok;
    }
}
