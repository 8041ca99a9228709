namespace ClusterTrain.Numerics.KernelSets;

/// <summary>
/// One tile of a product: <c>c(row, column) = start(row, column) + sum over step of a(row, step) * b(step, column)</c>, the
/// steps cut in leaves. Strides are in bytes.
/// </summary>
internal unsafe struct TileArguments
{
    /// <summary>First element of A: row r, step s lies at <c>A + r * ARow + s * AStep</c>.</summary>
    public byte* A;
    public nint ARow;
    public nint AStep;

    /// <summary>First row of B: step s lies at <c>B + s * BStep</c>, its columns side by side.</summary>
    public byte* B;
    public nint BStep;

    /// <summary>Where the accumulators start from, or null for zero; only with a single leaf.</summary>
    public byte* Start;
    public nint StartRow;

    /// <summary>Where the tile goes; may be the same place as <see cref="Start"/>.</summary>
    public byte* C;
    public nint CRow;

    /// <summary>
    /// Steps in all, at least 1. Computing pairs of leaves takes theirs away, and moves A, B, Stack and FirstLeaf on.
    /// </summary>
    public nint Steps;

    /// <summary>Steps of one leaf; the last leaf may be shorter.</summary>
    public nint LeafSteps;

    /// <summary>Index of the first leaf: the tiles of the leaves before it are on the stack.</summary>
    public int FirstLeaf;

    /// <summary>Room for one tile per level of the reduction tree; unused with a single leaf.</summary>
    public byte* Stack;
}
