using System.Runtime.CompilerServices;

namespace ClusterTrain.Numerics;

/// <summary>
/// Computes a <see cref="StridedProduct"/> in tiles. C is cut in panels (columns, as wide as a tile) and chunks (rows); a part
/// is one panel in one chunk. A part packs its columns of B next to each other, then runs down the tiles of its chunk.
/// </summary>
/// <remarks>
/// Each float of C is one chain (one tree of chains) over k in ascending order, so no choice made here changes a bit: how C is
/// cut, where the chains are interrupted and stored (blocks of k), what is packed. Lanes beyond the last column compute with
/// whatever follows in memory, and are dropped.
/// </remarks>
internal unsafe struct TiledProduct : IComputeJob
{
    // Steps of one block: a panel of B (2 x 16 x 4 bytes a step) stays in the first-level cache (32 KiB).
    private const int BlockSteps = 192;

    // Floats of A in one chunk and block: half a megabyte stays in the second-level cache for all panels.
    private const int ChunkFloats = 128 * 1024;

    private const int LineBytes = 64;

    private readonly Kernels _kernels;
    private readonly byte* _scratch;
    private readonly nint _scratchBytes;
    private readonly int _blockSteps;
    private readonly int _panelColumns;
    private readonly int _panels;
    private readonly int _tiles;
    private readonly int _chunks;
    private readonly StridedProduct _p;

    /// <summary>Plans a product.</summary>
    /// <param name="product">The product.</param>
    /// <param name="kernels">The kernels to use.</param>
    /// <param name="threads">Threads that will share the parts.</param>
    /// <param name="memory">Grown to hold the scratch space of all threads.</param>
    public TiledProduct(in StridedProduct product, Kernels kernels, int threads, AlignedMemory memory)
    {
        _p = product;
        _kernels = kernels;
        _blockSteps = _p.HasTree ? _p.K : BalancedBlock(_p.K);
        _panelColumns = Math.Min(2, DivideUp(_p.N, kernels.Width)) * kernels.Width;
        _panels = DivideUp(_p.N, _panelColumns);
        _tiles = DivideUp(_p.M, kernels.TileHeight);
        var cacheChunks = (int)Math.Min(_tiles, ((long)_p.M * _blockSteps / ChunkFloats) + 1);
        var sharedChunks = threads == 1 ? 1 : DivideUp(3 * threads, _panels);
        _chunks = Math.Min(_tiles, Math.Max(cacheChunks, sharedChunks));
        Parts = _panels * _chunks;

        var levels = _p.HasTree ? TreeLevels(_p.Leaves) : 0;
        var bytes = Round(PanelBytes) + Round(_panelColumns * sizeof(float)) + Round(levels * TileBytes) + Round(SumsBytes);
        _scratchBytes = bytes;
        memory.Grow(threads * bytes);
        _scratch = memory.Pointer;
    }

    /// <summary>Number of independent parts.</summary>
    public int Parts { get; }

    private readonly nint TileBytes => (nint)_kernels.TileHeight * _panelColumns * sizeof(float);

    private readonly nint PanelBytes => (nint)_blockSteps * _panelColumns * sizeof(float);

    // Tiles that cannot be stored to C directly are kept until their last block.
    private readonly nint SumsBytes => TileBytes * (_blockSteps == _p.K ? 1 : DivideUp(_tiles, _chunks));

    /// <inheritdoc/>
    public readonly void Execute(int part, int thread)
    {
        var chunk = part / _panels;
        var firstTile = (int)((long)_tiles * chunk / _chunks);
        var endTile = (int)((long)_tiles * (chunk + 1) / _chunks);
        var column = part % _panels * _panelColumns;
        var columns = Math.Min(_panelColumns, _p.N - column);
        var vectors = DivideUp(columns, _kernels.Width);
        var width = vectors * _kernels.Width;

        var panel = (float*)(_scratch + (thread * _scratchBytes));
        var bias = (float*)((byte*)panel + Round(PanelBytes));
        var stack = (byte*)bias + Round(_panelColumns * sizeof(float));
        var sums = _scratch + ((thread + 1) * _scratchBytes) - Round(SumsBytes);
        if (_p.Bias != null)
            Unsafe.CopyBlock(bias, _p.Bias + column, (uint)columns * sizeof(float));

        var direct = _p.CColumn == 1 && columns == width;
        TileArguments tile;
        tile.ARow = _p.ARow * sizeof(float);
        tile.AStep = _p.AColumn * sizeof(float);
        tile.LeafSteps = _p.LeafK;
        tile.Stack = stack;
        for (var k = 0; k < _p.K; k += _blockSteps)
        {
            var steps = Math.Min(_blockSteps, _p.K - k);
            tile.Steps = steps;
            tile.B = (byte*)PanelOf(k, steps, column, columns, vectors, endTile - firstTile, panel, out var bStep);
            tile.BStep = bStep * sizeof(float);
            for (var t = firstTile; t < endTile; t++)
            {
                var row = TileStart(t);
                var height = TileStart(t + 1) - row;
                tile.A = (byte*)(_p.A + (row * _p.ARow) + (k * _p.AColumn));
                tile.C = direct
                    ? (byte*)(_p.C + (row * _p.CRow) + column)
                    : sums + (_blockSteps == _p.K ? 0 : (t - firstTile) * TileBytes);
                tile.CRow = (direct ? _p.CRow : width) * sizeof(float);
                tile.Start = k > 0 ? tile.C : (byte*)(_p.Bias == null ? null : bias);
                tile.StartRow = k > 0 ? tile.CRow : 0;
                _kernels.RunTile(height, vectors, &tile);
                if (!direct && k + steps == _p.K)
                    StoreTile((float*)tile.C, width, row, height, column, columns);
            }
        }
    }

    // Rows are shared out evenly, so that no product ends in a thin tile: 13 rows are 7 + 6, not 12 + 1.
    private readonly int TileStart(int tile)
    {
        var height = _p.M / _tiles;
        return (tile * height) + Math.Min(tile, _p.M % _tiles);
    }

    // B's rows k.. in the columns of this part: in place when they are used but once, packed otherwise.
    private readonly float* PanelOf(
        int k, int steps, int column, int columns, int vectors, int uses, float* panel, out nint stride)
    {
        var width = vectors * _kernels.Width;
        var source = _p.B + (k * _p.BRow) + (column * _p.BColumn);
        stride = width;
        if (_p.BColumn != 1)
        {
            if (columns < width)
                Unsafe.InitBlock(panel, 0, (uint)(steps * width * sizeof(float)));
            Blocks.Transpose(source, _p.BColumn, panel, width, columns, steps);
            return panel;
        }

        // Rows whose vectors end inside B's memory are read whole; the last ones may have to be copied float by float.
        var room = _p.BLength - (k * _p.BRow) - column - width;
        var whole = room < 0 ? 0 : (int)Math.Min(steps, (room / _p.BRow) + 1);
        if (uses == 1 && whole == steps)
        {
            stride = _p.BRow;
            return source;
        }

        _kernels.CopyPanel(source, _p.BRow, whole, panel, vectors);
        Unsafe.InitBlock(panel + (whole * width), 0, (uint)((steps - whole) * width * sizeof(float)));
        Blocks.Copy(source + (whole * _p.BRow), _p.BRow, panel + (whole * width), width, steps - whole, columns);
        return panel;
    }

    private readonly void StoreTile(float* tile, int width, int row, int height, int column, int columns)
    {
        var target = _p.C + (row * _p.CRow) + (column * _p.CColumn);
        if (_p.CColumn == 1)
            Blocks.Copy(tile, width, target, _p.CRow, height, columns);
        else
            Blocks.Transpose(tile, width, target, _p.CColumn, height, columns);
    }

    private static int BalancedBlock(int steps) => DivideUp(steps, DivideUp(steps, BlockSteps));

    private static int TreeLevels(int leaves) => System.Numerics.BitOperations.Log2((uint)leaves) + 1;

    private static nint Round(nint bytes) => (bytes + LineBytes - 1) / LineBytes * LineBytes;

    private static int DivideUp(int count, int size) => (int)(((long)count + size - 1) / size);
}
