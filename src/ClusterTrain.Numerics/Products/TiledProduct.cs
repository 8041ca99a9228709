using System.Numerics;
using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Memory;
using ClusterTrain.Numerics.Threading;

namespace ClusterTrain.Numerics.Products;

/// <summary>
/// Computes a <see cref="StridedProduct"/> in tiles. C is cut in panels (columns, as wide as a tile) and chunks (rows). A part
/// is a group of panels in one chunk: panel by panel and block by block of k, it runs down the tiles of its chunk.
/// </summary>
/// <remarks>
/// Each float of C is one chain (one tree of chains) over k in ascending order, so no choice made here changes a bit: how C is
/// cut, where the chains are interrupted and stored (blocks of k), what is packed. Lanes beyond the last column compute with
/// whatever follows in memory, and are dropped.
/// </remarks>
internal readonly unsafe struct TiledProduct : IComputeJob
{
    // Most steps of one block: its panel of B (at most 50 KB) and its rows of A stay in the first two caches.
    private const int MaximumBlockSteps = 400;

    // Floats of A in one chunk and block: half a megabyte stays in the second-level cache for all panels.
    private const int ChunkFloats = 128 * 1024;

    // A panel of B that fewer tiles use is cheaper read in place than packed: the tiles hide its way into the cache.
    private const int MinimumTilesToPackB = 16;

    // Rows of A that are a multiple of a page apart fall into one set of the first-level cache and evict each other; packing
    // them pays for itself after this many panels.
    private const int MinimumPanelsToPackA = 3;

    private const int PageFloats = 1024;

    private readonly Kernels _kernels;
    private readonly StridedProduct _product;
    private readonly int _blockSteps;
    private readonly int _panelColumns;
    private readonly int _panels;
    private readonly int _groups;
    private readonly int _tiles;
    private readonly int _tileRows;
    private readonly int _tallTiles;
    private readonly int _chunks;
    private readonly bool _packsA;
    private readonly Scratch _scratch;

    /// <summary>Plans a product.</summary>
    /// <param name="product">The product.</param>
    /// <param name="kernels">The kernels to use.</param>
    /// <param name="threads">Threads that will share the parts.</param>
    /// <param name="memory">Grown to hold the scratch space of all threads.</param>
    public TiledProduct(in StridedProduct product, Kernels kernels, int threads, AlignedMemory memory)
    {
        _product = product;
        _kernels = kernels;
        _blockSteps = product.HasTree ? product.K : DivideUp(product.K, DivideUp(product.K, MaximumBlockSteps));
        _panelColumns = Math.Min(2, DivideUp(product.N, kernels.Width)) * kernels.Width;
        _panels = DivideUp(product.N, _panelColumns);
        var tileHeight = product.HasTree && product.M > kernels.TileHeight && kernels.PairTileHeight > 0
            ? kernels.PairTileHeight
            : kernels.TileHeight;
        _tiles = DivideUp(product.M, tileHeight);
        (_tileRows, _tallTiles) = Math.DivRem(product.M, _tiles);

        // Three parts a thread even out what the others on this machine take from it.
        var shares = threads == 1 ? 1 : 3 * threads;
        _groups = Math.Min(_panels, shares);
        var cacheChunks = ((long)product.M * _blockSteps / ChunkFloats) + 1;
        _chunks = (int)Math.Min(_tiles, Math.Max(cacheChunks, DivideUp(shares, _groups)));
        Parts = _groups * _chunks;
        _packsA = product.AColumn == 1 && product.ARow % PageFloats == 0 && _panels / _groups >= MinimumPanelsToPackA;

        var tilesOfChunk = DivideUp(_tiles, _chunks);
        _scratch = new Scratch(
            panelFloats: (nint)_blockSteps * _panelColumns,
            biasFloats: _panelColumns,
            tileFloats: (nint)tileHeight * _panelColumns,
            levels: product.HasTree ? BitOperations.Log2((uint)product.Leaves) + 1 : 0,
            sums: _blockSteps == product.K ? 1 : tilesOfChunk,
            packedFloats: _packsA ? (nint)tilesOfChunk * tileHeight * product.K : 0);
        memory.Grow(threads * _scratch.Bytes);
        _scratch.Start = memory.Pointer;
    }

    /// <summary>Number of independent parts.</summary>
    public int Parts { get; }

    /// <inheritdoc/>
    public void Execute(int part, int thread)
    {
        var chunk = part / _groups;
        var group = part % _groups;
        var firstTile = Share(_tiles, chunk, _chunks);
        var endTile = Share(_tiles, chunk + 1, _chunks);
        if (_packsA)
        {
            PackA(firstTile, endTile, _scratch.PackedA(thread));
        }

        for (var panel = Share(_panels, group, _groups); panel < Share(_panels, group + 1, _groups); panel++)
        {
            ExecutePanel(firstTile, endTile, panel * _panelColumns, thread);
        }
    }

    private void ExecutePanel(int firstTile, int endTile, int column, int thread)
    {
        var columns = Math.Min(_panelColumns, _product.N - column);
        var vectors = DivideUp(columns, _kernels.Width);
        var width = vectors * _kernels.Width;
        var panel = _scratch.Panel(thread);
        var bias = _scratch.Bias(thread);
        if (_product.Bias != null)
        {
            Unsafe.CopyBlock(bias, _product.Bias + column, (uint)columns * sizeof(float));
        }

        // Whole tiles of an untransposed C are stored where they belong; the others wait in scratch for their last block.
        var direct = _product.CColumn == 1 && columns == width;
        var packedA = _scratch.PackedA(thread);
        TileArguments tile;
        tile.LeafSteps = _product.LeafK;
        for (var k = 0; k < _product.K; k += _blockSteps)
        {
            var steps = Math.Min(_blockSteps, _product.K - k);
            var source = _product.B + (k * _product.BRow) + (column * _product.BColumn);
            var wholeRows = WholeRows(k, steps, column, width);
            var inPlace = wholeRows == steps;
            if (!inPlace)
            {
                PackB(source, steps, wholeRows, columns, vectors, panel);
            }

            for (var t = firstTile; t < endTile; t++)
            {
                // The first tile reads B in place even when others follow: it brings B into the cache while it computes, and
                // packing is fast from there.
                if (inPlace && t == firstTile + 1 && endTile - firstTile >= MinimumTilesToPackB)
                {
                    PackB(source, steps, wholeRows, columns, vectors, panel);
                    inPlace = false;
                }

                var row = TileStart(t);
                var height = TileStart(t + 1) - row;
                tile.A = (byte*)(_packsA ? packedA : _product.A + (row * _product.ARow) + (k * _product.AColumn));
                tile.ARow = (_packsA ? 1 : _product.ARow) * sizeof(float);
                tile.AStep = (_packsA ? height : _product.AColumn) * sizeof(float);
                packedA += height * steps;
                tile.B = (byte*)(inPlace ? source : panel);
                tile.BStep = (inPlace ? _product.BRow : width) * sizeof(float);
                tile.C = (byte*)(direct
                    ? _product.C + (row * _product.CRow) + column
                    : _scratch.Sum(thread, _blockSteps == _product.K ? 0 : t - firstTile));
                tile.CRow = (direct ? _product.CRow : width) * sizeof(float);
                tile.Start = k > 0 ? tile.C : (byte*)(_product.Bias == null ? null : bias);
                tile.StartRow = k > 0 ? tile.CRow : 0;
                tile.Steps = steps;
                tile.FirstLeaf = 0;
                tile.Stack = (byte*)_scratch.Stack(thread);
                _kernels.RunTile(height, vectors, &tile);
                if (!direct && k + steps == _product.K)
                {
                    StoreTile((float*)tile.C, width, row, height, column, columns);
                }
            }
        }
    }

    // Rows are shared out evenly, so that no product ends in a thin tile: 13 rows are 7 + 6, not 12 + 1.
    private int TileStart(int tile) => (tile * _tileRows) + Math.Min(tile, _tallTiles);

    // How many of a block's rows of B can be read in whole vectors without leaving B's memory; 0 when B is transposed.
    private int WholeRows(int k, int steps, int column, int width)
    {
        var room = _product.BLength - (k * _product.BRow) - column - width;
        return _product.BColumn != 1 || room < 0 ? 0 : (int)Math.Min(steps, (room / _product.BRow) + 1);
    }

    // The rows of a block side by side, padded with zeros where B's memory ends.
    private void PackB(float* source, int steps, int wholeRows, int columns, int vectors, float* panel)
    {
        var width = vectors * _kernels.Width;
        var rest = panel + ((nint)wholeRows * width);
        if (wholeRows < steps && columns < width)
        {
            Unsafe.InitBlock(rest, 0, (uint)((steps - wholeRows) * width * sizeof(float)));
        }

        if (_product.BColumn != 1)
        {
            Blocks.Transpose(source, _product.BColumn, panel, width, columns, steps);
            return;
        }

        _kernels.CopyPanel(source, _product.BRow, wholeRows, panel, vectors);
        Blocks.Copy(source + (wholeRows * _product.BRow), _product.BRow, rest, width, steps - wholeRows, columns);
    }

    // The tiles of A one behind the other within each block of k; the rows of a tile side by side.
    private void PackA(int firstTile, int endTile, float* target)
    {
        for (var k = 0; k < _product.K; k += _blockSteps)
        {
            var steps = Math.Min(_blockSteps, _product.K - k);
            for (var t = firstTile; t < endTile; t++)
            {
                var row = TileStart(t);
                var height = TileStart(t + 1) - row;
                Blocks.Transpose(_product.A + (row * _product.ARow) + k, _product.ARow, target, height, height, steps);
                target += height * steps;
            }
        }
    }

    private void StoreTile(float* tile, int width, int row, int height, int column, int columns)
    {
        var target = _product.C + (row * _product.CRow) + (column * _product.CColumn);
        if (_product.CColumn == 1)
        {
            Blocks.Copy(tile, width, target, _product.CRow, height, columns);
        }
        else
        {
            Blocks.Transpose(tile, width, target, _product.CColumn, height, columns);
        }
    }

    private static int Share(int count, int index, int of) => (int)((long)count * index / of);

    private static int DivideUp(int count, int size) => (int)(((long)count + size - 1) / size);

    /// <summary>The layout of each thread's scratch space; every piece starts on a cache line.</summary>
    private struct Scratch(nint panelFloats, nint biasFloats, nint tileFloats, int levels, int sums, nint packedFloats)
    {
        private const int LineFloats = 16;

        private readonly nint _tile = Round(tileFloats);
        private readonly nint _bias = Round(panelFloats);
        private readonly nint _stack = Round(panelFloats) + Round(biasFloats);
        private readonly nint _sums = Round(panelFloats) + Round(biasFloats) + (levels * Round(tileFloats));
        private readonly nint _packedA = Round(panelFloats) + Round(biasFloats) + ((levels + sums) * Round(tileFloats));
        private readonly nint _floats =
            Round(panelFloats) + Round(biasFloats) + ((levels + sums) * Round(tileFloats)) + Round(packedFloats);

        /// <summary>The memory of thread 0; the others follow.</summary>
        public byte* Start;

        /// <summary>Size of one thread's space.</summary>
        public readonly nint Bytes => _floats * sizeof(float);

        /// <summary>A packed panel of B.</summary>
        public readonly float* Panel(int thread) => (float*)(Start + (thread * Bytes));

        /// <summary>The bias of a panel, as wide as the panel.</summary>
        public readonly float* Bias(int thread) => Panel(thread) + _bias;

        /// <summary>A tile for each level of the reduction tree.</summary>
        public readonly float* Stack(int thread) => Panel(thread) + _stack;

        /// <summary>One of the tiles that are not complete yet.</summary>
        public readonly float* Sum(int thread, int index) => Panel(thread) + _sums + (index * _tile);

        /// <summary>The packed rows of A.</summary>
        public readonly float* PackedA(int thread) => Panel(thread) + _packedA;

        private static nint Round(nint floats) => (floats + LineFloats - 1) / LineFloats * LineFloats;
    }
}
