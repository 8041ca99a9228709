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

    // Of a tile on the stack.
    private static int RowBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TVectors.Value * Bytes;
    }

    private static int TileBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => THeight.Value * RowBytes;
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
            // The left leaf's sums, and the right one's.
            TileRows<TSimd, THeight, Zero> c0 = default, d0 = default, e0 = default, f0 = default;
            TileRows<TSimd, THeight, Three> c3 = default, d3 = default, e3 = default, f3 = default;

            // The right leaf's operands lie one leaf further on.
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
                c0.MultiplyAdd(left0, row, b0);
                c3.MultiplyAdd(left3, row, b0);
                if (Wide)
                {
                    d0.MultiplyAdd(left0, row, b1);
                    d3.MultiplyAdd(left3, row, b1);
                }

                b0 = Load(bRight);
                b1 = Wide ? Load(bRight + Bytes) : default;
                e0.MultiplyAdd(right0, row, b0);
                e3.MultiplyAdd(right3, row, b0);
                if (Wide)
                {
                    f0.MultiplyAdd(right0, row, b1);
                    f3.MultiplyAdd(right3, row, b1);
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
            c0.Add(e0);
            c3.Add(e3);
            if (Wide)
            {
                d0.Add(f0);
                d3.Add(f3);
            }

            // Every node that this pair completes: its left half waits on the stack.
            var merges = steps == 0 ? BitOperations.PopCount((uint)pair) : BitOperations.TrailingZeroCount(pair + 1);
            for (; merges > 0; merges--)
            {
                stack -= TileBytes;
                c0.AddTo(stack, RowBytes);
                c3.AddTo(stack, RowBytes);
                if (Wide)
                {
                    d0.AddTo(stack + Bytes, RowBytes);
                    d3.AddTo(stack + Bytes, RowBytes);
                }
            }

            if (steps == 0)
            {
                tile->Steps = 0;
                var c = tile->C;
                var cRow = tile->CRow;
                c0.StoreResult(c, cRow);
                c3.StoreResult(c, cRow);
                if (Wide)
                {
                    d0.StoreResult(c + Bytes, cRow);
                    d3.StoreResult(c + Bytes, cRow);
                }

                return;
            }

            c0.Store(stack, RowBytes);
            c3.Store(stack, RowBytes);
            if (Wide)
            {
                d0.Store(stack + Bytes, RowBytes);
                d3.Store(stack + Bytes, RowBytes);
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
}
