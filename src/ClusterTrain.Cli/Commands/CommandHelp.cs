using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using ClusterTrain.Cli.Output;

namespace ClusterTrain.Cli.Commands;

/// <summary>A command with examples in its help text.</summary>
/// <param name="name">Its name.</param>
/// <param name="description">What it does.</param>
/// <param name="examples">Whole command lines, each perhaps with a remark.</param>
internal sealed class CommandWithExamples(string name, string description, params string[] examples) : Command(name, description)
{
    public IReadOnlyList<string> Examples { get; } = examples;

    /// <summary>True: options that are not given come from the environment, see <see cref="EnvironmentValues"/>.</summary>
    public bool TakesEnvironment { get; set; }
}

/// <summary>The help text: the usual one, then examples and where more is explained.</summary>
/// <param name="rootExamples">The examples of <c>clustertrain --help</c>.</param>
internal sealed class CommandHelp(string[] rootExamples) : SynchronousCommandLineAction
{
    private const int Width = 110;

    /// <summary>The words of a command, from the first on.</summary>
    public static string PathOf(CommandResult result) =>
        result.Parent is CommandResult parent ? $"{PathOf(parent)} {result.Command.Name}" : "clustertrain";

    public override int Invoke(ParseResult parseResult)
    {
        new HelpAction { MaxWidth = Width }.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        IReadOnlyList<string> examples = parseResult.CommandResult.Command switch
        {
            RootCommand => rootExamples,
            CommandWithExamples command => command.Examples,
            _ => [],
        };
        if (examples.Count > 0)
        {
            output.WriteLine("Examples:");
            foreach (var example in examples)
            {
                output.WriteLine($"  {example}");
            }

            output.WriteLine();
        }

        if (parseResult.CommandResult.Command is CommandWithExamples { TakesEnvironment: true })
        {
            output.WriteLine("Environment:");
            output.WriteLine("  Every option also comes from a variable: --min-workers from CLUSTERTRAIN_MIN_WORKERS, RECIPE from "
                + "CLUSTERTRAIN_RECIPE,");
            output.WriteLine("  several --set from the lines of CLUSTERTRAIN_SET. The cluster's secret itself: CLUSTERTRAIN_SECRET.");
            output.WriteLine();
        }

        output.WriteLine("Exit codes: clustertrain help exit-codes");
        return ExitCodes.Ok;
    }
}
