namespace ClusterTrain.Numerics.KernelSets;

public abstract unsafe partial class Kernels
{
    /// <summary>Widest tile of a product that skips zeros, in vectors.</summary>
    internal const int SparseVectors = 4;

    /// <summary>Steps that one mask of <see cref="NonZeroRows"/> can tell apart.</summary>
    internal const int MaskRows = 32;

    /// <summary>Rows of a tile of a product that skips zeros: 1 to 4, up to 8 where it is one vector wide.</summary>
    /// <param name="vectors">Width of the tile in vectors, 1 to <see cref="SparseVectors"/>.</param>
    internal abstract int SparseTileHeight(int vectors);

    /// <summary>How fast such a tile takes its steps, against a tile that takes all of them: measured, 0 to 1.</summary>
    internal abstract double SparseTileSpeed { get; }

    /// <summary>Computes one tile of a product that skips zeros.</summary>
    /// <param name="height">Rows of the tile, 1 to what <see cref="SparseTileHeight"/> allows.</param>
    /// <param name="vectors">Width of the tile in vectors, 1 to <see cref="SparseVectors"/>.</param>
    /// <param name="tile">What to compute.</param>
    internal abstract void RunSparseTile(int height, int vectors, SparseTileArguments* tile);

    /// <summary>Finds the columns in which any of a few rows is not zero.</summary>
    /// <param name="source">(rows, columns)</param>
    /// <param name="stride">Floats from row to row.</param>
    /// <param name="rows">Number of rows, at least 1.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="words">Receives a bit per column, 64 in a word; bits behind the last column are zero.</param>
    internal abstract void NonZeroColumns(float* source, nint stride, int rows, int columns, ulong* words);

    /// <summary>Finds for each column the rows in which it is not zero.</summary>
    /// <param name="source">(rows, columns)</param>
    /// <param name="stride">Floats from row to row.</param>
    /// <param name="rows">Number of rows, 1 to <see cref="MaskRows"/>.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="masks">(columns) receives a bit per row.</param>
    internal abstract void NonZeroRows(float* source, nint stride, int rows, int columns, uint* masks);

    /// <summary>
    /// Copies rows to a contiguous panel as <see cref="CopyPanel"/> does, 1 to <see cref="SparseVectors"/> vectors each.
    /// </summary>
    /// <returns>True when all that was copied is finite.</returns>
    internal abstract bool CopyFinitePanel(float* source, nint stride, int count, float* panel, int vectors);
}
