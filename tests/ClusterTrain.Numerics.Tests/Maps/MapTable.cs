using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Numerics.RandomNumbers;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Numerics.Tests;

/// <summary>What the kernel tests share: the levels, inputs with every kind of float, and the comparison of bits.</summary>
internal static class MapTable
{
    public static readonly float[] Extremes =
    [
        0f, -0f, 1f, -1f, float.Epsilon, -float.Epsilon, 1e-40f, -1e-40f, 1.17549435e-38f, 1e-10f, -1e-10f, 0.5f, 0.99999994f, 88.72f,
        88.73f, 89f, 104f, -87.4f, -103.9f, -104f, -105f, 9.01f, -9.02f, 17.3f, 1e10f, -1e10f, float.MaxValue, float.MinValue,
        float.PositiveInfinity, float.NegativeInfinity, float.NaN,
    ];

    public static TheoryData<SimdLevel> Levels => [.. Kernels.Supported.Select(kernels => kernels.Level)];

    public static IEnumerable<int> Lengths => [.. Enumerable.Range(0, 71), 1000, 4099];

    /// <summary>Numbers of many magnitudes, every third one an extreme.</summary>
    public static float[] Mixed(int length, string purpose)
    {
        var values = Normal(length, purpose);
        for (var i = 0; i < length; i++)
        {
            values[i] = i % 3 == 2 ? Extremes[(i / 3) % Extremes.Length] : values[i] * MathF.Pow(10f, (i % 7) - 3);
        }

        return values;
    }

    public static float[] Normal(int length, string purpose, float deviation = 1f)
    {
        var values = new float[length];
        new RandomStream(7, purpose).FillNormal(values, 0f, deviation);
        return values;
    }

    /// <summary>Equal bits; any NaN equals any other, because its payload depends on the hardware.</summary>
    public static void AssertSameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i])
                && !(float.IsNaN(expected[i]) && float.IsNaN(actual[i])))
            {
                Assert.Fail($"{what}, element {i}: expected {expected[i]:G9}, got {actual[i]:G9}");
            }
        }
    }

    /// <summary>The distance from the true value in units of its last place.</summary>
    public static double UlpError(float actual, double exact)
    {
        var rounded = (float)exact;
        if (float.IsNaN(rounded) || float.IsInfinity(rounded))
        {
            return float.IsNaN(rounded) ? (float.IsNaN(actual) ? 0 : double.PositiveInfinity) : (actual == rounded ? 0 : 1);
        }

        var ulp = Math.Max((double)MathF.BitIncrement(MathF.Abs(rounded)) - MathF.Abs(rounded), float.Epsilon);
        return Math.Abs(actual - exact) / ulp;
    }
}

/// <summary>The exponential, as a map.</summary>
internal readonly struct ExpMap : IUnaryMap
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd x)
        where TSimd : unmanaged, ISimd<TSimd> => SimdMath.Exp(x);
}

/// <summary>The logarithm, as a map.</summary>
internal readonly struct LogMap : IUnaryMap
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd x)
        where TSimd : unmanaged, ISimd<TSimd> => SimdMath.Log(x);
}

/// <summary>Every operation of <see cref="ISimd{TSelf}"/> that the library's formulas use, folded into one result.</summary>
internal readonly struct EveryOperation : IBinaryMap
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd x, TSimd y)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        var bits = TSimd.AddBits(x, TSimd.ShiftBitsLeft(y, 3)) ^ TSimd.SubtractBits(TSimd.ShiftBitsRight(x, 5), y);
        var chosen = TSimd.Select(TSimd.GreaterThan(x, y), TSimd.Max(x, y), TSimd.Min(x, y));
        chosen = TSimd.Select(TSimd.Equal(x, y), TSimd.CreateBits(0x40490FDB), chosen);
        var number = TSimd.BitsToFloat(bits) * TSimd.Create(1e-9f);
        return TSimd.FusedMultiplyAdd(number, chosen, TSimd.Sqrt(x * x)) + ((x & y) | TSimd.Create(0f));
    }
}
