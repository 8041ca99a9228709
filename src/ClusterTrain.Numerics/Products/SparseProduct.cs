using System.Numerics;
using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Memory;
using ClusterTrain.Numerics.Threading;

namespace ClusterTrain.Numerics.Products;

/// <summary>
/// Computes a <see cref="StridedProduct"/> in tiles that visit only the steps listed by a <see cref="SparsePlan"/>. C is cut in
/// panels (columns, as wide as a tile) and chunks (rows), as in <see cref="TiledProduct"/>.
/// </summary>
/// <remarks>
/// Why this changes no bit is shown at <see cref="DenseProducts"/>. A panel of B that holds a value which is not finite is
/// computed with all steps.
/// </remarks>
internal readonly unsafe struct SparseProduct : IComputeJob
{
    // A panel of B should stay in the second-level cache.
    private const int PanelFloats = 128 * 1024;

    private const int LineFloats = 16;

    private readonly Kernels _kernels;
    private readonly StridedProduct _product;
    private readonly SparsePlan _plan;
    private readonly int _panelVectors;
    private readonly int _panels;
    private readonly int _chunks;
    private readonly nint _panelFloats;
    private readonly nint _threadFloats;
    private readonly float* _scratch;

    /// <summary>Prepares a product; C has contiguous rows.</summary>
    /// <param name="product">The product.</param>
    /// <param name="plan">The steps of its tiles.</param>
    /// <param name="kernels">The kernels to use.</param>
    /// <param name="threads">Threads that will share the parts.</param>
    /// <param name="memory">Grown to hold the scratch space of all threads.</param>
    public SparseProduct(in StridedProduct product, SparsePlan plan, Kernels kernels, int threads, AlignedMemory memory)
    {
        _product = product;
        _plan = plan;
        _kernels = kernels;
        _panelVectors = PanelVectors(product, kernels);
        _panels = DivideUp(product.N, _panelVectors * kernels.Width);

        // A part is a panel in one chunk. At least three parts a thread even out what the others on this machine take from it.
        _chunks = threads == 1 ? 1 : Math.Min(plan.Tiles, DivideUp(3 * threads, _panels));
        Parts = _panels * _chunks;

        var width = _panelVectors * kernels.Width;
        var levels = product.HasTree ? BitOperations.Log2((uint)product.Leaves) + 1 : 0;
        _panelFloats = Round((nint)product.K * width);
        _threadFloats = _panelFloats + Round(width) + (levels * Round((nint)kernels.SparseTileHeight(_panelVectors) * width));
        memory.Grow(threads * _threadFloats * sizeof(float));
        _scratch = (float*)memory.Pointer;
    }

    /// <summary>Number of independent parts.</summary>
    public int Parts { get; }

    /// <summary>Width of a product's panels in vectors; they share out its columns evenly.</summary>
    public static int PanelVectors(in StridedProduct product, Kernels kernels)
    {
        var vectors = DivideUp(product.N, kernels.Width);
        var most = (int)Math.Clamp(PanelFloats / ((long)product.K * kernels.Width), 1, Kernels.SparseVectors);
        return DivideUp(vectors, DivideUp(vectors, most));
    }

    /// <inheritdoc/>
    public void Execute(int part, int thread)
    {
        var (chunk, panel) = Math.DivRem(part, _panels);
        var firstTile = Share(_plan.Tiles, chunk, _chunks);
        var endTile = Share(_plan.Tiles, chunk + 1, _chunks);
        ExecutePanel(firstTile, endTile, panel * _panelVectors * _kernels.Width, thread);
    }

    private void ExecutePanel(int firstTile, int endTile, int column, int thread)
    {
        var columns = Math.Min(_panelVectors * _kernels.Width, _product.N - column);
        var vectors = DivideUp(columns, _kernels.Width);
        var width = vectors * _kernels.Width;
        var panel = _scratch + (thread * _threadFloats);
        var bias = panel + _panelFloats;
        var stack = bias + Round(_panelVectors * _kernels.Width);
        var allFinite = PackB(column, columns, vectors, panel);
        if (_product.Bias != null)
        {
            Unsafe.CopyBlock(bias, _product.Bias + column, (uint)columns * sizeof(float));
        }

        SparseTileArguments tile;
        tile.AStep = _product.AColumn * sizeof(float);
        tile.B = (byte*)panel;
        tile.BStep = width * sizeof(float);
        tile.Start = (byte*)(_product.Bias == null ? null : bias);
        tile.LastLanes = columns - ((vectors - 1) * _kernels.Width);
        tile.Stack = (byte*)stack;
        for (var t = firstTile; t < endTile; t++)
        {
            var rows = _plan.Rows(t);
            var words = _plan.Words(allFinite ? t : _plan.Tiles);
            fixed (SparseWord* first = words)
            {
                tile.Words = first;
                tile.WordCount = words.Length;
                Place(&tile, rows, column);
                _kernels.RunSparseTile(rows.Length, vectors, &tile);
            }
        }
    }

    private void Place(SparseTileArguments* tile, ReadOnlySpan<int> rows, int column)
    {
        var first = rows[0];
        nint row1 = rows.Length > 1 ? rows[1] - first : 0;
        nint row2 = rows.Length > 2 ? rows[2] - first : 0;
        nint row3 = rows.Length > 3 ? rows[3] - first : 0;
        nint row4 = rows.Length > 4 ? rows[4] - first : 0;
        var (aRow, cRow) = (_product.ARow * sizeof(float), _product.CRow * sizeof(float));
        tile->A = (byte*)_product.A + (first * aRow);
        tile->ARow1 = row1 * aRow;
        tile->ARow2 = row2 * aRow;
        tile->ARow3 = row3 * aRow;
        tile->ARow4 = row4 * aRow;
        tile->C = (byte*)(_product.C + column) + (first * cRow);
        tile->CRow1 = row1 * cRow;
        tile->CRow2 = row2 * cRow;
        tile->CRow3 = row3 * cRow;
        tile->CRow4 = row4 * cRow;
    }

    // The rows of a panel side by side, padded with zeros; true when they are finite.
    private bool PackB(int column, int columns, int vectors, float* panel)
    {
        var width = vectors * _kernels.Width;
        if (_product.BColumn != 1)
        {
            if (columns < width)
            {
                new Span<float>(panel, _product.K * width).Clear();
            }

            Blocks.Transpose(_product.B + (column * _product.BColumn), _product.BColumn, panel, width, columns, _product.K);
            return _kernels.AllFinite(new ReadOnlySpan<float>(panel, _product.K * width));
        }

        var source = _product.B + column;
        var room = _product.BLength - column - width;
        var whole = room < 0 ? 0 : (int)Math.Min(_product.K, (room / _product.BRow) + 1);
        var allFinite = _kernels.CopyFinitePanel(source, _product.BRow, whole, panel, vectors);
        for (var step = whole; step < _product.K; step++)
        {
            var row = new Span<float>(panel + ((nint)step * width), width);
            row.Clear();
            new ReadOnlySpan<float>(source + (step * _product.BRow), columns).CopyTo(row);
            allFinite &= _kernels.AllFinite(row);
        }

        return allFinite;
    }

    private static nint Round(nint floats) => (floats + LineFloats - 1) / LineFloats * LineFloats;

    private static int Share(int count, int index, int of) => (int)((long)count * index / of);

    private static int DivideUp(int count, int size) => (int)(((long)count + size - 1) / size);
}
