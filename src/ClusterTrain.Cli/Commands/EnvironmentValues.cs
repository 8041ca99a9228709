using System.CommandLine;
using ClusterTrain.Cli.Output;

namespace ClusterTrain.Cli.Commands;

/// <summary>
/// Options of a node that the command line does not give, from the environment: <c>--min-workers</c> is
/// <c>CLUSTERTRAIN_MIN_WORKERS</c>, the argument <c>RECIPE</c> is <c>CLUSTERTRAIN_RECIPE</c>.
/// </summary>
internal static class EnvironmentValues
{
    private const string Prefix = "CLUSTERTRAIN_";

    /// <summary>The variable of an option or argument.</summary>
    public static string Name(string option) => Prefix + option.TrimStart('-').Replace('-', '_').ToUpperInvariant();

    /// <summary>The command line with the values of variables added; an empty variable is none.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="parsed">As it was parsed.</param>
    /// <param name="variable">The environment.</param>
    /// <param name="used">Receives the variables that were used.</param>
    /// <exception cref="UsageException">A switch's variable is neither true nor false.</exception>
    public static string[] Add(string[] args, ParseResult parsed, Func<string, string?> variable, List<string> used)
    {
        if (parsed.CommandResult.Command is not CommandWithExamples { TakesEnvironment: true } command || AsksForHelp(parsed))
        {
            return args;
        }

        var added = new List<string>(args);
        foreach (var option in command.Options.Where(option => parsed.GetResult(option) is null or { Implicit: true }))
        {
            // --data is looked at before the folders of CLUSTERTRAIN_DATA, which is a list and known to all commands.
            if (option is System.CommandLine.Help.HelpOption or VersionOption || option.Name == "--data" || Value(option.Name) is not { } value)
            {
                continue;
            }

            if (option.ValueType == typeof(bool))
            {
                added.AddRange(IsOn(Name(option.Name), value) ? [option.Name] : []);
            }
            else if (option.ValueType.IsArray)
            {
                added.AddRange(value.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                    .SelectMany(one => new[] { option.Name, one }));
            }
            else
            {
                added.AddRange([option.Name, value]);
            }
        }

        foreach (var argument in command.Arguments.Where(argument => parsed.GetResult(argument) is null or { Tokens.Count: 0 }))
        {
            if (Value(argument.Name) is { } value)
            {
                added.Add(value);
            }
        }

        return [.. added];

        string? Value(string name)
        {
            if (variable(Name(name)) is not { Length: > 0 } value)
            {
                return null;
            }

            used.Add($"{Name(name)}={value}");
            return value;
        }
    }

    private static bool AsksForHelp(ParseResult parsed) => parsed.Action is System.CommandLine.Help.HelpAction or CommandHelp;

    private static bool IsOn(string name, string value) => value.ToLowerInvariant() switch
    {
        "1" or "true" or "yes" or "on" => true,
        "0" or "false" or "no" or "off" => false,
        _ => throw new UsageException($"{name} is '{value}'; allowed are true and false."),
    };
}
