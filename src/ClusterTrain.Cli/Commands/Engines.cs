using System.CommandLine;

namespace ClusterTrain.Cli;

/// <summary>
/// The engines that can carry a cluster. Each has role commands of its own, of the same names; <c>--engine</c> says whose are meant. That of
/// Akka.NET is only there where its packages were at hand when the program was built.
/// </summary>
internal static class Engines
{
    private const string Name = "--engine";
    private const string Akka = "akka";
    private const string Tcp = "tcp";

    private static readonly string[] s_commands = ["coordinator", "parameter-server", "worker", "status"];

    /// <summary>The option of the role commands; <see cref="Apply"/> has obeyed it before they are parsed.</summary>
    public static Option<string?> Option() => new(Name)
    {
        Description = $"what carries the cluster: {Tcp}, or {Akka} where it is in the build (default: {Tcp})",
        HelpName = $"{Tcp}|{Akka}",
    };

    /// <summary>Gives the command line the role commands of the engine that is asked for.</summary>
    /// <param name="root">Has the commands of the TCP engine.</param>
    /// <param name="args">The command line.</param>
    /// <param name="surroundings">Where it runs.</param>
    /// <exception cref="UsageException">There is no such engine, or it is not in this build.</exception>
    public static void Apply(RootCommand root, string[] args, Surroundings surroundings)
    {
        var (source, engine) = Asked(args) is { } asked ? (Name, asked) : FromEnvironment(args, surroundings);
        switch (engine)
        {
            case null or Tcp:
                break;
            case Akka:
#if AKKA
                foreach (var command in AkkaCommands.All(surroundings))
                {
                    if (root.Subcommands.FirstOrDefault(other => other.Name == command.Name) is { } other)
                        root.Subcommands.Remove(other);
                    root.Subcommands.Add(command);
                }

                break;
#else
                throw new UsageException(
                    $"{source} is '{Akka}': this build is without the Akka engine, because its packages were not at hand; "
                    + "build with -p:Akka=true where they are (docs/akka.md).");
#endif
            case { } unknown:
                throw new UsageException($"{source} is '{unknown}'; there are {Tcp} and {Akka}.");
        }
    }

    private static string? Asked(string[] args)
    {
        for (var index = 0; index < args.Length && args[index] != "--"; index++)
        {
            if (args[index] == Name && index + 1 < args.Length)
                return args[index + 1];
            if (args[index].StartsWith($"{Name}=", StringComparison.Ordinal))
                return args[index][(Name.Length + 1)..];
        }

        return null;
    }

    private static (string Source, string? Engine) FromEnvironment(string[] args, Surroundings surroundings)
    {
        var variable = EnvironmentValues.Name(Name);
        return (variable, args.Length > 0 && s_commands.Contains(args[0]) && surroundings.Variable(variable) is { Length: > 0 } engine ? engine : null);
    }
}
