using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Numerics.KernelSets;

/// <summary>
/// The sums of up to three neighbouring rows of a tile, one vector of each. They stay in registers: the struct is small enough for the
/// compiler to take it apart, and rows that the tile does not have are dropped.
/// </summary>
/// <typeparam name="TSimd">The vectors.</typeparam>
/// <typeparam name="THeight">Rows of the tile.</typeparam>
/// <typeparam name="TFirst">The first of these rows.</typeparam>
internal unsafe struct TileRows<TSimd, THeight, TFirst>
    where TSimd : unmanaged, ISimd<TSimd>
    where THeight : struct, ICount
    where TFirst : struct, ICount
{
    private TSimd _first;
    private TSimd _second;
    private TSimd _third;

    private static bool HasFirst
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => THeight.Value > TFirst.Value;
    }

    private static bool HasSecond
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => THeight.Value > TFirst.Value + 1;
    }

    private static bool HasThird
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => THeight.Value > TFirst.Value + 2;
    }

    /// <summary>Each row becomes what is in memory.</summary>
    /// <param name="tile">The vector of the tile's first row.</param>
    /// <param name="row">Bytes from row to row.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Load(byte* tile, nint row)
    {
        if (HasFirst)
        {
            _first = TSimd.Load((float*)(tile + (TFirst.Value * row)));
        }

        if (HasSecond)
        {
            _second = TSimd.Load((float*)(tile + ((TFirst.Value + 1) * row)));
        }

        if (HasThird)
        {
            _third = TSimd.Load((float*)(tile + ((TFirst.Value + 2) * row)));
        }
    }

    /// <summary>Each row becomes what is in memory plus itself.</summary>
    /// <inheritdoc cref="Load"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddTo(byte* tile, nint row)
    {
        if (HasFirst)
        {
            _first = TSimd.Load((float*)(tile + (TFirst.Value * row))) + _first;
        }

        if (HasSecond)
        {
            _second = TSimd.Load((float*)(tile + ((TFirst.Value + 1) * row))) + _second;
        }

        if (HasThird)
        {
            _third = TSimd.Load((float*)(tile + ((TFirst.Value + 2) * row))) + _third;
        }
    }

    /// <summary>Each row becomes itself plus another's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(in TileRows<TSimd, THeight, TFirst> right)
    {
        if (HasFirst)
        {
            _first += right._first;
        }

        if (HasSecond)
        {
            _second += right._second;
        }

        if (HasThird)
        {
            _third += right._third;
        }
    }

    /// <summary>Each row becomes fma(a, b, itself).</summary>
    /// <param name="a">The number of the first of these rows.</param>
    /// <param name="row">Bytes from row to row.</param>
    /// <param name="b">The vector.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void MultiplyAdd(byte* a, nint row, TSimd b)
    {
        if (HasFirst)
        {
            _first = TSimd.FusedMultiplyAdd((float*)a, b, _first);
        }

        if (HasSecond)
        {
            _second = TSimd.FusedMultiplyAdd((float*)(a + row), b, _second);
        }

        if (HasThird)
        {
            _third = TSimd.FusedMultiplyAdd((float*)(a + (2 * row)), b, _third);
        }
    }

    /// <summary>Memory becomes the rows.</summary>
    /// <inheritdoc cref="Load"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(byte* tile, nint row)
    {
        if (HasFirst)
        {
            TSimd.Store(_first, (float*)(tile + (TFirst.Value * row)));
        }

        if (HasSecond)
        {
            TSimd.Store(_second, (float*)(tile + ((TFirst.Value + 1) * row)));
        }

        if (HasThird)
        {
            TSimd.Store(_third, (float*)(tile + ((TFirst.Value + 2) * row)));
        }
    }

    /// <summary>Memory becomes the rows, with +0 for -0: every other value stays what it is.</summary>
    /// <inheritdoc cref="Load"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void StoreResult(byte* tile, nint row)
    {
        TSimd zero = default;
        if (HasFirst)
        {
            TSimd.Store(_first + zero, (float*)(tile + (TFirst.Value * row)));
        }

        if (HasSecond)
        {
            TSimd.Store(_second + zero, (float*)(tile + ((TFirst.Value + 1) * row)));
        }

        if (HasThird)
        {
            TSimd.Store(_third + zero, (float*)(tile + ((TFirst.Value + 2) * row)));
        }
    }
}
