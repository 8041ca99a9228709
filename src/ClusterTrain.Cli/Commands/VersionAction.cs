using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;
using ClusterTrain.Cli.Output;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>--version</c>: the program's version with the commit it was built from.</summary>
internal sealed class VersionAction : SynchronousCommandLineAction
{
    /// <summary>The version.</summary>
    public static string Version =>
        typeof(VersionAction).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    public override int Invoke(ParseResult parseResult)
    {
        parseResult.InvocationConfiguration.Output.WriteLine($"clustertrain {Version}");
        return ExitCodes.Ok;
    }
}
