using System.CommandLine;

namespace ClusterTrain.Cli;

/// <summary>
/// The engines that can carry a cluster. Each has role commands of its own, of the same names; <c>--engine</c> says whose are meant. That of
/// Akka.NET is only there where its packages were at hand when the program was built.
/// </summary>
internal static class Engines
{
    private const string Option = "--engine";
    private const string Akka = "akka";
    private const string Tcp = "tcp";

    /// <summary>Gives the command line the role commands of the engine that is asked for.</summary>
    /// <param name="root">Has the commands of the TCP engine.</param>
    /// <param name="args">The command line.</param>
    /// <param name="surroundings">Where it runs.</param>
    /// <exception cref="UsageException">There is no such engine, or it is not in this build.</exception>
    public static void Apply(RootCommand root, string[] args, Surroundings surroundings)
    {
        switch (Asked(args))
        {
            case null or Tcp:
                break;
            case Akka:
                UseAkka(root, surroundings);
                break;
            case { } other:
                throw new UsageException($"{Option} is '{other}'; there are {Tcp} and {Akka}.");
        }
    }

    private static string? Asked(string[] args)
    {
        for (var index = 0; index < args.Length && args[index] != "--"; index++)
        {
            if (args[index] == Option && index + 1 < args.Length)
                return args[index + 1];
            if (args[index].StartsWith($"{Option}=", StringComparison.Ordinal))
                return args[index][(Option.Length + 1)..];
        }

        return null;
    }

#if AKKA
    private static void UseAkka(RootCommand root, Surroundings surroundings)
    {
        foreach (var command in AkkaCommands.All(surroundings))
        {
            if (root.Subcommands.FirstOrDefault(other => other.Name == command.Name) is { } other)
                root.Subcommands.Remove(other);
            root.Subcommands.Add(command);
        }
    }
#else
    private static void UseAkka(RootCommand root, Surroundings surroundings) => throw new UsageException(
        $"{Option} {Akka}: this build is without the Akka engine, because its packages were not at hand; build with -p:Akka=true where they are (docs/akka.md).");
#endif
}
