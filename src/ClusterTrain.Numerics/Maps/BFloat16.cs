using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Numerics.Maps;

/// <summary>x rounded to bfloat16: the nearest float whose last 16 bits are 0, of two the one with an even last bit. NaN stays NaN.</summary>
public readonly struct BFloat16Rounding : IUnaryMap
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd x)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        var last = TSimd.ShiftBitsRight(x, 16) & TSimd.CreateBits(1);
        var rounded = TSimd.AddBits(TSimd.AddBits(x, TSimd.CreateBits(0x7FFF)), last) & TSimd.CreateBits(unchecked((int)0xFFFF0000));
        return TSimd.Select(TSimd.Equal(x, x), rounded, x);
    }
}

/// <summary>x + y rounded to float, and that to bfloat16, see <see cref="BFloat16Rounding"/>.</summary>
public readonly struct BFloat16Sum : IBinaryMap
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd x, TSimd y)
        where TSimd : unmanaged, ISimd<TSimd> => default(BFloat16Rounding).Apply(x + y);
}

/// <summary>Floats that are bfloat16 in half the bytes.</summary>
public static class BFloat16
{
    /// <summary>The upper halves of floats whose lower halves are 0.</summary>
    /// <param name="values">The floats.</param>
    /// <param name="packed">Receives the halves, as many as there are floats; arbitrary where the result is false.</param>
    /// <returns>False when a lower half is not 0; told at the first of them, as a rule.</returns>
    public static bool TryPack(ReadOnlySpan<float> values, Span<ushort> packed)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(packed.Length, values.Length);
        var bits = MemoryMarshal.Cast<float, uint>(values);
        var index = 0;
        for (var step = 2 * Vector<uint>.Count; index <= bits.Length - step; index += step)
        {
            var first = new Vector<uint>(bits[index..]);
            var second = new Vector<uint>(bits[(index + Vector<uint>.Count)..]);
            if (((first | second) & new Vector<uint>(0xFFFF)) != Vector<uint>.Zero)
            {
                return false;
            }

            Vector.Narrow(first >>> 16, second >>> 16).CopyTo(packed[index..]);
        }

        for (; index < bits.Length; index++)
        {
            if ((bits[index] & 0xFFFF) != 0)
            {
                return false;
            }

            packed[index] = (ushort)(bits[index] >> 16);
        }

        return true;
    }

    /// <summary>The floats of upper halves.</summary>
    /// <param name="packed">The halves.</param>
    /// <param name="values">Receives the floats, as many.</param>
    public static void Unpack(ReadOnlySpan<ushort> packed, Span<float> values)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Length, packed.Length);
        var bits = MemoryMarshal.Cast<float, uint>(values);
        var index = 0;
        for (; index <= packed.Length - Vector<ushort>.Count; index += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(packed[index..]), out var first, out var second);
            (first << 16).CopyTo(bits[index..]);
            (second << 16).CopyTo(bits[(index + Vector<uint>.Count)..]);
        }

        for (; index < packed.Length; index++)
        {
            bits[index] = (uint)packed[index] << 16;
        }
    }
}
