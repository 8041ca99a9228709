using ClusterTrain.Numerics.KernelSets;

namespace ClusterTrain.Cli.Output;

/// <summary>The kernels a command computes with.</summary>
internal static class KernelChoice
{
    /// <summary>The widest, or those the environment names.</summary>
    /// <exception cref="UsageException">The environment names kernels that do not exist here.</exception>
    public static Kernels Active()
    {
        try
        {
            return Kernels.Active;
        }
        catch (InvalidOperationException error)
        {
            throw new UsageException(error.Message, error);
        }
    }
}
