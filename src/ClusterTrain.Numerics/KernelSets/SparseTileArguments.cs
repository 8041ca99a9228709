namespace ClusterTrain.Numerics.KernelSets;

/// <summary>
/// One tile of a product that visits listed steps only: <c>c(row, column) = start(column) + sum over the listed steps of
/// a(row, step) * b(step, column)</c>. Strides are in bytes.
/// </summary>
internal unsafe struct SparseTileArguments
{
    /// <summary>
    /// First element of A: step s of row 0 lies at <c>A + s * AStep</c>, and that of row r, 1 to 3, <c>ARow</c>r from there. Rows 4 to 7
    /// lie <c>ARow4</c> from rows 0 to 3.
    /// </summary>
    public byte* A;
    public nint ARow1;
    public nint ARow2;
    public nint ARow3;
    public nint ARow4;
    public nint AStep;

    /// <summary>First row of B: step s lies at <c>B + s * BStep</c>, its columns side by side.</summary>
    public byte* B;
    public nint BStep;

    /// <summary>The steps to visit, in ascending order; none gives a tile of zeros (or of the start).</summary>
    public SparseWord* Words;
    public nint WordCount;

    /// <summary>One row that all rows of the tile start from, or null for zero; only with a single leaf.</summary>
    public byte* Start;

    /// <summary>Where the tile goes; its rows lie as those of A do.</summary>
    public byte* C;
    public nint CRow1;
    public nint CRow2;
    public nint CRow3;
    public nint CRow4;

    /// <summary>Columns of the tile's last vector that are stored, 1 to the vector's width.</summary>
    public int LastLanes;

    /// <summary>Room for one tile per level of the reduction tree; unused with a single leaf.</summary>
    public byte* Stack;
}

/// <summary>Up to 64 steps of a tile, and what follows them in the reduction tree.</summary>
internal struct SparseWord
{
    /// <summary>Bit s stands for step <see cref="First"/> + s.</summary>
    public ulong Steps;

    /// <summary>The step of the lowest bit.</summary>
    public int First;

    /// <summary>Waiting nodes that are now added to the left of this sum, the newest first.</summary>
    public short Merges;

    /// <summary>True when the sum then waits on the stack and the next word begins a new one.</summary>
    public bool Waits;
}
