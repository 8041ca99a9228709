using System.CommandLine;
using System.Text.Json;
using ClusterTrain.Cli.Output;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Runs;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain verify</c>: checks a run against its receipt, or two runs against each other.</summary>
internal static class VerifyCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var run = new Argument<string>("RUN") { Description = "a run folder, or a recipe to compare" };
        var other = new Argument<string?>("OTHER")
        {
            Description = "another one, to be equal to the first: the first epoch, step and tensor that differ are named, and the keys of recipes",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var json = Json();
        var command = new CommandWithExamples(
            "verify",
            "Checks that a run's checkpoints and model hold the weights its receipt names; compares two runs. Exit code 1 when something differs.",
            "clustertrain verify runs/mnist-20260131-120000",
            "clustertrain verify runs/mnist-20260131-120000 runs/cluster",
            "clustertrain verify runs/mnist-20260131-120000 mnist.yaml       the keys in which two recipes differ")
        {
            run, other, json,
        };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(run), parsed.GetValue(other), parsed.GetValue(json), surroundings));
        return command;
    }

    /// <summary><c>--json</c> of the commands that print what <see cref="Print"/> does.</summary>
    public static Option<bool> Json() => CommandOptions.Json("print one JSON object");

    /// <summary>Prints what was found; exit code 1 when something differs.</summary>
    public static int Print(VerificationReport report, bool isJson, Surroundings surroundings)
    {
        if (isJson)
        {
            new JsonLines(surroundings.Out).Write(json => WriteJson(json, report));
        }
        else
        {
            WriteText(report, surroundings.Out);
        }

        return report.Agrees ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private static void WriteText(VerificationReport report, TextWriter output)
    {
        foreach (var line in report.Checked)
        {
            output.WriteLine($"ok      {line}");
        }

        foreach (var line in report.Differences)
        {
            output.WriteLine($"DIFFERS {line}");
        }
    }

    private static void WriteJson(Utf8JsonWriter json, VerificationReport report)
    {
        json.WriteBoolean("agrees", report.Agrees);
        WriteLines("checked", report.Checked);
        WriteLines("differences", report.Differences);

        void WriteLines(string name, IReadOnlyList<string> lines)
        {
            json.WriteStartArray(name);
            foreach (var line in lines)
            {
                json.WriteStringValue(line);
            }

            json.WriteEndArray();
        }
    }

    private static int Run(string run, string? other, bool isJson, Surroundings surroundings)
    {
        var report = other is null ? RunVerification.Verify(run)
            : File.Exists(run) || File.Exists(other) ? RunVerification.Compare(RecipeOf(run), RecipeOf(other))
            : RunVerification.Compare(run, other);
        return Print(report, isJson, surroundings);
    }

    private static Recipe RecipeOf(string path) =>
        (Directory.Exists(path) ? RunSource.OfFolder(path) : RunSource.OfRecipe(path, [])).Recipe;
}
