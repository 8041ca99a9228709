using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Numerics.Maps;

// Each activation is a pair: the forward map takes the pre-activation z to y; the backward map takes (dy, y) to dz, where
// dy is the gradient with respect to y. All derivatives are written in y, so that z need not be kept.

/// <summary>y = 1 / (1 + e^-z), see <see cref="SimdMath.Sigmoid"/>.</summary>
public readonly struct SigmoidForward : IUnaryMap
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd x)
        where TSimd : unmanaged, ISimd<TSimd> => SimdMath.Sigmoid(x);
}

/// <summary>(dy, y) to dz = dy * y * (1 - y).</summary>
public readonly struct SigmoidBackward : IBinaryMap
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd x, TSimd y)
        where TSimd : unmanaged, ISimd<TSimd> => x * (y * (TSimd.Create(1f) - y));
}

/// <summary>y = tanh z, see <see cref="SimdMath.Tanh"/>.</summary>
public readonly struct TanhForward : IUnaryMap
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd x)
        where TSimd : unmanaged, ISimd<TSimd> => SimdMath.Tanh(x);
}

/// <summary>(dy, y) to dz = dy * (1 - y^2).</summary>
public readonly struct TanhBackward : IBinaryMap
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd x, TSimd y)
        where TSimd : unmanaged, ISimd<TSimd> => x * ((TSimd.Create(1f) - y) * (TSimd.Create(1f) + y));
}

/// <summary>y = z where z is positive, 0 elsewhere; NaN stays NaN.</summary>
public readonly struct ReluForward : IUnaryMap
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd x)
        where TSimd : unmanaged, ISimd<TSimd> => TSimd.Max(TSimd.Create(0f), x);
}

/// <summary>(dy, y) to dz = dy where y is positive, 0 elsewhere; at z = 0 the derivative is taken as 0.</summary>
public readonly struct ReluBackward : IBinaryMap
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd x, TSimd y)
        where TSimd : unmanaged, ISimd<TSimd> => TSimd.GreaterThan(y, TSimd.Create(0f)) & x;
}

/// <summary>y = slope * z where z is negative, z elsewhere; NaN stays NaN.</summary>
public readonly struct LeakyReluForward : IUnaryMap
{
    private readonly float _slope;

    /// <summary>The activation with one slope.</summary>
    /// <param name="slope">Slope for negative z: positive, so that the sign of y tells the sign of z, and finite.</param>
    /// <exception cref="ArgumentOutOfRangeException">The slope is not positive and finite.</exception>
    public LeakyReluForward(float slope) => _slope = CheckSlope(slope);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd x)
        where TSimd : unmanaged, ISimd<TSimd> =>
        TSimd.Select(TSimd.GreaterThan(TSimd.Create(0f), x), x * TSimd.Create(_slope), x);

    internal static float CheckSlope(float slope) =>
        slope > 0f && float.IsFinite(slope)
            ? slope
            : throw new ArgumentOutOfRangeException(
                nameof(slope), slope, "The slope of leaky ReLU must be positive and finite; for slope 0 use ReLU.");
}

/// <summary>(dy, y) to dz = slope * dy where y is negative, dy elsewhere.</summary>
public readonly struct LeakyReluBackward : IBinaryMap
{
    private readonly float _slope;

    /// <summary>The backward map of <see cref="LeakyReluForward"/> with the same slope.</summary>
    /// <param name="slope">Slope for negative z: positive and finite.</param>
    /// <exception cref="ArgumentOutOfRangeException">The slope is not positive and finite.</exception>
    public LeakyReluBackward(float slope) => _slope = LeakyReluForward.CheckSlope(slope);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd x, TSimd y)
        where TSimd : unmanaged, ISimd<TSimd> =>
        TSimd.Select(TSimd.GreaterThan(TSimd.Create(0f), y), x * TSimd.Create(_slope), x);
}
