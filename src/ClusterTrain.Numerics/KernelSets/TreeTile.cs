using System.Numerics;
using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Numerics.KernelSets;

/// <summary>
/// The micro-kernel of products with many leaves: as <see cref="Tile{TSimd, THeight, TVectors}"/>, but half as high and with
/// two neighbouring leaves at a time. Their sum is formed in registers, so half as many tiles go to the stack and back; those
/// stores are what the reduction tree costs.
/// </summary>
/// <remarks>
/// Only whole leaves go in pairs. When one or two leaves are left over (the last one may be short), their operands, and the
/// stack of all nodes before them, are left in the arguments for <see cref="Tile{TSimd, THeight, TVectors}"/> to finish.
/// </remarks>
internal static unsafe class TreeTile<TSimd, THeight, TVectors>
    where TSimd : unmanaged, ISimd<TSimd>
    where THeight : struct, ICount
    where TVectors : struct, ICount
{
    private static bool Wide
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TVectors.Value > 1;
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

    /// <summary>Computes the tile, or all of its pairs of leaves: then <see cref="TileArguments.Steps"/> is not 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    public static void Run(TileArguments* tile)
    {
        var row = tile->ARow;
        var step = tile->AStep;
        var bStep = tile->BStep;
        var left0 = tile->A;
        var b = tile->B;
        var steps = tile->Steps;
        var stack = tile->Stack;
        var pair = 0;
        while (true)
        {
            TSimd c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default;
            TSimd d0 = default, d1 = default, d2 = default, d3 = default, d4 = default, d5 = default;
            TSimd e0 = default, e1 = default, e2 = default, e3 = default, e4 = default, e5 = default;
            TSimd f0 = default, f1 = default, f2 = default, f3 = default, f4 = default, f5 = default;
            // The left leaf and the right one: the right's operands lie one leaf further on.
            var left = tile->LeafSteps;
            var right0 = left0 + (left * step);
            var left3 = left0 + (3 * row);
            var right3 = right0 + (3 * row);
            var bRight = b + (left * bStep);
            // A for loop, not do-while: the compiler then keeps one register for each accumulator.
            for (; left > 0; left--)
            {
                var b0 = Load(b);
                var b1 = Wide ? Load(b + Bytes) : default;
                c0 = TSimd.FusedMultiplyAdd((float*)left0, b0, c0);
                if (Wide)
                {
                    d0 = TSimd.FusedMultiplyAdd((float*)left0, b1, d0);
                }

                if (THeight.Value > 1)
                {
                    c1 = TSimd.FusedMultiplyAdd((float*)(left0 + row), b0, c1);
                    if (Wide)
                    {
                        d1 = TSimd.FusedMultiplyAdd((float*)(left0 + row), b1, d1);
                    }
                }
                if (THeight.Value > 2)
                {
                    c2 = TSimd.FusedMultiplyAdd((float*)(left0 + (2 * row)), b0, c2);
                    if (Wide)
                    {
                        d2 = TSimd.FusedMultiplyAdd((float*)(left0 + (2 * row)), b1, d2);
                    }
                }
                if (THeight.Value > 3)
                {
                    c3 = TSimd.FusedMultiplyAdd((float*)left3, b0, c3);
                    if (Wide)
                    {
                        d3 = TSimd.FusedMultiplyAdd((float*)left3, b1, d3);
                    }
                }
                if (THeight.Value > 4)
                {
                    c4 = TSimd.FusedMultiplyAdd((float*)(left3 + row), b0, c4);
                    if (Wide)
                    {
                        d4 = TSimd.FusedMultiplyAdd((float*)(left3 + row), b1, d4);
                    }
                }
                if (THeight.Value > 5)
                {
                    c5 = TSimd.FusedMultiplyAdd((float*)(left3 + (2 * row)), b0, c5);
                    if (Wide)
                    {
                        d5 = TSimd.FusedMultiplyAdd((float*)(left3 + (2 * row)), b1, d5);
                    }
                }
                b0 = Load(bRight);
                b1 = Wide ? Load(bRight + Bytes) : default;
                e0 = TSimd.FusedMultiplyAdd((float*)right0, b0, e0);
                if (Wide)
                {
                    f0 = TSimd.FusedMultiplyAdd((float*)right0, b1, f0);
                }

                if (THeight.Value > 1)
                {
                    e1 = TSimd.FusedMultiplyAdd((float*)(right0 + row), b0, e1);
                    if (Wide)
                    {
                        f1 = TSimd.FusedMultiplyAdd((float*)(right0 + row), b1, f1);
                    }
                }
                if (THeight.Value > 2)
                {
                    e2 = TSimd.FusedMultiplyAdd((float*)(right0 + (2 * row)), b0, e2);
                    if (Wide)
                    {
                        f2 = TSimd.FusedMultiplyAdd((float*)(right0 + (2 * row)), b1, f2);
                    }
                }
                if (THeight.Value > 3)
                {
                    e3 = TSimd.FusedMultiplyAdd((float*)right3, b0, e3);
                    if (Wide)
                    {
                        f3 = TSimd.FusedMultiplyAdd((float*)right3, b1, f3);
                    }
                }
                if (THeight.Value > 4)
                {
                    e4 = TSimd.FusedMultiplyAdd((float*)(right3 + row), b0, e4);
                    if (Wide)
                    {
                        f4 = TSimd.FusedMultiplyAdd((float*)(right3 + row), b1, f4);
                    }
                }
                if (THeight.Value > 5)
                {
                    e5 = TSimd.FusedMultiplyAdd((float*)(right3 + (2 * row)), b0, e5);
                    if (Wide)
                    {
                        f5 = TSimd.FusedMultiplyAdd((float*)(right3 + (2 * row)), b1, f5);
                    }
                }
                left0 += step;
                right0 += step;
                if (THeight.Value > 3)
                {
                    left3 += step;
                    right3 += step;
                }

                b += bStep;
                bRight += bStep;
            }

            left0 = right0;
            b = bRight;
            steps -= 2 * tile->LeafSteps;
            c0 = c0 + e0;
            if (Wide)
            {
                d0 = d0 + f0;
            }

            if (THeight.Value > 1)
            {
                c1 = c1 + e1;
                if (Wide)
                {
                    d1 = d1 + f1;
                }
            }
            if (THeight.Value > 2)
            {
                c2 = c2 + e2;
                if (Wide)
                {
                    d2 = d2 + f2;
                }
            }
            if (THeight.Value > 3)
            {
                c3 = c3 + e3;
                if (Wide)
                {
                    d3 = d3 + f3;
                }
            }
            if (THeight.Value > 4)
            {
                c4 = c4 + e4;
                if (Wide)
                {
                    d4 = d4 + f4;
                }
            }
            if (THeight.Value > 5)
            {
                c5 = c5 + e5;
                if (Wide)
                {
                    d5 = d5 + f5;
                }
            }

            // Every node that this pair completes: its left half waits on the stack.
            var merges = steps == 0 ? BitOperations.PopCount((uint)pair) : BitOperations.TrailingZeroCount(pair + 1);
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
            }

            if (steps == 0)
            {
                tile->Steps = 0;
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
            stack += TileBytes;
            pair++;
            if (steps < 2 * tile->LeafSteps)
            {
                tile->A = left0;
                tile->B = b;
                tile->Stack = stack;
                tile->FirstLeaf = 2 * pair;
                tile->Steps = steps;
                return;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TSimd Load(byte* source) => TSimd.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(TSimd value, byte* destination) => TSimd.Store(value, (float*)destination);

    // Place of a row's vector in a tile on the stack.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int At(int row, int vector) => ((row * TVectors.Value) + vector) * Bytes;
}
