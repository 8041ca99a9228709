using System.CommandLine;
using ClusterTrain.Cli.Output;
using ClusterTrain.Learning.RecipeFiles;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain help</c>: what is more than a page of <c>--help</c>.</summary>
internal static class HelpCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var command = new Command("help", "Explains more than --help does.") { Recipe(surroundings), Codes(surroundings) };
        command.SetAction(parsed => parsed.RootCommandResult.Command.Parse("--help").Invoke(parsed.InvocationConfiguration));
        return command;
    }

    private static CommandWithExamples Recipe(Surroundings surroundings)
    {
        var key = new Argument<string?>("KEY")
        {
            Description = "a key or a part of a recipe, such as optimiser or layers.units (default: all keys)",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var markdown = new Option<bool>("--markdown") { Description = "the page docs/recipe.md" };
        var schema = new Option<bool>("--schema") { Description = "a JSON Schema, by which editors complete and check recipes" };
        var command = new CommandWithExamples(
            "recipe",
            "Explains the keys of a recipe: what each means, what is allowed, its default, an example.",
            "clustertrain help recipe optimiser",
            "clustertrain help recipe data.validation",
            "clustertrain help recipe --schema > recipe.schema.json")
        {
            key, markdown, schema,
        };
        command.SetAction(parsed =>
        {
            surroundings.Out.Write(
                parsed.GetValue(markdown) ? RecipeReference.Markdown()
                : parsed.GetValue(schema) ? RecipeReference.Schema()
                : Explained(parsed.GetValue(key) ?? ""));
            return ExitCodes.Ok;
        });
        return command;
    }

    private static Command Codes(Surroundings surroundings)
    {
        var command = new Command("exit-codes", "Lists the exit codes of all commands.");
        command.SetAction(_ =>
        {
            foreach (var (code, meaning) in ExitCodes.Help)
            {
                surroundings.Out.WriteLine($"{code,-4} {meaning}");
            }

            return ExitCodes.Ok;
        });
        return command;
    }

    private static string Explained(string key) => RecipeReference.Explain(key)
        ?? (RecipeReader.PathOf(key.Split('.')[^1]) is { } path && RecipeReference.Explain(path) is { } explained ? explained
        : null)
        ?? throw new UsageException($"A recipe has no key '{key}'. `clustertrain help recipe` lists all keys.");
}
