namespace ClusterTrain.Numerics.Threading;

/// <summary>Work that falls into independent parts, for <see cref="ComputePool"/>.</summary>
public interface IComputeJob
{
    /// <summary>Computes one part. Parts run at the same time on several threads, in any order.</summary>
    /// <param name="part">Index of the part.</param>
    /// <param name="thread">Index of the thread, 0 to threads - 1; no two parts run at once under the same index.</param>
    void Execute(int part, int thread);
}
