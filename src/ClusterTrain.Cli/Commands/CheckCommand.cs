using System.CommandLine;
using System.Globalization;
using ClusterTrain.Cli.Output;
using ClusterTrain.Data.Checks;
using ClusterTrain.Learning.Checks;
using ClusterTrain.Runs;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain check</c>: proves the gradient of a recipe's network on some of its rows.</summary>
internal static class CheckCommand
{
    private const int MostRows = 10_000;

    public static Command Create(Surroundings surroundings)
    {
        var recipe = new Argument<string?>("RECIPE")
        {
            Description = "recipe file; without one, the built-in handwritten digits",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var set = new Option<string[]>("--set")
        {
            Description = "set a value of the recipe, for example layers[0].units=64; may be repeated",
            HelpName = "path=value",
        };
        var rows = CommandOptions.Whole(
            "--rows", "N", $"training rows to sum over (default: {RecipeGradientCheck.UsualRows})", 1, MostRows);
        var derivatives = CommandOptions.Whole(
            "--derivatives", "N", $"derivatives of each tensor to compare (default: {RecipeGradientCheck.UsualDerivatives})", 1, int.MaxValue);
        var data = CommandOptions.Data();
        var json = CommandOptions.Json("print one JSON object per tensor");
        var command = new CommandWithExamples(
            "check",
            "Compares the gradient with finite differences, tensor by tensor; exit code 1 when one is wrong.",
            "clustertrain check",
            "clustertrain check configs/mnist.yaml --rows 16 --derivatives 50")
        {
            recipe, set, rows, derivatives, data, json,
        };
        command.SetAction(parsed => Run(
            RunSource.OfRecipe(parsed.GetValue(recipe), parsed.GetValue(set) ?? []),
            parsed.GetValue(rows) ?? RecipeGradientCheck.UsualRows,
            parsed.GetValue(derivatives) ?? RecipeGradientCheck.UsualDerivatives,
            parsed.GetValue(data),
            parsed.GetValue(json),
            surroundings));
        return command;
    }

    private static int Run(RunSource source, int rows, int derivatives, string? dataFolder, bool isJson, Surroundings surroundings)
    {
        var kernels = KernelChoice.Active();
        var data = source.Prepare(dataFolder, surroundings);
        RecipeChecks.CheckAgainst(source.Recipe, data.Train.Features, data.Train.Outputs, data.Train.Rows, data.Classes);
        var checks = RecipeGradientCheck.Run(source.Recipe, data.Train, kernels, rows, derivatives);
        if (isJson)
        {
            WriteJson(checks, new JsonLines(surroundings.Out));
        }
        else
        {
            WriteText(checks, surroundings.Out);
        }

        return checks.All(check => check.Passed) ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private static void WriteText(IReadOnlyList<TensorCheck> checks, TextWriter output)
    {
        var table = new TextTable("tensor", "derivatives", "finite differences", "float and double", "");
        foreach (var check in checks)
        {
            table.Add(
                check.Tensor,
                check.Derivatives.ToString(CultureInfo.InvariantCulture),
                Shown(check.FiniteDifference),
                Shown(check.Network),
                check.Passed ? "right" : "WRONG");
        }

        foreach (var line in table.Lines())
        {
            output.WriteLine(line);
        }

        output.WriteLine();
        output.WriteLine("Largest differences, relative to the tensor's largest derivative: of the chain rule from finite differences in double (at "
            + $"most {Shown(GradientCheck.FiniteDifferenceTolerance)}), and of the network's float gradient from the chain rule in double (at most "
            + $"{Shown(GradientCheck.NetworkTolerance)}).");

        static string Shown(double value) => value.ToString("0.0e-00", CultureInfo.InvariantCulture);
    }

    private static void WriteJson(IReadOnlyList<TensorCheck> checks, JsonLines lines)
    {
        foreach (var check in checks)
        {
            lines.Write(json =>
            {
                json.WriteString("tensor", check.Tensor);
                json.WriteNumber("derivatives", check.Derivatives);
                json.WriteFigure("finiteDifference", check.FiniteDifference);
                json.WriteFigure("network", check.Network);
                json.WriteBoolean("passed", check.Passed);
            });
        }
    }
}
