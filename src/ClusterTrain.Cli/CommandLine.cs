using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using ClusterTrain.Cli.Commands;
using ClusterTrain.Cli.Commands.Cluster;
using ClusterTrain.Cli.Output;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Data.Common;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Runs;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Cli;

/// <summary>The <c>clustertrain</c> command: all of its commands, and what an error becomes.</summary>
internal static class CommandLine
{
    /// <summary>Runs one command line.</summary>
    /// <param name="args">The arguments.</param>
    /// <param name="surroundings">Where it runs.</param>
    /// <returns>The exit code, see <see cref="ExitCodes"/>.</returns>
    public static int Run(string[] args, Surroundings surroundings)
    {
        try
        {
            // An argument that begins with @ is a file's name like any other.
            var root = Root(surroundings);
            var settings = new ParserConfiguration { ResponseFileTokenReplacer = null };
            var variables = new List<string>();
            var parsed = root.Parse(args, settings);
            parsed = root.Parse(EnvironmentValues.Add(args, parsed, surroundings.Variable, variables), settings);
            var mistakes = Mistakes(args, parsed);
            if (mistakes.Count > 0)
            {
                foreach (var mistake in mistakes)
                {
                    surroundings.Error.WriteLine($"error: {mistake}");
                }

                if (variables.Count > 0)
                {
                    surroundings.Error.WriteLine($"From the environment: {string.Join(", ", variables)}");
                }

                surroundings.Error.WriteLine($"`{CommandHelp.PathOf(parsed.CommandResult)} --help` shows what is allowed.");
                return ExitCodes.Usage;
            }

            return parsed.Invoke(new InvocationConfiguration
            {
                Output = surroundings.Out,
                Error = surroundings.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            });
        }
        catch (OperationCanceledException) when (surroundings.Interruption.ExitCode != ExitCodes.Ok)
        {
            surroundings.Error.WriteLine("stopped");
            return surroundings.Interruption.ExitCode;
        }
        catch (Exception error)
        {
            return Explain(error, surroundings.Error);
        }
    }

    /// <summary>All commands.</summary>
    /// <param name="surroundings">Where they run.</param>
    public static RootCommand Root(Surroundings surroundings)
    {
        var root = new RootCommand("Trains neural networks, with the same bits however many workers there are.")
        {
            InitCommand.Create(surroundings),
            TrainCommand.Create(surroundings),
            UpCommand.Create(surroundings),
            CoordinatorCommand.Create(surroundings),
            ParameterServerCommand.Create(surroundings),
            WorkerCommand.Create(surroundings),
            StatusCommand.Create(surroundings),
            TopCommand.Create(surroundings),
            DashboardCommand.Create(surroundings),
            PredictCommand.Create(surroundings),
            ScoreCommand.Create(surroundings),
            ReportCommand.Create(surroundings),
            ExportCommand.Create(surroundings),
            VerifyCommand.Create(surroundings),
            ReplayCommand.Create(surroundings),
            CheckCommand.Create(surroundings),
            DataCommand.Create(surroundings),
            BenchCommand.Create(surroundings),
            HelpCommand.Create(surroundings),
        };
        root.Options.OfType<VersionOption>().Single().Action = new VersionAction();
        var help = new CommandHelp(
        [
            "clustertrain train                       digits, offline, in seconds",
            "clustertrain train configs/mnist.yaml    MNIST, downloaded if missing",
            "clustertrain up configs/mnist.yaml --workers 4    the same bits from a cluster of processes",
            "clustertrain score runs/mnist-...        how well the result does",
        ]);
        root.Options.OfType<HelpOption>().Single().Action = help;
        root.SetAction(help.Invoke);
        return root;
    }

    /// <summary>What is wrong with the words of a command line; empty: nothing is.</summary>
    private static List<string> Mistakes(string[] args, ParseResult parsed)
    {
        if (parsed.Action is HelpAction or CommandHelp or VersionAction)
        {
            return [];
        }

        // The parser takes an option it does not know for an argument, a recipe's path for one. After -- a path may look so.
        var command = parsed.CommandResult.Command;
        var words = parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(result => result.Tokens).Select(token => token.Value);
        var unknown = args.Contains("--") ? [] : words.Concat(parsed.UnmatchedTokens).Where(word => word is ['-', _, ..]).Distinct().ToList();
        if (unknown.Count > 0)
        {
            return [.. unknown.Select(word => $"unknown option '{word}'.{Remedy(word, args, command)}")];
        }

        if (command.Subcommands.Count > 0 && parsed.UnmatchedTokens is [var first, ..])
        {
            return [$"unknown command '{first}'.{Suggestion(first, command.Subcommands.Select(sub => sub.Name))}"];
        }

        if (parsed.Action is ParseErrorAction)
        {
            return [.. parsed.Errors.Select(error => error.Message)];
        }

        return args.Contains("") ? ["an argument is empty; write a value, or look whether a variable of the shell is set."] : [];
    }

    private static string Remedy(string word, string[] args, Command command)
    {
        var name = word.Split('=')[0];
        if (!word.StartsWith("--", StringComparison.Ordinal) || command.Options.All(option => option.Name != "--set")
            || RecipeReader.PathOf(name.TrimStart('-')) is not { } path)
        {
            return Suggestion(word, command.Options.Select(option => option.Name));
        }

        var at = Array.IndexOf(args, word);
        var value = word.Contains('=', StringComparison.Ordinal) ? word[(name.Length + 1)..]
            : at + 1 < args.Length && !args[at + 1].StartsWith("--", StringComparison.Ordinal) ? args[at + 1]
            : "VALUE";
        return $" It is a value of the recipe: use --set {path}={value}.";
    }

    private static string Suggestion(string word, IEnumerable<string> known) =>
        Spelling.Nearest(word, [.. known]) is { } near ? $" Did you mean '{near}'?" : "";

    // The one place where an exception becomes words: mistakes of the user are one line without a stack trace.
    private static int Explain(Exception error, TextWriter output)
    {
        switch (error)
        {
            case RecipeException recipe:
                foreach (var problem in recipe.Problems)
                {
                    output.WriteLine($"error: {problem}");
                }

                return ExitCodes.Usage;
            case UsageException or DataException or RunFolderException or SafetensorsException or ClusterException
                or FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException:
                output.WriteLine($"error: {error.Message}");
                return ExitCodes.Usage;
            case OutOfMemoryException:
                output.WriteLine(
                    "error: not enough memory. Make the batch or the layers smaller, use fewer workers, or have the rows read from a file: "
                    + "clustertrain data prepare.");
                return ExitCodes.Failed;
            case TrainingException or IOException:
                output.WriteLine($"error: {error.Message}");
                return ExitCodes.Failed;
            default:
                output.WriteLine($"error: {error.GetType().FullName}: {error.Message}");
                output.WriteLine("This is a bug in ClusterTrain. Please report it, with the command line and these lines:");
                output.WriteLine(error.ToString());
                return ExitCodes.Internal;
        }
    }
}
