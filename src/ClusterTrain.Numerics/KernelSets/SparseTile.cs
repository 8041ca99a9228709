using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Numerics.KernelSets;

/// <summary>
/// The micro-kernel of products that skip zeros: a tile of up to 4 rows and 4 vectors, or 8 rows and 1 vector, which visits
/// only the steps that its words list. One source for every vector type and tile shape, as
/// <see cref="Tile{TSimd, THeight, TVectors}"/>.
/// </summary>
/// <remarks>
/// Low and wide: the fewer rows share a list, the more steps are zero in all of them; and what a step costs besides its
/// multiply-adds is shared by four vectors. Beside a single vector, more rows are needed to hide the latency of a multiply-add.
/// </remarks>
internal static unsafe class SparseTile<TSimd, THeight, TVectors>
    where TSimd : unmanaged, ISimd<TSimd>
    where THeight : struct, ICount
    where TVectors : struct, ICount
{
    // Of a tile on the stack.
    private static int RowBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TVectors.Value * TSimd.Width * sizeof(float);
    }

    private static int TileBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => THeight.Value * RowBytes;
    }

    // 32 registers hold twelve sums, as many that wait, and the operands. Leaves are short where zeros are skipped: to store and load
    // every sum that waits would take as long as the multiply-adds.
    private static bool KeepsTop
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => THeight.Value <= 4 && THeight.Value * TVectors.Value <= 12 && (TSimd.Width == 16 || AdvSimd.IsSupported);
    }

    /// <summary>Computes the tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    public static void Run(SparseTileArguments* tile)
    {
        var row1 = tile->ARow1;
        var row2 = tile->ARow2;
        var row3 = tile->ARow3;
        var row4 = tile->ARow4;
        var step = tile->AStep;
        var bStep = tile->BStep;
        var stack = tile->Stack;
        // The sums of each row.
        SparseRow<TSimd, TVectors> c0 = default, c1 = default, c2 = default, c3 = default;

        // Rows that only tiles of one vector have.
        TSimd c4 = default, c5 = default, c6 = default, c7 = default;

        // The sums that wait on top of the stack, where they are kept here.
        SparseRow<TSimd, TVectors> w0 = default, w1 = default, w2 = default, w3 = default;
        var topWaits = false;
        if (tile->Start != null)
        {
            c0.Load(tile->Start);
            c1 = c2 = c3 = c0;
            c4 = c5 = c6 = c7 = c0.First;
        }

        var end = tile->Words + tile->WordCount;
        for (var word = tile->Words; word < end; word++)
        {
            var aFirst = tile->A + (word->First * step);
            var bFirst = tile->B + (word->First * bStep);
            for (var steps = word->Steps; steps != 0; steps &= steps - 1)
            {
                nint next = BitOperations.TrailingZeroCount(steps);
                var a = aFirst + (next * step);
                var aAt4 = a + row4;
                SparseRow<TSimd, TVectors> b = default;
                b.Load(bFirst + (next * bStep));
                c0.MultiplyAdd(a, b);
                if (THeight.Value > 1)
                {
                    c1.MultiplyAdd(a + row1, b);
                }

                if (THeight.Value > 2)
                {
                    c2.MultiplyAdd(a + row2, b);
                }

                if (THeight.Value > 3)
                {
                    c3.MultiplyAdd(a + row3, b);
                }

                if (THeight.Value > 4)
                {
                    c4 = TSimd.FusedMultiplyAdd((float*)aAt4, b.First, c4);
                }

                if (THeight.Value > 5)
                {
                    c5 = TSimd.FusedMultiplyAdd((float*)(aAt4 + row1), b.First, c5);
                }

                if (THeight.Value > 6)
                {
                    c6 = TSimd.FusedMultiplyAdd((float*)(aAt4 + row2), b.First, c6);
                }

                if (THeight.Value > 7)
                {
                    c7 = TSimd.FusedMultiplyAdd((float*)(aAt4 + row3), b.First, c7);
                }
            }

            // Every node that this leaf completes: its left half waits on the stack.
            var merges = (int)word->Merges;
            if (KeepsTop && merges > 0 && topWaits)
            {
                c0.AddTo(w0);
                if (THeight.Value > 1)
                {
                    c1.AddTo(w1);
                }

                if (THeight.Value > 2)
                {
                    c2.AddTo(w2);
                }

                if (THeight.Value > 3)
                {
                    c3.AddTo(w3);
                }

                topWaits = false;
                merges--;
            }

            for (; merges > 0; merges--)
            {
                stack -= TileBytes;
                c0.AddTo(stack);
                if (THeight.Value > 1)
                {
                    c1.AddTo(stack + RowBytes);
                }

                if (THeight.Value > 2)
                {
                    c2.AddTo(stack + (2 * RowBytes));
                }

                if (THeight.Value > 3)
                {
                    c3.AddTo(stack + (3 * RowBytes));
                }

                if (THeight.Value > 4)
                {
                    c4 = TSimd.Load((float*)(stack + (4 * RowBytes))) + c4;
                }

                if (THeight.Value > 5)
                {
                    c5 = TSimd.Load((float*)(stack + (5 * RowBytes))) + c5;
                }

                if (THeight.Value > 6)
                {
                    c6 = TSimd.Load((float*)(stack + (6 * RowBytes))) + c6;
                }

                if (THeight.Value > 7)
                {
                    c7 = TSimd.Load((float*)(stack + (7 * RowBytes))) + c7;
                }
            }

            if (KeepsTop && word->Waits)
            {
                if (topWaits)
                {
                    w0.Store(stack);
                    if (THeight.Value > 1)
                    {
                        w1.Store(stack + RowBytes);
                    }

                    if (THeight.Value > 2)
                    {
                        w2.Store(stack + (2 * RowBytes));
                    }

                    if (THeight.Value > 3)
                    {
                        w3.Store(stack + (3 * RowBytes));
                    }

                    stack += TileBytes;
                }

                w0 = c0;
                w1 = c1;
                w2 = c2;
                w3 = c3;
                topWaits = true;
                c0 = default;
                c1 = default;
                c2 = default;
                c3 = default;
            }
            else if (word->Waits)
            {
                c0.Store(stack);
                if (THeight.Value > 1)
                {
                    c1.Store(stack + RowBytes);
                }

                if (THeight.Value > 2)
                {
                    c2.Store(stack + (2 * RowBytes));
                }

                if (THeight.Value > 3)
                {
                    c3.Store(stack + (3 * RowBytes));
                }

                if (THeight.Value > 4)
                {
                    TSimd.Store(c4, (float*)(stack + (4 * RowBytes)));
                }

                if (THeight.Value > 5)
                {
                    TSimd.Store(c5, (float*)(stack + (5 * RowBytes)));
                }

                if (THeight.Value > 6)
                {
                    TSimd.Store(c6, (float*)(stack + (6 * RowBytes)));
                }

                if (THeight.Value > 7)
                {
                    TSimd.Store(c7, (float*)(stack + (7 * RowBytes)));
                }

                stack += TileBytes;
                c0 = default;
                c1 = default;
                c2 = default;
                c3 = default;
                c4 = c5 = c6 = c7 = default;
            }
        }

        var lanes = tile->LastLanes;
        var c = tile->C;
        var cRow1 = tile->CRow1;
        var cRow2 = tile->CRow2;
        var cRow3 = tile->CRow3;
        var cAt4 = c + tile->CRow4;
        c0.StoreResult(c, lanes);
        if (THeight.Value > 1)
        {
            c1.StoreResult(c + cRow1, lanes);
        }

        if (THeight.Value > 2)
        {
            c2.StoreResult(c + cRow2, lanes);
        }

        if (THeight.Value > 3)
        {
            c3.StoreResult(c + cRow3, lanes);
        }

        if (THeight.Value > 4)
        {
            SparseRow<TSimd, TVectors>.StoreResult(c4, cAt4, 0, lanes);
        }

        if (THeight.Value > 5)
        {
            SparseRow<TSimd, TVectors>.StoreResult(c5, cAt4 + cRow1, 0, lanes);
        }

        if (THeight.Value > 6)
        {
            SparseRow<TSimd, TVectors>.StoreResult(c6, cAt4 + cRow2, 0, lanes);
        }

        if (THeight.Value > 7)
        {
            SparseRow<TSimd, TVectors>.StoreResult(c7, cAt4 + cRow3, 0, lanes);
        }
    }
}
