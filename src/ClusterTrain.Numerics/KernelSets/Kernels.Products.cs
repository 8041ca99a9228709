namespace ClusterTrain.Numerics.KernelSets;

public abstract unsafe partial class Kernels
{
    /// <summary>Floats in one vector.</summary>
    internal abstract int Width { get; }

    /// <summary>Rows of the tallest tile whose accumulators, two vectors wide, stay in registers.</summary>
    internal abstract int TileHeight { get; }

    /// <summary>Rows of the tallest tile that computes two leaves at a time.</summary>
    internal abstract int PairTileHeight { get; }

    /// <summary>Computes one tile of a product.</summary>
    /// <param name="height">Rows of the tile, 1 to <see cref="TileHeight"/>.</param>
    /// <param name="vectors">Width of the tile in vectors, 1 or 2.</param>
    /// <param name="tile">What to compute.</param>
    internal abstract void RunTile(int height, int vectors, TileArguments* tile);

    /// <summary>
    /// Copies <paramref name="count"/> rows of <paramref name="vectors"/> vectors each to a contiguous panel. The vectors are
    /// read whole, so every row must have that many readable floats.
    /// </summary>
    internal abstract void CopyPanel(float* source, nint stride, int count, float* panel, int vectors);

    /// <summary>Runs 12 independent chains of fused multiply-adds in registers; the measure of the core's own peak.</summary>
    /// <returns>A value that depends on every chain, so that none can be left out.</returns>
    internal abstract float MultiplyAddChains(int iterations);
}
