using ClusterTrain.Cli;
using ClusterTrain.Cli.Output;

if (OpenFiles.Refusal(args) is { } refusal)
{
    Console.Error.WriteLine(refusal);
    return ExitCodes.Failed;
}

using var surroundings = Surroundings.OfProcess();
return CommandLine.Run(args, surroundings);
