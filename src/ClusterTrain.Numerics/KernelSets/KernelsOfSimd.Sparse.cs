using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;

namespace ClusterTrain.Numerics.KernelSets;

internal sealed unsafe partial class Kernels<TSimd>
{
    private const int WordSteps = 64;

    // As many accumulators as hide the latency of the multiply-add and leave registers for the operands. Without vectors
    // nothing speaks for a second row: one row alone skips most.
    internal override int SparseTileHeight(int vectors) => (TSimd.Width, vectors) switch
    {
        (1, _) => 1,
        (_, 1) => 8,
        (16, 4) => 3,
        (_, > 2) when !AdvSimd.IsSupported && TSimd.Width < 16 => 2,
        _ => 4,
    };

    // With 32 registers of 16 lanes a tile is as fast as one that takes all steps, and only its leaves cost more.
    internal override double SparseTileSpeed => TSimd.Width switch
    {
        16 => 0.9,
        1 => 0.4,
        _ => 0.7,
    };

    internal override void RunSparseTile(int height, int vectors, SparseTileArguments* tile)
    {
        switch (vectors)
        {
            case 1: RunSparseTile<One>(height, tile); break;
            case 2: RunSparseTile<Two>(height, tile); break;
            case 3: RunSparseTile<Three>(height, tile); break;
            case 4: RunSparseTile<Four>(height, tile); break;
            default: throw new ArgumentOutOfRangeException(nameof(vectors), vectors, "A tile has 1 to 4 vectors.");
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal override void NonZeroColumns(float* source, nint stride, int rows, int columns, ulong* words)
    {
        for (var column = 0; column < columns; words++)
        {
            var word = 0UL;
            var end = Math.Min(columns, column + WordSteps);
            for (var bit = 0; column < end; bit += TSimd.Width, column += TSimd.Width)
            {
                var count = end - column;
                var row = source + column;
                TSimd any = default;
                if (count >= TSimd.Width)
                {
                    for (var left = rows; left > 0; left--, row += stride)
                    {
                        any |= TSimd.Load(row);
                    }
                }
                else
                {
                    for (var left = rows; left > 0; left--, row += stride)
                    {
                        any |= TSimd.LoadFirst(row, count, default);
                    }
                }

                word |= NonZeroBits(any) << bit;
            }

            *words = word;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal override void NonZeroRows(float* source, nint stride, int rows, int columns, uint* masks)
    {
        // From the last row to the first: each pushes the bits of those behind it up.
        TSimd zero = default;
        var all = TSimd.CreateBits((int)(uint.MaxValue >> (MaskRows - rows)));
        var last = source + ((rows - 1) * stride);
        var column = 0;
        for (; column <= columns - TSimd.Width; column += TSimd.Width)
        {
            TSimd zeros = default;
            var row = last + column;
            for (var left = rows; left > 0; left--)
            {
                zeros = TSimd.SubtractBits(TSimd.AddBits(zeros, zeros), TSimd.Equal(TSimd.Load(row), zero));
                row -= stride;
            }

            TSimd.Store(zeros ^ all, (float*)masks + column);
        }

        if (column < columns)
        {
            var count = columns - column;
            TSimd zeros = default;
            var row = last + column;
            for (var left = rows; left > 0; left--)
            {
                zeros = TSimd.SubtractBits(
                    TSimd.AddBits(zeros, zeros), TSimd.Equal(TSimd.LoadFirst(row, count, zero), zero));
                row -= stride;
            }

            TSimd.StoreFirst(zeros ^ all, (float*)masks + column, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal override bool CopyFinitePanel(float* source, nint stride, int count, float* panel, int vectors)
    {
        // Zero times a finite number is a zero of either sign, anything else is NaN.
        TSimd zero = default;
        TSimd zeros = default;
        for (; count > 0; count--)
        {
            for (var vector = 0; vector < vectors; vector++)
            {
                var value = TSimd.Load(source + (vector * TSimd.Width));
                TSimd.Store(value, panel);
                zeros |= value * zero;
                panel += TSimd.Width;
            }

            source += stride;
        }

        return NonZeroBits(zeros) == 0;
    }

    // A bit for each lane that is not zero; -0 is zero, and NaN is not.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong NonZeroBits(TSimd value) =>
        ~TSimd.SignBits(TSimd.Equal(value, default)) & (uint.MaxValue >> (32 - TSimd.Width));

    private static void RunSparseTile<TVectors>(int height, SparseTileArguments* tile)
        where TVectors : struct, ICount
    {
        switch (height)
        {
            case 1: SparseTile<TSimd, One, TVectors>.Run(tile); break;
            case 2: SparseTile<TSimd, Two, TVectors>.Run(tile); break;
            case 3: SparseTile<TSimd, Three, TVectors>.Run(tile); break;
            case 4: SparseTile<TSimd, Four, TVectors>.Run(tile); break;
            case 5: SparseTile<TSimd, Five, TVectors>.Run(tile); break;
            case 6: SparseTile<TSimd, Six, TVectors>.Run(tile); break;
            case 7: SparseTile<TSimd, Seven, TVectors>.Run(tile); break;
            case 8: SparseTile<TSimd, Eight, TVectors>.Run(tile); break;
            default: throw new ArgumentOutOfRangeException(nameof(height), height, "A tile that skips zeros has 1 to 8 rows.");
        }
    }
}
