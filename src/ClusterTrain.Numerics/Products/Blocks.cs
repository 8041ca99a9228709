using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace ClusterTrain.Numerics.Products;

/// <summary>Moves blocks of floats between layouts.</summary>
internal static unsafe class Blocks
{
    /// <summary>target(column, row) = source(row, column) for a block of rows x columns; strides in floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transpose(float* source, nint sourceStride, float* target, nint targetStride, int rows, int columns)
    {
        var row = 0;
        if ((Sse.IsSupported || AdvSimd.Arm64.IsSupported) && rows >= 4 && columns >= 4)
        {
            // Bands of 16 columns (a cache line): its lines are read and written whole before they can be evicted. A last
            // incomplete 4 x 4 block moves back and overlaps its neighbour.
            for (var band = 0; band < columns; band += 16)
            {
                var bandEnd = Math.Min(band + 16, columns);
                for (row = 0; row < rows; row += 4)
                {
                    var r = Math.Min(row, rows - 4);
                    for (var column = band; column < bandEnd; column += 4)
                    {
                        var c = Math.Min(column, columns - 4);
                        Transpose4(source + (r * sourceStride) + c, sourceStride, target + (c * targetStride) + r, targetStride);
                    }
                }
            }

            return;
        }

        for (; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                target[(column * targetStride) + row] = source[(row * sourceStride) + column];
            }
        }
    }

    /// <summary>Copies rows of any number of columns; strides in floats.</summary>
    public static void Copy(float* source, nint sourceStride, float* target, nint targetStride, int rows, int columns)
    {
        for (; rows > 0; rows--)
        {
            Unsafe.CopyBlockUnaligned(target, source, (uint)columns * sizeof(float));
            source += sourceStride;
            target += targetStride;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4(float* source, nint sourceStride, float* target, nint targetStride)
    {
        var r0 = Vector128.Load(source);
        var r1 = Vector128.Load(source + sourceStride);
        var r2 = Vector128.Load(source + (2 * sourceStride));
        var r3 = Vector128.Load(source + (3 * sourceStride));
        var low01 = Low(r0, r1);
        var high01 = High(r0, r1);
        var low23 = Low(r2, r3);
        var high23 = High(r2, r3);
        LowHalves(low01, low23).Store(target);
        HighHalves(low01, low23).Store(target + targetStride);
        LowHalves(high01, high23).Store(target + (2 * targetStride));
        HighHalves(high01, high23).Store(target + (3 * targetStride));
    }

    // (a0, b0, a1, b1) and (a2, b2, a3, b3)
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Low(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> High(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b);

    // (a0, a1, b0, b1) and (a2, a3, b2, b3)
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> LowHalves(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.MoveLowToHigh(a, b) : Vector128.Create(a.GetLower(), b.GetLower());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> HighHalves(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.MoveHighToLow(b, a) : Vector128.Create(a.GetUpper(), b.GetUpper());
}
