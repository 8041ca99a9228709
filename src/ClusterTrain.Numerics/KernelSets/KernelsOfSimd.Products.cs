using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;

namespace ClusterTrain.Numerics.KernelSets;

internal sealed unsafe partial class Kernels<TSimd>
{
    // 12 x 2 accumulators and 2 vectors of B need 32 registers (512-bit vectors, NEON); 6 x 2 fit in 16.
    internal override int TileHeight => TSimd.Width == 16 || AdvSimd.IsSupported ? 12 : 6;

    // Two leaves of 6 x 2 accumulators each; with 16 registers the tiles would be too low to feed.
    internal override int PairTileHeight => TileHeight == 12 ? 6 : 0;

    internal override int Width => TSimd.Width;

    internal override void RunTile(int height, int vectors, TileArguments* tile)
    {
        if (vectors == 2)
        {
            RunTile<Two>(height, tile);
        }
        else
        {
            RunTile<One>(height, tile);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal override void CopyPanel(float* source, nint stride, int count, float* panel, int vectors)
    {
        for (; count > 0; count--)
        {
            TSimd.Store(TSimd.Load(source), panel);
            panel += TSimd.Width;
            if (vectors == 2)
            {
                TSimd.Store(TSimd.Load(source + TSimd.Width), panel);
                panel += TSimd.Width;
            }

            source += stride;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal override float MultiplyAddChains(int iterations)
    {
        // x <- x * 0.5 + 0.25 stays near 0.5: no overflow, no denormal number slows it down.
        TSimd half = TSimd.Create(0.5f), quarter = TSimd.Create(0.25f);
        TSimd c0 = half, c1 = half, c2 = half, c3 = half, c4 = half, c5 = half;
        TSimd c6 = half, c7 = half, c8 = half, c9 = half, c10 = half, c11 = half;
        for (; iterations > 0; iterations--)
        {
            c0 = TSimd.FusedMultiplyAdd(c0, half, quarter);
            c1 = TSimd.FusedMultiplyAdd(c1, half, quarter);
            c2 = TSimd.FusedMultiplyAdd(c2, half, quarter);
            c3 = TSimd.FusedMultiplyAdd(c3, half, quarter);
            c4 = TSimd.FusedMultiplyAdd(c4, half, quarter);
            c5 = TSimd.FusedMultiplyAdd(c5, half, quarter);
            c6 = TSimd.FusedMultiplyAdd(c6, half, quarter);
            c7 = TSimd.FusedMultiplyAdd(c7, half, quarter);
            c8 = TSimd.FusedMultiplyAdd(c8, half, quarter);
            c9 = TSimd.FusedMultiplyAdd(c9, half, quarter);
            c10 = TSimd.FusedMultiplyAdd(c10, half, quarter);
            c11 = TSimd.FusedMultiplyAdd(c11, half, quarter);
        }

        var sum = c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11;
        var lanes = stackalloc float[TSimd.Width];
        TSimd.Store(sum, lanes);
        return lanes[0];
    }

    private void RunTile<TVectors>(int height, TileArguments* tile)
        where TVectors : struct, ICount
    {
        if (height <= PairTileHeight && tile->Steps >= 2 * tile->LeafSteps)
        {
            RunTreeTile<TVectors>(height, tile);
            if (tile->Steps == 0)
            {
                return;
            }
        }

        switch (height)
        {
            case 1: Tile<TSimd, One, TVectors>.Run(tile); break;
            case 2: Tile<TSimd, Two, TVectors>.Run(tile); break;
            case 3: Tile<TSimd, Three, TVectors>.Run(tile); break;
            case 4: Tile<TSimd, Four, TVectors>.Run(tile); break;
            case 5: Tile<TSimd, Five, TVectors>.Run(tile); break;
            case 6: Tile<TSimd, Six, TVectors>.Run(tile); break;
            case 7: Tile<TSimd, Seven, TVectors>.Run(tile); break;
            case 8: Tile<TSimd, Eight, TVectors>.Run(tile); break;
            case 9: Tile<TSimd, Nine, TVectors>.Run(tile); break;
            case 10: Tile<TSimd, Ten, TVectors>.Run(tile); break;
            case 11: Tile<TSimd, Eleven, TVectors>.Run(tile); break;
            case 12: Tile<TSimd, Twelve, TVectors>.Run(tile); break;
            default: throw new ArgumentOutOfRangeException(nameof(height), height, "A tile has 1 to 12 rows.");
        }
    }

    private static void RunTreeTile<TVectors>(int height, TileArguments* tile)
        where TVectors : struct, ICount
    {
        switch (height)
        {
            case 1: TreeTile<TSimd, One, TVectors>.Run(tile); break;
            case 2: TreeTile<TSimd, Two, TVectors>.Run(tile); break;
            case 3: TreeTile<TSimd, Three, TVectors>.Run(tile); break;
            case 4: TreeTile<TSimd, Four, TVectors>.Run(tile); break;
            case 5: TreeTile<TSimd, Five, TVectors>.Run(tile); break;
            case 6: TreeTile<TSimd, Six, TVectors>.Run(tile); break;
            default: throw new ArgumentOutOfRangeException(nameof(height), height, "A tile of two leaves has 1 to 6 rows.");
        }
    }
}
