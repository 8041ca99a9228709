using System.Runtime.CompilerServices;

namespace ClusterTrain.Numerics.Simd;

/// <summary>
/// Exponential, logarithm, logistic function and hyperbolic tangent in single precision: one fixed sequence of correctly
/// rounded operations each, so that every width and every machine gives the same bits. NaN gives NaN (of unspecified sign and
/// payload). The stated errors are the largest found against double precision
/// over all exponents (every 97th float), in units in the last place.
/// </summary>
public static class SimdMath
{
    private const float LogTwoHigh = 0.693145751953125f; // 15 bits: n * LogTwoHigh is exact for |n| <= 2^9
    private const float LogTwoLow = 1.428606765330187e-06f;
    private const float LogTwoInverse = 1.4426950408889634f;
    private const float RoundToInteger = 12582912f; // 1.5 * 2^23: the sum's low bits are the nearest integer

    /// <summary>
    /// e^x. Largest error 1.1 ulp; denormal results are rounded once more. Above 88.73 infinity, below -103.98 zero; e^0 is
    /// exactly 1.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TSimd Exp<TSimd>(TSimd x)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        x = TSimd.Min(TSimd.Create(89f), TSimd.Max(TSimd.Create(-104f), x));
        var (n, rest) = ReduceExp(x);
        var result = TSimd.Create(1f) + ExpMinusOne(rest);

        // In two steps, because 2^n itself can lie beyond the normal numbers where the result does not.
        var half = TSimd.ShiftBitsRight(n, 1);
        return result * PowerOfTwo(half) * PowerOfTwo(TSimd.SubtractBits(n, half));
    }

    /// <summary>
    /// The natural logarithm. Largest error 0.8 ulp, denormal arguments included. Of zero -infinity, of infinity infinity,
    /// of negative numbers NaN.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TSimd Log<TSimd>(TSimd x)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        var zero = TSimd.Create(0f);
        var infinity = TSimd.Create(float.PositiveInfinity);
        var denormal = TSimd.GreaterThan(TSimd.Create(1.17549435e-38f), x);
        var scaled = TSimd.Select(denormal, x * TSimd.Create(8388608f), x);

        // x = 2^k * m with m from sqrt(1/2) to sqrt(2).
        var k = TSimd.ShiftBitsRight(TSimd.SubtractBits(scaled, TSimd.CreateBits(0x3F3504F3)), 23);
        var f = TSimd.SubtractBits(scaled, TSimd.ShiftBitsLeft(k, 23)) - TSimd.Create(1f);
        var exponent = TSimd.BitsToFloat(k) - (denormal & TSimd.Create(23f));

        // log(1 + f) = f - f^2/2 + f^3 * p(f), p fitted at the Chebyshev nodes of [-0.2929, 0.4143].
        var p = TSimd.Create(0.06971681118011475f);
        p = TSimd.FusedMultiplyAdd(p, f, TSimd.Create(-0.11479836702346802f));
        p = TSimd.FusedMultiplyAdd(p, f, TSimd.Create(0.11685442924499512f));
        p = TSimd.FusedMultiplyAdd(p, f, TSimd.Create(-0.12425675988197327f));
        p = TSimd.FusedMultiplyAdd(p, f, TSimd.Create(0.14249053597450256f));
        p = TSimd.FusedMultiplyAdd(p, f, TSimd.Create(-0.1666780263185501f));
        p = TSimd.FusedMultiplyAdd(p, f, TSimd.Create(0.20000715553760529f));
        p = TSimd.FusedMultiplyAdd(p, f, TSimd.Create(-0.2499999701976776f));
        p = TSimd.FusedMultiplyAdd(p, f, TSimd.Create(0.3333333134651184f));
        var square = f * f;
        var small = TSimd.FusedMultiplyAdd(p * f, square, exponent * TSimd.Create(LogTwoLow));
        small = TSimd.FusedMultiplyAdd(square, TSimd.Create(-0.5f), small);
        var result = TSimd.FusedMultiplyAdd(exponent, TSimd.Create(LogTwoHigh), f + small);

        // Infinity and NaN pass through; zero and negative numbers have no logarithm.
        result = TSimd.Select(TSimd.GreaterThan(infinity, x), result, x);
        result = TSimd.Select(TSimd.Equal(x, zero), TSimd.Create(float.NegativeInfinity), result);
        return TSimd.Select(TSimd.GreaterThan(zero, x), TSimd.Create(float.NaN), result);
    }

    /// <summary>
    /// The logistic function 1 / (1 + e^-x). Largest error 2.3 ulp down to the denormal results; 1 from 17.4 upwards, 0 below
    /// -103.98.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TSimd Sigmoid<TSimd>(TSimd x)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        var one = TSimd.Create(1f);
        var power = Exp(x | TSimd.Create(-0f)); // e^-|x|, which cannot overflow
        return TSimd.Select(TSimd.GreaterThan(TSimd.Create(0f), x), power, one) / (one + power);
    }

    /// <summary>
    /// The hyperbolic tangent. Largest error 2.4 ulp, near zero too (-0 gives -0); exactly 1 or -1 beyond about 9.02.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TSimd Tanh<TSimd>(TSimd x)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        // With e = exp(2|x|) - 1 the result is e / (e + 2); 20 is far into the saturation.
        var sign = x & TSimd.Create(-0f);
        var magnitude = x ^ sign;
        var (n, rest) = ReduceExp(TSimd.Min(TSimd.Create(20f), magnitude + magnitude));
        var scale = PowerOfTwo(n);
        var e = TSimd.FusedMultiplyAdd(scale, ExpMinusOne(rest), scale - TSimd.Create(1f));
        return (e / (e + TSimd.Create(2f))) | sign;
    }

    /// <summary>
    /// log(1 + x) for x from 0 to 1, relatively accurate for small x (Kahan's correction of the rounding of 1 +
    /// x).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TSimd LogOnePlus<TSimd>(TSimd x)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        var one = TSimd.Create(1f);
        var sum = one + x;
        return Log(sum) + ((x - (sum - one)) / sum);
    }

    /// <summary>The lanes' bits, rotated left by 1 to 31 places.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TSimd RotateBitsLeft<TSimd>(TSimd value, int places)
        where TSimd : unmanaged, ISimd<TSimd> =>
        TSimd.ShiftBitsLeft(value, places)
        | (TSimd.ShiftBitsRight(value, 32 - places) & TSimd.CreateBits((1 << places) - 1));

    // x = n log 2 + rest with |rest| <= log(2)/2; n as an integer in the lanes' bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (TSimd Exponent, TSimd Remainder) ReduceExp<TSimd>(TSimd x)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        var shifted = TSimd.FusedMultiplyAdd(x, TSimd.Create(LogTwoInverse), TSimd.Create(RoundToInteger));
        var n = shifted - TSimd.Create(RoundToInteger);
        var rest = TSimd.FusedMultiplyAdd(n, TSimd.Create(-LogTwoHigh), x);
        rest = TSimd.FusedMultiplyAdd(n, TSimd.Create(-LogTwoLow), rest);
        return (TSimd.SubtractBits(shifted, TSimd.Create(RoundToInteger)), rest);
    }

    // e^r - 1 = r + r^2 * q(r), q fitted at the Chebyshev nodes of [-0.347, 0.347].
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TSimd ExpMinusOne<TSimd>(TSimd r)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        var q = TSimd.Create(0.001392626785673201f);
        q = TSimd.FusedMultiplyAdd(q, r, TSimd.Create(0.00836324691772461f));
        q = TSimd.FusedMultiplyAdd(q, r, TSimd.Create(0.04166655242443085f));
        q = TSimd.FusedMultiplyAdd(q, r, TSimd.Create(0.16666576266288757f));
        q = TSimd.FusedMultiplyAdd(q, r, TSimd.Create(0.5f));
        return TSimd.FusedMultiplyAdd(q, r * r, r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TSimd PowerOfTwo<TSimd>(TSimd n)
        where TSimd : unmanaged, ISimd<TSimd> =>
        TSimd.ShiftBitsLeft(TSimd.AddBits(n, TSimd.CreateBits(127)), 23);
}
