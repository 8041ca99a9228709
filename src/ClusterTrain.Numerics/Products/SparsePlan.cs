using System.Numerics;
using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Memory;

namespace ClusterTrain.Numerics.Products;

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

    // One tile (or step) in so many, and at most a few, tell whether it is worth looking at all of them.
    private const int PartsOfSample = 16;
    private const int MaximumSamples = 4;

    // Rows that are zero in the same steps are put into one tile. To look for them takes time for each row, and gains for each
    // column: with fewer than this many vectors of columns it does not pay, nor to look further than this many rows.
    private const int MinimumGroupedVectors = 16;
    private const int GroupWindow = 32;

    private readonly AlignedMemory _masks = new();
    private readonly AlignedMemory _words = new();
    private int[] _counts = [];
    private int[] _rows = [];
    private int _wordsPerTile;
    private int _tileRows;
    private int _tallTiles;
    private long _visits;

    /// <summary>Number of tiles.</summary>
    public int Tiles { get; private set; }

    /// <summary>Share of the steps that the tiles visit, 0 to 1.</summary>
    public double Density { get; private set; }

    /// <summary>The rows of a tile: up to four in any order, or more that follow each other.</summary>
    public ReadOnlySpan<int> Rows(int tile) => _rows.AsSpan(TileStart(tile)..TileStart(tile + 1));

    /// <summary>The words of a tile; those of tile number <see cref="Tiles"/> list every step.</summary>
    public ReadOnlySpan<SparseWord> Words(int tile) => new(First(tile), _counts[tile]);

    /// <summary>Plans a product, unless it is faster without.</summary>
    /// <param name="product">The product: A's rows are contiguous, or with a tree its columns.</param>
    /// <param name="kernels">The kernels to use.</param>
    /// <param name="maximumDensity">The largest share of steps to visit with which a plan pays; below 0 there is none.</param>
    /// <returns>False when too little can be skipped; there is no plan then.</returns>
    public bool TryBuild(in StridedProduct product, Kernels kernels, double maximumDensity)
    {
        if (maximumDensity < 0)
        {
            return false;
        }

        var alongSteps = product.AColumn == 1 && !product.HasTree;
        var height = kernels.SparseTileHeight(SparseProduct.PanelVectors(product, kernels));
        Tiles = DivideUp(product.M, height);
        (_tileRows, _tallTiles) = Math.DivRem(product.M, Tiles);
        var leafWords = DivideUp(product.LeafK, alongSteps ? WordSteps : Kernels.MaskRows);
        _wordsPerTile = product.Leaves * leafWords;

        // Before the zeros decide: a later batch of this shape finds room.
        _words.Grow((nint)(Tiles + 1) * _wordsPerTile * sizeof(SparseWord));
        if (_counts.Length <= Tiles)
        {
            _counts = new int[Tiles + 1];
        }

        if (_rows.Length < product.M)
        {
            _rows = new int[product.M];
        }

        if ((alongSteps ? SampleAlongSteps(product, kernels) : SampleAcrossSteps(product, kernels)) > maximumDensity)
        {
            return false;
        }

        for (var row = 0; row < product.M; row++)
        {
            _rows[row] = row;
        }

        _visits = 0;
        if (alongSteps)
        {
            BuildAlongSteps(product, kernels, leafWords, groupsRows: height <= 4 && product.N >= MinimumGroupedVectors * kernels.Width);
        }
        else
        {
            BuildAcrossSteps(product, kernels, leafWords);
        }

        BuildWhole(product);
        Density = (double)_visits / ((double)Tiles * product.K);
        return Density <= maximumDensity;
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _masks.Dispose();
        _words.Dispose();
    }

    private static int Samples(int of) => Math.Clamp(of / PartsOfSample, 1, MaximumSamples);

    // The density of a few tiles.
    private double SampleAlongSteps(in StridedProduct product, Kernels kernels)
    {
        var masks = SampleMasks(product.K, out var words);
        var samples = Samples(Tiles);
        long visits = 0;
        for (var sample = 0; sample < samples; sample++)
        {
            var tile = (int)((long)Tiles * sample / samples);
            var row = TileStart(tile);
            kernels.NonZeroColumns(product.A + (row * product.ARow), product.ARow, TileStart(tile + 1) - row, product.K, masks);
            for (var word = 0; word < words; word++)
            {
                visits += BitOperations.PopCount(masks[word]);
            }
        }

        return (double)visits / ((double)samples * product.K);
    }

    // The share of tiles that a few steps visit, those between two words left out.
    private double SampleAcrossSteps(in StridedProduct product, Kernels kernels)
    {
        var masks = SampleMasks(product.M, out var words);
        var samples = Samples(product.K);
        long visits = 0;
        for (var sample = 0; sample < samples; sample++)
        {
            var step = (nint)((long)product.K * sample / samples);
            kernels.NonZeroColumns(product.A + (step * product.AColumn), product.AColumn, 1, product.M, masks);
            for (var word = 0; word < words; word++)
            {
                var any = masks[word];
                for (var row = 1; row < _tileRows; row++)
                {
                    any |= masks[word] >> row;
                }

                visits += BitOperations.PopCount(any);
            }
        }

        return (double)visits / ((double)samples * product.M);
    }

    // Rows are shared out evenly.
    private int TileStart(int tile) => (tile * _tileRows) + Math.Min(tile, _tallTiles);

    private ulong* SampleMasks(int columns, out int words)
    {
        words = DivideUp(columns, WordSteps);
        _masks.Grow((nint)words * sizeof(ulong));
        return (ulong*)_masks.Pointer;
    }

    // A's rows are contiguous; there is one leaf.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void BuildAlongSteps(in StridedProduct product, Kernels kernels, int words, bool groupsRows)
    {
        _masks.Grow((nint)(groupsRows ? product.M + 1 : 1) * words * sizeof(ulong));
        var any = (ulong*)_masks.Pointer;
        var masks = any + words;
        if (groupsRows)
        {
            for (var row = 0; row < product.M; row++)
            {
                kernels.NonZeroColumns(product.A + (row * product.ARow), product.ARow, 1, product.K, masks + ((nint)row * words));
            }
        }

        for (var tile = 0; tile < Tiles; tile++)
        {
            var row = TileStart(tile);
            var height = TileStart(tile + 1) - row;
            if (groupsRows)
            {
                Group(row, height, product.M, masks, words, any);
            }
            else
            {
                kernels.NonZeroColumns(product.A + (row * product.ARow), product.ARow, height, product.K, any);
            }

            var writer = new Writer(First(tile));
            for (var word = 0; word < words; word++)
            {
                writer.Add(any[word], word * WordSteps, 0);
            }

            Finish(tile, ref writer);
        }
    }

    // Fills a tile: to the first row that is left come, one by one, those of the next that differ from the tile in the fewest steps.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Group(int start, int height, int rows, ulong* masks, int words, ulong* any)
    {
        Unsafe.CopyBlock(any, masks + ((nint)_rows[start] * words), (uint)words * sizeof(ulong));
        for (var place = start + 1; place < start + height; place++)
        {
            var (best, fewest) = (place, int.MaxValue);
            var end = Math.Min(rows, place + GroupWindow);
            for (var candidate = place; candidate < end; candidate++)
            {
                var mask = masks + ((nint)_rows[candidate] * words);
                var differing = 0;
                for (var word = 0; word < words; word++)
                {
                    differing += BitOperations.PopCount(mask[word] ^ any[word]);
                }

                if (differing < fewest)
                {
                    (best, fewest) = (candidate, differing);
                }
            }

            (_rows[place], _rows[best]) = (_rows[best], _rows[place]);
            var chosen = masks + ((nint)_rows[place] * words);
            for (var word = 0; word < words; word++)
            {
                any[word] |= chosen[word];
            }
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
            {
                kernels.NonZeroRows(product.A + (first * product.AColumn), product.AColumn, count, rows, target);
            }
            else
            {
                new Span<uint>(target, rows).Clear();
            }
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
                    {
                        any |= mask0[place + r];
                    }

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
            {
                writer.Add(ulong.MaxValue >> Math.Max(0, WordSteps - (steps - step)), first + step, leaf);
            }
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
            {
                return;
            }

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
            {
                _next[-1].Merges = (short)BitOperations.PopCount(_waiting);
            }

            return (int)(_next - _first);
        }
    }
}
