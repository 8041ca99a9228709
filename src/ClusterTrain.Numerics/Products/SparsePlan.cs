using System.Numerics;
using System.Runtime.CompilerServices;

namespace ClusterTrain.Numerics;

/// <summary>
/// Which steps each tile of a <see cref="StridedProduct"/> has to visit: those in which any of its rows of A is not zero. Grows
/// to its largest product and is then reused.
/// </summary>
/// <remarks>
/// Leaves of which nothing is left drop out of the reduction tree: a node with one empty child is its other child. When leaf j
/// is the next after i that is not empty, the two part at the node whose height is the highest bit in which i and j differ:
/// what is complete below it is added, and its left half then waits.
/// </remarks>
internal sealed unsafe class SparsePlan : IDisposable
{
    private const int WordSteps = 64;

    // Visiting a listed step costs more than one of a run: the gain ends before the zeros do.
    private const double MaximumDensity = 0.6;

    // With fewer columns, a product with a tree is faster the other way round: A's rows as columns, none skipped.
    private const int MinimumTreeColumns = 16;

    // A few rows tell whether it is worth looking at all of them.
    private const int SampleRows = 4;

    private readonly AlignedMemory _masks = new();
    private readonly AlignedMemory _words = new();
    private int[] _counts = [];
    private int _wordsPerTile;
    private int _tileRows;
    private int _tallTiles;
    private long _visits;

    /// <summary>Number of tiles.</summary>
    public int Tiles { get; private set; }

    /// <summary>Share of the steps that the tiles visit, 0 to 1.</summary>
    public double Density { get; private set; }

    /// <summary>First row of a tile. Rows are shared out evenly.</summary>
    public int TileStart(int tile) => (tile * _tileRows) + Math.Min(tile, _tallTiles);

    /// <summary>The words of a tile; those of tile number <see cref="Tiles"/> list every step.</summary>
    public ReadOnlySpan<SparseWord> Words(int tile) => new(First(tile), _counts[tile]);

    /// <summary>Plans a product, unless it is faster without.</summary>
    /// <param name="product">The product: A's rows are contiguous, or with a tree its columns.</param>
    /// <param name="kernels">The kernels to use.</param>
    /// <param name="height">Rows of a tile.</param>
    /// <returns>False when too little can be skipped; there is no plan then.</returns>
    public bool TryBuild(in StridedProduct product, Kernels kernels, int height)
    {
        var alongSteps = product.AColumn == 1 && !product.HasTree;
        if (product.N < MinimumTreeColumns && !alongSteps)
            return false;
        if (alongSteps ? IsDense(product.A, product.ARow, product.M, product.K, kernels)
            : IsDense(product.A, product.AColumn, product.K, product.M, kernels))
            return false;

        Tiles = DivideUp(product.M, height);
        (_tileRows, _tallTiles) = Math.DivRem(product.M, Tiles);
        var leafWords = DivideUp(product.LeafK, alongSteps ? WordSteps : Kernels.MaskRows);
        _wordsPerTile = product.Leaves * leafWords;
        _words.Grow((nint)(Tiles + 1) * _wordsPerTile * sizeof(SparseWord));
        if (_counts.Length <= Tiles)
            _counts = new int[Tiles + 1];
        _visits = 0;
        if (alongSteps)
            BuildAlongSteps(product, kernels, leafWords);
        else
            BuildAcrossSteps(product, kernels, leafWords);
        BuildWhole(product);
        Density = (double)_visits / ((double)Tiles * product.K);
        return Density <= MaximumDensity;
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _masks.Dispose();
        _words.Dispose();
    }

    private bool IsDense(float* values, nint stride, int rows, int columns, Kernels kernels)
    {
        var words = DivideUp(columns, WordSteps);
        _masks.Grow((nint)words * sizeof(ulong));
        var masks = (ulong*)_masks.Pointer;
        long count = 0;
        for (var sample = 0; sample < SampleRows; sample++)
        {
            kernels.NonZeroColumns(values + ((nint)((long)rows * sample / SampleRows) * stride), stride, 1, columns, masks);
            for (var word = 0; word < words; word++)
                count += BitOperations.PopCount(masks[word]);
        }

        return count > MaximumDensity * SampleRows * columns;
    }

    // A's rows are contiguous; there is one leaf.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void BuildAlongSteps(in StridedProduct product, Kernels kernels, int words)
    {
        _masks.Grow((nint)words * sizeof(ulong));
        var masks = (ulong*)_masks.Pointer;
        for (var tile = 0; tile < Tiles; tile++)
        {
            var row = TileStart(tile);
            kernels.NonZeroColumns(product.A + (row * product.ARow), product.ARow, TileStart(tile + 1) - row, product.K, masks);
            var writer = new Writer(First(tile));
            for (var word = 0; word < words; word++)
                writer.Add(masks[word], word * WordSteps, 0);
            Finish(tile, ref writer);
        }
    }

    // A's columns are contiguous; a tile's rows lie side by side in each.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void BuildAcrossSteps(in StridedProduct product, Kernels kernels, int leafWords)
    {
        var (rows, leaves, leafSteps) = (product.M, product.Leaves, product.LeafK);
        _masks.Grow((nint)_wordsPerTile * rows * sizeof(uint));
        var masks = (uint*)_masks.Pointer;
        for (var word = 0; word < _wordsPerTile; word++)
        {
            var target = masks + ((nint)word * rows);
            var (first, count) = StepsOfWord(product, word, leafWords);
            if (count > 0)
                kernels.NonZeroRows(product.A + (first * product.AColumn), product.AColumn, count, rows, target);
            else
                new Span<uint>(target, rows).Clear();
        }

        for (var tile = 0; tile < Tiles; tile++)
        {
            var row = TileStart(tile);
            var last = TileStart(tile + 1) - row - 1;
            var mask0 = masks + row;
            var mask1 = mask0 + Math.Min(1, last);
            var mask2 = mask0 + Math.Min(2, last);
            var mask3 = mask0 + Math.Min(3, last);
            nint place = 0;
            var writer = new Writer(First(tile));
            for (var leaf = 0; leaf < leaves; leaf++)
            {
                var step = leaf * leafSteps;
                for (var word = 0; word < leafWords; word++)
                {
                    var any = mask0[place] | mask1[place] | mask2[place] | mask3[place];
                    for (var r = 4; r <= last; r++)
                        any |= mask0[place + r];
                    writer.Add(any, step, leaf);
                    step += Kernels.MaskRows;
                    place += rows;
                }
            }

            Finish(tile, ref writer);
        }
    }

    // The last leaf may be short, so that not all of its words have steps.
    private static (nint First, int Count) StepsOfWord(in StridedProduct product, int word, int leafWords)
    {
        var leafFirst = word / leafWords * product.LeafK;
        var inLeaf = word % leafWords * Kernels.MaskRows;
        var left = Math.Min(product.LeafK, product.K - leafFirst) - inLeaf;
        return ((nint)leafFirst + inLeaf, Math.Min(Kernels.MaskRows, left));
    }

    private void BuildWhole(in StridedProduct product)
    {
        var writer = new Writer(First(Tiles));
        for (var leaf = 0; leaf < product.Leaves; leaf++)
        {
            var first = leaf * product.LeafK;
            var steps = Math.Min(product.LeafK, product.K - first);
            for (var step = 0; step < steps; step += WordSteps)
                writer.Add(ulong.MaxValue >> Math.Max(0, WordSteps - (steps - step)), first + step, leaf);
        }

        _counts[Tiles] = writer.Finish();
    }

    private void Finish(int tile, ref Writer writer)
    {
        _counts[tile] = writer.Finish();
        _visits += writer.Visits;
    }

    private SparseWord* First(int tile) => (SparseWord*)_words.Pointer + ((nint)tile * _wordsPerTile);

    private static int DivideUp(int count, int size) => (int)(((long)count + size - 1) / size);

    /// <summary>Writes the words of one tile.</summary>
    private struct Writer(SparseWord* first)
    {
        private readonly SparseWord* _first = first;
        private SparseWord* _next = first;
        private int _leaf = -1;

        // Bit h: a node of height h waits for its right sibling.
        private uint _waiting;

        public int Visits { get; private set; }

        /// <summary>Adds steps of a leaf; leaves and steps ascend.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(ulong steps, int first, int leaf)
        {
            if (steps == 0)
                return;
            if (leaf != _leaf && _leaf >= 0)
            {
                var height = BitOperations.Log2((uint)(_leaf ^ leaf));
                var complete = _waiting & ((1u << height) - 1);
                _next[-1].Merges = (short)BitOperations.PopCount(complete);
                _next[-1].Waits = true;
                _waiting = (_waiting ^ complete) | (1u << height);
            }

            _leaf = leaf;
            *_next++ = new SparseWord { Steps = steps, First = first };
            Visits += BitOperations.PopCount(steps);
        }

        /// <summary>Closes the nodes that still wait.</summary>
        /// <returns>Number of words.</returns>
        public readonly int Finish()
        {
            if (_waiting != 0)
                _next[-1].Merges = (short)BitOperations.PopCount(_waiting);
            return (int)(_next - _first);
        }
    }
}
