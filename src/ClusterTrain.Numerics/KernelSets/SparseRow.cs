using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Numerics.KernelSets;

/// <summary>
/// The sums of one row of a sparse tile, up to four vectors. They stay in registers: the struct is small enough for the compiler to take it
/// apart, and vectors that the tile does not have are dropped.
/// </summary>
/// <typeparam name="TSimd">The vectors.</typeparam>
/// <typeparam name="TVectors">How many there are.</typeparam>
internal unsafe struct SparseRow<TSimd, TVectors>
    where TSimd : unmanaged, ISimd<TSimd>
    where TVectors : struct, ICount
{
    private TSimd _v0;
    private TSimd _v1;
    private TSimd _v2;
    private TSimd _v3;

    /// <summary>The first vector.</summary>
    public readonly TSimd First
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _v0;
    }

    /// <summary>Becomes what is in memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Load(byte* row)
    {
        _v0 = At(row, 0);
        if (TVectors.Value > 1)
        {
            _v1 = At(row, 1);
        }

        if (TVectors.Value > 2)
        {
            _v2 = At(row, 2);
        }

        if (TVectors.Value > 3)
        {
            _v3 = At(row, 3);
        }
    }

    /// <summary>Becomes fma(a, b, itself).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void MultiplyAdd(byte* a, in SparseRow<TSimd, TVectors> b)
    {
        if (TVectors.Value == 1)
        {
            _v0 = TSimd.FusedMultiplyAdd((float*)a, b._v0, _v0);
            return;
        }

        var number = TSimd.Create(*(float*)a);
        _v0 = TSimd.FusedMultiplyAdd(number, b._v0, _v0);
        _v1 = TSimd.FusedMultiplyAdd(number, b._v1, _v1);
        if (TVectors.Value > 2)
        {
            _v2 = TSimd.FusedMultiplyAdd(number, b._v2, _v2);
        }

        if (TVectors.Value > 3)
        {
            _v3 = TSimd.FusedMultiplyAdd(number, b._v3, _v3);
        }
    }

    /// <summary>Becomes another row plus itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddTo(in SparseRow<TSimd, TVectors> left)
    {
        _v0 = left._v0 + _v0;
        if (TVectors.Value > 1)
        {
            _v1 = left._v1 + _v1;
        }

        if (TVectors.Value > 2)
        {
            _v2 = left._v2 + _v2;
        }

        if (TVectors.Value > 3)
        {
            _v3 = left._v3 + _v3;
        }
    }

    /// <summary>Becomes what is in memory plus itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddTo(byte* left)
    {
        _v0 = At(left, 0) + _v0;
        if (TVectors.Value > 1)
        {
            _v1 = At(left, 1) + _v1;
        }

        if (TVectors.Value > 2)
        {
            _v2 = At(left, 2) + _v2;
        }

        if (TVectors.Value > 3)
        {
            _v3 = At(left, 3) + _v3;
        }
    }

    /// <summary>Memory becomes the row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(byte* row)
    {
        Store(_v0, row, 0);
        if (TVectors.Value > 1)
        {
            Store(_v1, row, 1);
        }

        if (TVectors.Value > 2)
        {
            Store(_v2, row, 2);
        }

        if (TVectors.Value > 3)
        {
            Store(_v3, row, 3);
        }
    }

    /// <summary>Memory becomes the row, with +0 for -0: every other value stays what it is.</summary>
    /// <param name="row">The memory.</param>
    /// <param name="lastLanes">Lanes of the last vector; it may have fewer than the others.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void StoreResult(byte* row, int lastLanes)
    {
        StoreResult(_v0, row, 0, lastLanes);
        if (TVectors.Value > 1)
        {
            StoreResult(_v1, row, 1, lastLanes);
        }

        if (TVectors.Value > 2)
        {
            StoreResult(_v2, row, 2, lastLanes);
        }

        if (TVectors.Value > 3)
        {
            StoreResult(_v3, row, 3, lastLanes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TSimd At(byte* row, int vector) => TSimd.Load((float*)row + (vector * TSimd.Width));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(TSimd value, byte* row, int vector) => TSimd.Store(value, (float*)row + (vector * TSimd.Width));

    /// <summary>Memory becomes one vector of a row, with +0 for -0.</summary>
    /// <param name="value">The vector.</param>
    /// <param name="row">The memory of the row.</param>
    /// <param name="vector">Which one it is.</param>
    /// <param name="lastLanes">Lanes of the last vector.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreResult(TSimd value, byte* row, int vector, int lastLanes)
    {
        value += default(TSimd);
        if (vector < TVectors.Value - 1 || lastLanes == TSimd.Width)
        {
            Store(value, row, vector);
        }
        else
        {
            TSimd.StoreFirst(value, (float*)row + (vector * TSimd.Width), lastLanes);
        }
    }
}
