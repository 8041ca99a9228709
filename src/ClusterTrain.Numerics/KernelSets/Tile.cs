using System.Numerics;
using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.Simd;
using ClusterTrain.Numerics.Tree;

namespace ClusterTrain.Numerics.KernelSets;

/// <summary>
/// The micro-kernel of all products: a tile of up to 12 rows and 2 vectors whose accumulators stay in registers. One source
/// for every vector type and tile shape: the compiler decides the conditions on <typeparamref name="THeight"/> and
/// <typeparamref name="TVectors"/> and drops the rows and columns that a shape does not have.
/// </summary>
/// <remarks>
/// Within a leaf each accumulator is one chain <c>acc = fma(a, b, acc)</c> in the order of the steps. A finished leaf is added
/// to its left siblings (left + right), which wait on a small stack: after leaf i as many nodes are complete as i + 1 has
/// trailing zero bits, and the last leaf closes all that are open. That is the order of <see cref="ReductionTree"/>.
/// </remarks>
internal static unsafe class Tile<TSimd, THeight, TVectors>
    where TSimd : unmanaged, ISimd<TSimd>
    where THeight : struct, ICount
    where TVectors : struct, ICount
{
    private static bool Wide
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TVectors.Value > 1;
    }

    // Straight to optimised code: a tile in unoptimised code would be slower by a factor of a hundred.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    public static void Run(TileArguments* tile)
    {
        // Rows are addressed as base, base + row, base + 2 row, base + 3 row from three bases four rows apart: so few
        // registers hold all addresses that none has to be spilled.
        var row = tile->ARow;
        var row3 = 3 * row;
        var step = tile->AStep;
        var a0 = tile->A;
        var a4 = a0 + (4 * row);
        var a8 = a4 + (4 * row);
        var b = tile->B;
        var bStep = tile->BStep;
        var steps = tile->Steps;
        var stack = tile->Stack;
        var leaf = tile->FirstLeaf;
        while (true)
        {
            TSimd c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default;
            TSimd c6 = default, c7 = default, c8 = default, c9 = default, c10 = default, c11 = default;
            TSimd d0 = default, d1 = default, d2 = default, d3 = default, d4 = default, d5 = default;
            TSimd d6 = default, d7 = default, d8 = default, d9 = default, d10 = default, d11 = default;
            if (tile->Start != null)
            {
                var start = tile->Start;
                var startRow = tile->StartRow;
                c0 = Load(start);
                if (Wide)
                {
                    d0 = Load(start + Bytes);
                }

                if (THeight.Value > 1)
                {
                    c1 = Load(start + startRow);
                    if (Wide)
                    {
                        d1 = Load(start + startRow + Bytes);
                    }
                }
                if (THeight.Value > 2)
                {
                    c2 = Load(start + (2 * startRow));
                    if (Wide)
                    {
                        d2 = Load(start + (2 * startRow) + Bytes);
                    }
                }
                if (THeight.Value > 3)
                {
                    c3 = Load(start + (3 * startRow));
                    if (Wide)
                    {
                        d3 = Load(start + (3 * startRow) + Bytes);
                    }
                }
                if (THeight.Value > 4)
                {
                    c4 = Load(start + (4 * startRow));
                    if (Wide)
                    {
                        d4 = Load(start + (4 * startRow) + Bytes);
                    }
                }
                if (THeight.Value > 5)
                {
                    c5 = Load(start + (5 * startRow));
                    if (Wide)
                    {
                        d5 = Load(start + (5 * startRow) + Bytes);
                    }
                }
                if (THeight.Value > 6)
                {
                    c6 = Load(start + (6 * startRow));
                    if (Wide)
                    {
                        d6 = Load(start + (6 * startRow) + Bytes);
                    }
                }
                if (THeight.Value > 7)
                {
                    c7 = Load(start + (7 * startRow));
                    if (Wide)
                    {
                        d7 = Load(start + (7 * startRow) + Bytes);
                    }
                }
                if (THeight.Value > 8)
                {
                    c8 = Load(start + (8 * startRow));
                    if (Wide)
                    {
                        d8 = Load(start + (8 * startRow) + Bytes);
                    }
                }
                if (THeight.Value > 9)
                {
                    c9 = Load(start + (9 * startRow));
                    if (Wide)
                    {
                        d9 = Load(start + (9 * startRow) + Bytes);
                    }
                }
                if (THeight.Value > 10)
                {
                    c10 = Load(start + (10 * startRow));
                    if (Wide)
                    {
                        d10 = Load(start + (10 * startRow) + Bytes);
                    }
                }
                if (THeight.Value > 11)
                {
                    c11 = Load(start + (11 * startRow));
                    if (Wide)
                    {
                        d11 = Load(start + (11 * startRow) + Bytes);
                    }
                }
            }

            var left = Math.Min(steps, tile->LeafSteps);
            steps -= left;
            // A for loop, not do-while: the compiler then keeps one register for each accumulator.
            for (; left > 0; left--)
            {
                var b0 = Load(b);
                var b1 = Wide ? Load(b + Bytes) : default;
                c0 = TSimd.FusedMultiplyAdd((float*)a0, b0, c0);
                if (Wide)
                {
                    d0 = TSimd.FusedMultiplyAdd((float*)a0, b1, d0);
                }

                if (THeight.Value > 1)
                {
                    c1 = TSimd.FusedMultiplyAdd((float*)(a0 + row), b0, c1);
                    if (Wide)
                    {
                        d1 = TSimd.FusedMultiplyAdd((float*)(a0 + row), b1, d1);
                    }
                }
                if (THeight.Value > 2)
                {
                    c2 = TSimd.FusedMultiplyAdd((float*)(a0 + (2 * row)), b0, c2);
                    if (Wide)
                    {
                        d2 = TSimd.FusedMultiplyAdd((float*)(a0 + (2 * row)), b1, d2);
                    }
                }
                if (THeight.Value > 3)
                {
                    c3 = TSimd.FusedMultiplyAdd((float*)(a0 + row3), b0, c3);
                    if (Wide)
                    {
                        d3 = TSimd.FusedMultiplyAdd((float*)(a0 + row3), b1, d3);
                    }
                }
                if (THeight.Value > 4)
                {
                    c4 = TSimd.FusedMultiplyAdd((float*)a4, b0, c4);
                    if (Wide)
                    {
                        d4 = TSimd.FusedMultiplyAdd((float*)a4, b1, d4);
                    }
                }
                if (THeight.Value > 5)
                {
                    c5 = TSimd.FusedMultiplyAdd((float*)(a4 + row), b0, c5);
                    if (Wide)
                    {
                        d5 = TSimd.FusedMultiplyAdd((float*)(a4 + row), b1, d5);
                    }
                }
                if (THeight.Value > 6)
                {
                    c6 = TSimd.FusedMultiplyAdd((float*)(a4 + (2 * row)), b0, c6);
                    if (Wide)
                    {
                        d6 = TSimd.FusedMultiplyAdd((float*)(a4 + (2 * row)), b1, d6);
                    }
                }
                if (THeight.Value > 7)
                {
                    c7 = TSimd.FusedMultiplyAdd((float*)(a4 + row3), b0, c7);
                    if (Wide)
                    {
                        d7 = TSimd.FusedMultiplyAdd((float*)(a4 + row3), b1, d7);
                    }
                }
                if (THeight.Value > 8)
                {
                    c8 = TSimd.FusedMultiplyAdd((float*)a8, b0, c8);
                    if (Wide)
                    {
                        d8 = TSimd.FusedMultiplyAdd((float*)a8, b1, d8);
                    }
                }
                if (THeight.Value > 9)
                {
                    c9 = TSimd.FusedMultiplyAdd((float*)(a8 + row), b0, c9);
                    if (Wide)
                    {
                        d9 = TSimd.FusedMultiplyAdd((float*)(a8 + row), b1, d9);
                    }
                }
                if (THeight.Value > 10)
                {
                    c10 = TSimd.FusedMultiplyAdd((float*)(a8 + (2 * row)), b0, c10);
                    if (Wide)
                    {
                        d10 = TSimd.FusedMultiplyAdd((float*)(a8 + (2 * row)), b1, d10);
                    }
                }
                if (THeight.Value > 11)
                {
                    c11 = TSimd.FusedMultiplyAdd((float*)(a8 + row3), b0, c11);
                    if (Wide)
                    {
                        d11 = TSimd.FusedMultiplyAdd((float*)(a8 + row3), b1, d11);
                    }
                }
                a0 += step;
                if (THeight.Value > 4)
                {
                    a4 += step;
                }

                if (THeight.Value > 8)
                {
                    a8 += step;
                }

                b += bStep;
            }

            // Every node that this leaf completes: its left half waits on the stack.
            var merges = steps == 0 ? BitOperations.PopCount((uint)leaf) : BitOperations.TrailingZeroCount(leaf + 1);
            for (; merges > 0; merges--)
            {
                stack -= TileBytes;
                c0 = Load(stack + At(0, 0)) + c0;
                if (Wide)
                {
                    d0 = Load(stack + At(0, 1)) + d0;
                }

                if (THeight.Value > 1)
                {
                    c1 = Load(stack + At(1, 0)) + c1;
                    if (Wide)
                    {
                        d1 = Load(stack + At(1, 1)) + d1;
                    }
                }
                if (THeight.Value > 2)
                {
                    c2 = Load(stack + At(2, 0)) + c2;
                    if (Wide)
                    {
                        d2 = Load(stack + At(2, 1)) + d2;
                    }
                }
                if (THeight.Value > 3)
                {
                    c3 = Load(stack + At(3, 0)) + c3;
                    if (Wide)
                    {
                        d3 = Load(stack + At(3, 1)) + d3;
                    }
                }
                if (THeight.Value > 4)
                {
                    c4 = Load(stack + At(4, 0)) + c4;
                    if (Wide)
                    {
                        d4 = Load(stack + At(4, 1)) + d4;
                    }
                }
                if (THeight.Value > 5)
                {
                    c5 = Load(stack + At(5, 0)) + c5;
                    if (Wide)
                    {
                        d5 = Load(stack + At(5, 1)) + d5;
                    }
                }
                if (THeight.Value > 6)
                {
                    c6 = Load(stack + At(6, 0)) + c6;
                    if (Wide)
                    {
                        d6 = Load(stack + At(6, 1)) + d6;
                    }
                }
                if (THeight.Value > 7)
                {
                    c7 = Load(stack + At(7, 0)) + c7;
                    if (Wide)
                    {
                        d7 = Load(stack + At(7, 1)) + d7;
                    }
                }
                if (THeight.Value > 8)
                {
                    c8 = Load(stack + At(8, 0)) + c8;
                    if (Wide)
                    {
                        d8 = Load(stack + At(8, 1)) + d8;
                    }
                }
                if (THeight.Value > 9)
                {
                    c9 = Load(stack + At(9, 0)) + c9;
                    if (Wide)
                    {
                        d9 = Load(stack + At(9, 1)) + d9;
                    }
                }
                if (THeight.Value > 10)
                {
                    c10 = Load(stack + At(10, 0)) + c10;
                    if (Wide)
                    {
                        d10 = Load(stack + At(10, 1)) + d10;
                    }
                }
                if (THeight.Value > 11)
                {
                    c11 = Load(stack + At(11, 0)) + c11;
                    if (Wide)
                    {
                        d11 = Load(stack + At(11, 1)) + d11;
                    }
                }
            }

            if (steps == 0)
            {
                // -0 + 0 = +0, and every other value stays what it is.
                TSimd zero = default;
                var c = tile->C;
                var cRow = tile->CRow;
                Store(c0 + zero, c);
                if (Wide)
                {
                    Store(d0 + zero, c + Bytes);
                }

                if (THeight.Value > 1)
                {
                    Store(c1 + zero, c + cRow);
                    if (Wide)
                    {
                        Store(d1 + zero, c + cRow + Bytes);
                    }
                }
                if (THeight.Value > 2)
                {
                    Store(c2 + zero, c + (2 * cRow));
                    if (Wide)
                    {
                        Store(d2 + zero, c + (2 * cRow) + Bytes);
                    }
                }
                if (THeight.Value > 3)
                {
                    Store(c3 + zero, c + (3 * cRow));
                    if (Wide)
                    {
                        Store(d3 + zero, c + (3 * cRow) + Bytes);
                    }
                }
                if (THeight.Value > 4)
                {
                    Store(c4 + zero, c + (4 * cRow));
                    if (Wide)
                    {
                        Store(d4 + zero, c + (4 * cRow) + Bytes);
                    }
                }
                if (THeight.Value > 5)
                {
                    Store(c5 + zero, c + (5 * cRow));
                    if (Wide)
                    {
                        Store(d5 + zero, c + (5 * cRow) + Bytes);
                    }
                }
                if (THeight.Value > 6)
                {
                    Store(c6 + zero, c + (6 * cRow));
                    if (Wide)
                    {
                        Store(d6 + zero, c + (6 * cRow) + Bytes);
                    }
                }
                if (THeight.Value > 7)
                {
                    Store(c7 + zero, c + (7 * cRow));
                    if (Wide)
                    {
                        Store(d7 + zero, c + (7 * cRow) + Bytes);
                    }
                }
                if (THeight.Value > 8)
                {
                    Store(c8 + zero, c + (8 * cRow));
                    if (Wide)
                    {
                        Store(d8 + zero, c + (8 * cRow) + Bytes);
                    }
                }
                if (THeight.Value > 9)
                {
                    Store(c9 + zero, c + (9 * cRow));
                    if (Wide)
                    {
                        Store(d9 + zero, c + (9 * cRow) + Bytes);
                    }
                }
                if (THeight.Value > 10)
                {
                    Store(c10 + zero, c + (10 * cRow));
                    if (Wide)
                    {
                        Store(d10 + zero, c + (10 * cRow) + Bytes);
                    }
                }
                if (THeight.Value > 11)
                {
                    Store(c11 + zero, c + (11 * cRow));
                    if (Wide)
                    {
                        Store(d11 + zero, c + (11 * cRow) + Bytes);
                    }
                }
                return;
            }

            Store(c0, stack + At(0, 0));
            if (Wide)
            {
                Store(d0, stack + At(0, 1));
            }

            if (THeight.Value > 1)
            {
                Store(c1, stack + At(1, 0));
                if (Wide)
                {
                    Store(d1, stack + At(1, 1));
                }
            }
            if (THeight.Value > 2)
            {
                Store(c2, stack + At(2, 0));
                if (Wide)
                {
                    Store(d2, stack + At(2, 1));
                }
            }
            if (THeight.Value > 3)
            {
                Store(c3, stack + At(3, 0));
                if (Wide)
                {
                    Store(d3, stack + At(3, 1));
                }
            }
            if (THeight.Value > 4)
            {
                Store(c4, stack + At(4, 0));
                if (Wide)
                {
                    Store(d4, stack + At(4, 1));
                }
            }
            if (THeight.Value > 5)
            {
                Store(c5, stack + At(5, 0));
                if (Wide)
                {
                    Store(d5, stack + At(5, 1));
                }
            }
            if (THeight.Value > 6)
            {
                Store(c6, stack + At(6, 0));
                if (Wide)
                {
                    Store(d6, stack + At(6, 1));
                }
            }
            if (THeight.Value > 7)
            {
                Store(c7, stack + At(7, 0));
                if (Wide)
                {
                    Store(d7, stack + At(7, 1));
                }
            }
            if (THeight.Value > 8)
            {
                Store(c8, stack + At(8, 0));
                if (Wide)
                {
                    Store(d8, stack + At(8, 1));
                }
            }
            if (THeight.Value > 9)
            {
                Store(c9, stack + At(9, 0));
                if (Wide)
                {
                    Store(d9, stack + At(9, 1));
                }
            }
            if (THeight.Value > 10)
            {
                Store(c10, stack + At(10, 0));
                if (Wide)
                {
                    Store(d10, stack + At(10, 1));
                }
            }
            if (THeight.Value > 11)
            {
                Store(c11, stack + At(11, 0));
                if (Wide)
                {
                    Store(d11, stack + At(11, 1));
                }
            }
            stack += TileBytes;
            leaf++;
        }
    }

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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TSimd Load(byte* source) => TSimd.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(TSimd value, byte* destination) => TSimd.Store(value, (float*)destination);

    // Place of a row's vector in a tile on the stack.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int At(int row, int vector) => ((row * TVectors.Value) + vector) * Bytes;
}
