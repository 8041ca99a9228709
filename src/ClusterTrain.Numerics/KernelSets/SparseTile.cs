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
    private static int Bytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TSimd.Width * sizeof(float);
    }

    private static int TileBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => THeight.Value * TVectors.Value * Bytes;
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
        TSimd c0 = default, c1 = default, c2 = default, c3 = default;
        TSimd c4 = default, c5 = default, c6 = default, c7 = default;
        TSimd d0 = default, d1 = default, d2 = default, d3 = default;
        TSimd e0 = default, e1 = default, e2 = default, e3 = default;
        TSimd f0 = default, f1 = default, f2 = default, f3 = default;

        // The sum that waits on top of the stack, where it is kept here.
        TSimd w0 = default, w1 = default, w2 = default, w3 = default;
        TSimd x0 = default, x1 = default, x2 = default, x3 = default;
        TSimd y0 = default, y1 = default, y2 = default, y3 = default;
        TSimd z0 = default, z1 = default, z2 = default, z3 = default;
        var topWaits = false;
        if (tile->Start != null)
        {
            c0 = Load(tile->Start);
            c1 = c2 = c3 = c4 = c5 = c6 = c7 = c0;
            if (TVectors.Value > 1)
            {
                d0 = Load(tile->Start + Bytes);
                d1 = d2 = d3 = d0;
            }
            if (TVectors.Value > 2)
            {
                e0 = Load(tile->Start + (2 * Bytes));
                e1 = e2 = e3 = e0;
            }
            if (TVectors.Value > 3)
            {
                f0 = Load(tile->Start + (3 * Bytes));
                f1 = f2 = f3 = f0;
            }
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
                var b = bFirst + (next * bStep);
                var b0 = Load(b);
                var b1 = TVectors.Value > 1 ? Load(b + Bytes) : default;
                var b2 = TVectors.Value > 2 ? Load(b + (2 * Bytes)) : default;
                var b3 = TVectors.Value > 3 ? Load(b + (3 * Bytes)) : default;
                var a0 = TSimd.Create(*(float*)a);
                c0 = TVectors.Value == 1 ? TSimd.FusedMultiplyAdd((float*)a, b0, c0) : TSimd.FusedMultiplyAdd(a0, b0, c0);
                if (TVectors.Value > 1)
                {
                    d0 = TSimd.FusedMultiplyAdd(a0, b1, d0);
                }

                if (TVectors.Value > 2)
                {
                    e0 = TSimd.FusedMultiplyAdd(a0, b2, e0);
                }

                if (TVectors.Value > 3)
                {
                    f0 = TSimd.FusedMultiplyAdd(a0, b3, f0);
                }

                if (THeight.Value > 1)
                {
                    var a1 = TSimd.Create(*(float*)(a + row1));
                    c1 = TVectors.Value == 1 ? TSimd.FusedMultiplyAdd((float*)(a + row1), b0, c1) : TSimd.FusedMultiplyAdd(a1, b0, c1);
                    if (TVectors.Value > 1)
                    {
                        d1 = TSimd.FusedMultiplyAdd(a1, b1, d1);
                    }

                    if (TVectors.Value > 2)
                    {
                        e1 = TSimd.FusedMultiplyAdd(a1, b2, e1);
                    }

                    if (TVectors.Value > 3)
                    {
                        f1 = TSimd.FusedMultiplyAdd(a1, b3, f1);
                    }
                }
                if (THeight.Value > 2)
                {
                    var a2 = TSimd.Create(*(float*)(a + row2));
                    c2 = TVectors.Value == 1 ? TSimd.FusedMultiplyAdd((float*)(a + row2), b0, c2) : TSimd.FusedMultiplyAdd(a2, b0, c2);
                    if (TVectors.Value > 1)
                    {
                        d2 = TSimd.FusedMultiplyAdd(a2, b1, d2);
                    }

                    if (TVectors.Value > 2)
                    {
                        e2 = TSimd.FusedMultiplyAdd(a2, b2, e2);
                    }

                    if (TVectors.Value > 3)
                    {
                        f2 = TSimd.FusedMultiplyAdd(a2, b3, f2);
                    }
                }
                if (THeight.Value > 3)
                {
                    var a3 = TSimd.Create(*(float*)(a + row3));
                    c3 = TVectors.Value == 1 ? TSimd.FusedMultiplyAdd((float*)(a + row3), b0, c3) : TSimd.FusedMultiplyAdd(a3, b0, c3);
                    if (TVectors.Value > 1)
                    {
                        d3 = TSimd.FusedMultiplyAdd(a3, b1, d3);
                    }

                    if (TVectors.Value > 2)
                    {
                        e3 = TSimd.FusedMultiplyAdd(a3, b2, e3);
                    }

                    if (TVectors.Value > 3)
                    {
                        f3 = TSimd.FusedMultiplyAdd(a3, b3, f3);
                    }
                }
                if (THeight.Value > 4)
                {
                    c4 = TSimd.FusedMultiplyAdd((float*)aAt4, b0, c4);
                }

                if (THeight.Value > 5)
                {
                    c5 = TSimd.FusedMultiplyAdd((float*)(aAt4 + row1), b0, c5);
                }

                if (THeight.Value > 6)
                {
                    c6 = TSimd.FusedMultiplyAdd((float*)(aAt4 + row2), b0, c6);
                }

                if (THeight.Value > 7)
                {
                    c7 = TSimd.FusedMultiplyAdd((float*)(aAt4 + row3), b0, c7);
                }
            }

            // Every node that this leaf completes: its left half waits on the stack.
            var merges = (int)word->Merges;
            if (KeepsTop && merges > 0 && topWaits)
            {
                c0 = w0 + c0;
                if (TVectors.Value > 1)
                {
                    d0 = x0 + d0;
                }

                if (TVectors.Value > 2)
                {
                    e0 = y0 + e0;
                }

                if (TVectors.Value > 3)
                {
                    f0 = z0 + f0;
                }

                if (THeight.Value > 1)
                {
                    c1 = w1 + c1;
                    if (TVectors.Value > 1)
                    {
                        d1 = x1 + d1;
                    }

                    if (TVectors.Value > 2)
                    {
                        e1 = y1 + e1;
                    }

                    if (TVectors.Value > 3)
                    {
                        f1 = z1 + f1;
                    }
                }
                if (THeight.Value > 2)
                {
                    c2 = w2 + c2;
                    if (TVectors.Value > 1)
                    {
                        d2 = x2 + d2;
                    }

                    if (TVectors.Value > 2)
                    {
                        e2 = y2 + e2;
                    }

                    if (TVectors.Value > 3)
                    {
                        f2 = z2 + f2;
                    }
                }
                if (THeight.Value > 3)
                {
                    c3 = w3 + c3;
                    if (TVectors.Value > 1)
                    {
                        d3 = x3 + d3;
                    }

                    if (TVectors.Value > 2)
                    {
                        e3 = y3 + e3;
                    }

                    if (TVectors.Value > 3)
                    {
                        f3 = z3 + f3;
                    }
                }
                topWaits = false;
                merges--;
            }

            for (; merges > 0; merges--)
            {
                stack -= TileBytes;
                c0 = Load(stack + At(0, 0)) + c0;
                if (TVectors.Value > 1)
                {
                    d0 = Load(stack + At(0, 1)) + d0;
                }

                if (TVectors.Value > 2)
                {
                    e0 = Load(stack + At(0, 2)) + e0;
                }

                if (TVectors.Value > 3)
                {
                    f0 = Load(stack + At(0, 3)) + f0;
                }

                if (THeight.Value > 1)
                {
                    c1 = Load(stack + At(1, 0)) + c1;
                    if (TVectors.Value > 1)
                    {
                        d1 = Load(stack + At(1, 1)) + d1;
                    }

                    if (TVectors.Value > 2)
                    {
                        e1 = Load(stack + At(1, 2)) + e1;
                    }

                    if (TVectors.Value > 3)
                    {
                        f1 = Load(stack + At(1, 3)) + f1;
                    }
                }
                if (THeight.Value > 2)
                {
                    c2 = Load(stack + At(2, 0)) + c2;
                    if (TVectors.Value > 1)
                    {
                        d2 = Load(stack + At(2, 1)) + d2;
                    }

                    if (TVectors.Value > 2)
                    {
                        e2 = Load(stack + At(2, 2)) + e2;
                    }

                    if (TVectors.Value > 3)
                    {
                        f2 = Load(stack + At(2, 3)) + f2;
                    }
                }
                if (THeight.Value > 3)
                {
                    c3 = Load(stack + At(3, 0)) + c3;
                    if (TVectors.Value > 1)
                    {
                        d3 = Load(stack + At(3, 1)) + d3;
                    }

                    if (TVectors.Value > 2)
                    {
                        e3 = Load(stack + At(3, 2)) + e3;
                    }

                    if (TVectors.Value > 3)
                    {
                        f3 = Load(stack + At(3, 3)) + f3;
                    }
                }
                if (THeight.Value > 4)
                {
                    c4 = Load(stack + At(4, 0)) + c4;
                }

                if (THeight.Value > 5)
                {
                    c5 = Load(stack + At(5, 0)) + c5;
                }

                if (THeight.Value > 6)
                {
                    c6 = Load(stack + At(6, 0)) + c6;
                }

                if (THeight.Value > 7)
                {
                    c7 = Load(stack + At(7, 0)) + c7;
                }
            }

            if (KeepsTop && word->Waits)
            {
                if (topWaits)
                {
                    Store(w0, stack + At(0, 0));
                    if (TVectors.Value > 1)
                    {
                        Store(x0, stack + At(0, 1));
                    }

                    if (TVectors.Value > 2)
                    {
                        Store(y0, stack + At(0, 2));
                    }

                    if (TVectors.Value > 3)
                    {
                        Store(z0, stack + At(0, 3));
                    }

                    if (THeight.Value > 1)
                    {
                        Store(w1, stack + At(1, 0));
                        if (TVectors.Value > 1)
                        {
                            Store(x1, stack + At(1, 1));
                        }

                        if (TVectors.Value > 2)
                        {
                            Store(y1, stack + At(1, 2));
                        }

                        if (TVectors.Value > 3)
                        {
                            Store(z1, stack + At(1, 3));
                        }
                    }
                    if (THeight.Value > 2)
                    {
                        Store(w2, stack + At(2, 0));
                        if (TVectors.Value > 1)
                        {
                            Store(x2, stack + At(2, 1));
                        }

                        if (TVectors.Value > 2)
                        {
                            Store(y2, stack + At(2, 2));
                        }

                        if (TVectors.Value > 3)
                        {
                            Store(z2, stack + At(2, 3));
                        }
                    }
                    if (THeight.Value > 3)
                    {
                        Store(w3, stack + At(3, 0));
                        if (TVectors.Value > 1)
                        {
                            Store(x3, stack + At(3, 1));
                        }

                        if (TVectors.Value > 2)
                        {
                            Store(y3, stack + At(3, 2));
                        }

                        if (TVectors.Value > 3)
                        {
                            Store(z3, stack + At(3, 3));
                        }
                    }
                    stack += TileBytes;
                }

                w0 = c0;
                if (TVectors.Value > 1)
                {
                    x0 = d0;
                }

                if (TVectors.Value > 2)
                {
                    y0 = e0;
                }

                if (TVectors.Value > 3)
                {
                    z0 = f0;
                }

                if (THeight.Value > 1)
                {
                    w1 = c1;
                    if (TVectors.Value > 1)
                    {
                        x1 = d1;
                    }

                    if (TVectors.Value > 2)
                    {
                        y1 = e1;
                    }

                    if (TVectors.Value > 3)
                    {
                        z1 = f1;
                    }
                }
                if (THeight.Value > 2)
                {
                    w2 = c2;
                    if (TVectors.Value > 1)
                    {
                        x2 = d2;
                    }

                    if (TVectors.Value > 2)
                    {
                        y2 = e2;
                    }

                    if (TVectors.Value > 3)
                    {
                        z2 = f2;
                    }
                }
                if (THeight.Value > 3)
                {
                    w3 = c3;
                    if (TVectors.Value > 1)
                    {
                        x3 = d3;
                    }

                    if (TVectors.Value > 2)
                    {
                        y3 = e3;
                    }

                    if (TVectors.Value > 3)
                    {
                        z3 = f3;
                    }
                }
                topWaits = true;
                c0 = c1 = c2 = c3 = default;
                d0 = d1 = d2 = d3 = default;
                e0 = e1 = e2 = e3 = default;
                f0 = f1 = f2 = f3 = default;
            }
            else if (word->Waits)
            {
                Store(c0, stack + At(0, 0));
                if (TVectors.Value > 1)
                {
                    Store(d0, stack + At(0, 1));
                }

                if (TVectors.Value > 2)
                {
                    Store(e0, stack + At(0, 2));
                }

                if (TVectors.Value > 3)
                {
                    Store(f0, stack + At(0, 3));
                }

                if (THeight.Value > 1)
                {
                    Store(c1, stack + At(1, 0));
                    if (TVectors.Value > 1)
                    {
                        Store(d1, stack + At(1, 1));
                    }

                    if (TVectors.Value > 2)
                    {
                        Store(e1, stack + At(1, 2));
                    }

                    if (TVectors.Value > 3)
                    {
                        Store(f1, stack + At(1, 3));
                    }
                }
                if (THeight.Value > 2)
                {
                    Store(c2, stack + At(2, 0));
                    if (TVectors.Value > 1)
                    {
                        Store(d2, stack + At(2, 1));
                    }

                    if (TVectors.Value > 2)
                    {
                        Store(e2, stack + At(2, 2));
                    }

                    if (TVectors.Value > 3)
                    {
                        Store(f2, stack + At(2, 3));
                    }
                }
                if (THeight.Value > 3)
                {
                    Store(c3, stack + At(3, 0));
                    if (TVectors.Value > 1)
                    {
                        Store(d3, stack + At(3, 1));
                    }

                    if (TVectors.Value > 2)
                    {
                        Store(e3, stack + At(3, 2));
                    }

                    if (TVectors.Value > 3)
                    {
                        Store(f3, stack + At(3, 3));
                    }
                }
                if (THeight.Value > 4)
                {
                    Store(c4, stack + At(4, 0));
                }

                if (THeight.Value > 5)
                {
                    Store(c5, stack + At(5, 0));
                }

                if (THeight.Value > 6)
                {
                    Store(c6, stack + At(6, 0));
                }

                if (THeight.Value > 7)
                {
                    Store(c7, stack + At(7, 0));
                }

                stack += TileBytes;
                c0 = c1 = c2 = c3 = c4 = c5 = c6 = c7 = default;
                d0 = d1 = d2 = d3 = default;
                e0 = e1 = e2 = e3 = default;
                f0 = f1 = f2 = f3 = default;
            }
        }

        var lanes = tile->LastLanes;
        var c = tile->C;
        var cRow1 = tile->CRow1;
        var cRow2 = tile->CRow2;
        var cRow3 = tile->CRow3;
        var cAt4 = c + tile->CRow4;
        StoreResult(c0, c, 0, lanes);
        if (TVectors.Value > 1)
        {
            StoreResult(d0, c, 1, lanes);
        }

        if (TVectors.Value > 2)
        {
            StoreResult(e0, c, 2, lanes);
        }

        if (TVectors.Value > 3)
        {
            StoreResult(f0, c, 3, lanes);
        }

        if (THeight.Value > 1)
        {
            StoreResult(c1, c + cRow1, 0, lanes);
            if (TVectors.Value > 1)
            {
                StoreResult(d1, c + cRow1, 1, lanes);
            }

            if (TVectors.Value > 2)
            {
                StoreResult(e1, c + cRow1, 2, lanes);
            }

            if (TVectors.Value > 3)
            {
                StoreResult(f1, c + cRow1, 3, lanes);
            }
        }
        if (THeight.Value > 2)
        {
            StoreResult(c2, c + cRow2, 0, lanes);
            if (TVectors.Value > 1)
            {
                StoreResult(d2, c + cRow2, 1, lanes);
            }

            if (TVectors.Value > 2)
            {
                StoreResult(e2, c + cRow2, 2, lanes);
            }

            if (TVectors.Value > 3)
            {
                StoreResult(f2, c + cRow2, 3, lanes);
            }
        }
        if (THeight.Value > 3)
        {
            StoreResult(c3, c + cRow3, 0, lanes);
            if (TVectors.Value > 1)
            {
                StoreResult(d3, c + cRow3, 1, lanes);
            }

            if (TVectors.Value > 2)
            {
                StoreResult(e3, c + cRow3, 2, lanes);
            }

            if (TVectors.Value > 3)
            {
                StoreResult(f3, c + cRow3, 3, lanes);
            }
        }
        if (THeight.Value > 4)
        {
            StoreResult(c4, cAt4, 0, lanes);
        }

        if (THeight.Value > 5)
        {
            StoreResult(c5, cAt4 + cRow1, 0, lanes);
        }

        if (THeight.Value > 6)
        {
            StoreResult(c6, cAt4 + cRow2, 0, lanes);
        }

        if (THeight.Value > 7)
        {
            StoreResult(c7, cAt4 + cRow3, 0, lanes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TSimd Load(byte* source) => TSimd.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(TSimd value, byte* destination) => TSimd.Store(value, (float*)destination);

    // The last vector of a row may have fewer lanes than the others.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreResult(TSimd value, byte* row, int vector, int lastLanes)
    {
        // -0 + 0 = +0, and every other value stays what it is.
        value += default(TSimd);
        if (vector < TVectors.Value - 1 || lastLanes == TSimd.Width)
        {
            TSimd.Store(value, (float*)(row + (vector * Bytes)));
        }
        else
        {
            TSimd.StoreFirst(value, (float*)(row + (vector * Bytes)), lastLanes);
        }
    }

    // Place of a row's vector in a tile on the stack.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int At(int row, int vector) => ((row * TVectors.Value) + vector) * Bytes;
}
