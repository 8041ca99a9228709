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
        // Rows are addressed as base, base + row and base + 2 row from bases three rows apart: so few registers hold all addresses that none
        // has to be spilled.
        var row = tile->ARow;
        var step = tile->AStep;
        var a0 = tile->A;
        var a3 = a0 + (3 * row);
        var a6 = a3 + (3 * row);
        var a9 = a6 + (3 * row);
        var b = tile->B;
        var bStep = tile->BStep;
        var steps = tile->Steps;
        var stack = tile->Stack;
        var leaf = tile->FirstLeaf;
        while (true)
        {
            TileRows<TSimd, THeight, Zero> c0 = default, d0 = default;
            TileRows<TSimd, THeight, Three> c3 = default, d3 = default;
            TileRows<TSimd, THeight, Six> c6 = default, d6 = default;
            TileRows<TSimd, THeight, Nine> c9 = default, d9 = default;
            if (tile->Start != null)
            {
                var start = tile->Start;
                var startRow = tile->StartRow;
                c0.Load(start, startRow);
                c3.Load(start, startRow);
                c6.Load(start, startRow);
                c9.Load(start, startRow);
                if (Wide)
                {
                    d0.Load(start + Bytes, startRow);
                    d3.Load(start + Bytes, startRow);
                    d6.Load(start + Bytes, startRow);
                    d9.Load(start + Bytes, startRow);
                }
            }

            var left = Math.Min(steps, tile->LeafSteps);
            steps -= left;

            // A for loop, not do-while: the compiler then keeps one register for each accumulator.
            for (; left > 0; left--)
            {
                var b0 = Load(b);
                var b1 = Wide ? Load(b + Bytes) : default;
                c0.MultiplyAdd(a0, row, b0);
                if (Wide)
                {
                    d0.MultiplyAdd(a0, row, b1);
                }

                c3.MultiplyAdd(a3, row, b0);
                if (Wide)
                {
                    d3.MultiplyAdd(a3, row, b1);
                }

                c6.MultiplyAdd(a6, row, b0);
                if (Wide)
                {
                    d6.MultiplyAdd(a6, row, b1);
                }

                c9.MultiplyAdd(a9, row, b0);
                if (Wide)
                {
                    d9.MultiplyAdd(a9, row, b1);
                }

                a0 += step;
                if (THeight.Value > 3)
                {
                    a3 += step;
                }

                if (THeight.Value > 6)
                {
                    a6 += step;
                }

                if (THeight.Value > 9)
                {
                    a9 += step;
                }

                b += bStep;
            }

            // Every node that this leaf completes: its left half waits on the stack.
            var merges = steps == 0 ? BitOperations.PopCount((uint)leaf) : BitOperations.TrailingZeroCount(leaf + 1);
            for (; merges > 0; merges--)
            {
                stack -= TileBytes;
                c0.AddTo(stack, RowBytes);
                c3.AddTo(stack, RowBytes);
                c6.AddTo(stack, RowBytes);
                c9.AddTo(stack, RowBytes);
                if (Wide)
                {
                    d0.AddTo(stack + Bytes, RowBytes);
                    d3.AddTo(stack + Bytes, RowBytes);
                    d6.AddTo(stack + Bytes, RowBytes);
                    d9.AddTo(stack + Bytes, RowBytes);
                }
            }

            if (steps == 0)
            {
                var c = tile->C;
                var cRow = tile->CRow;
                c0.StoreResult(c, cRow);
                c3.StoreResult(c, cRow);
                c6.StoreResult(c, cRow);
                c9.StoreResult(c, cRow);
                if (Wide)
                {
                    d0.StoreResult(c + Bytes, cRow);
                    d3.StoreResult(c + Bytes, cRow);
                    d6.StoreResult(c + Bytes, cRow);
                    d9.StoreResult(c + Bytes, cRow);
                }

                return;
            }

            c0.Store(stack, RowBytes);
            c3.Store(stack, RowBytes);
            c6.Store(stack, RowBytes);
            c9.Store(stack, RowBytes);
            if (Wide)
            {
                d0.Store(stack + Bytes, RowBytes);
                d3.Store(stack + Bytes, RowBytes);
                d6.Store(stack + Bytes, RowBytes);
                d9.Store(stack + Bytes, RowBytes);
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TSimd Load(byte* source) => TSimd.Load((float*)source);
}
