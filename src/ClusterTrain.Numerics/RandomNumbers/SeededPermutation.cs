using System.Runtime.CompilerServices;

namespace ClusterTrain.Numerics.RandomNumbers;

/// <summary>
/// A random permutation of <c>0 .. count - 1</c> whose value at any position is computed directly: no list is kept, whatever
/// the count. A pure function of seed, purpose and epoch.
/// </summary>
/// <remarks>
/// A generalised Feistel cipher on small domains (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002). A
/// position is a pair (l, r) of an a by b rectangle that holds at least count points, with a = ceil(sqrt(count)); each of eight
/// rounds adds a keyed random function of one half to the other, modulo that one's size; results outside the count are sent
/// through again. The keys come from Philox.
/// </remarks>
public readonly struct SeededPermutation
{
    /// <summary>The largest count: 2^40.</summary>
    public const long LargestCount = 1L << 40;

    private const int Keys = 16; // two for each round

    private static readonly ulong s_prefix = RandomStream.HashPurpose("permutation/");

    private readonly long _count;
    private readonly ulong _leftSize;
    private readonly ulong _rightSize;
    private readonly ulong _leftInverse;
    private readonly RoundKeys _keys;

    /// <summary>The permutation of one epoch.</summary>
    /// <param name="seed">The recipe's seed.</param>
    /// <param name="purpose">What is permuted, such as <c>shuffle</c>; see <see cref="RandomStream"/>.</param>
    /// <param name="epoch">Epoch, or any other number of a permutation.</param>
    /// <param name="count">Number of positions, 1 to <see cref="LargestCount"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is out of range.</exception>
    public SeededPermutation(ulong seed, string purpose, ulong epoch, long count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, LargestCount);
        _count = count;
        _leftSize = (ulong)Math.Ceiling(Math.Sqrt(count));
        _rightSize = ((ulong)count + _leftSize - 1) / _leftSize;

        // floor(x * inverse / 2^64) = x / leftSize, for x below 2^42 and leftSize up to 2^20; of size 1 the quotient is x.
        _leftInverse = _leftSize > 1 ? (ulong.MaxValue / _leftSize) + 1 : 0;

        var philox = new Philox(seed);
        var stream = RandomStream.HashPurpose(s_prefix, purpose);
        for (var i = 0; i < Keys; i += 2)
        {
            var (first, second, third, fourth) = philox.Block(unchecked((epoch * (Keys / 2)) + ((ulong)i / 2)), stream);
            _keys[i] = first | ((ulong)second << 32);
            _keys[i + 1] = third | ((ulong)fourth << 32) | 1; // a multiplier: odd
        }
    }

    /// <summary>Number of positions.</summary>
    public long Count => _count;

    /// <summary>The value at a position.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The position is not from 0 to <see cref="Count"/> - 1.</exception>
    public long this[long position]
    {
        get
        {
            if ((ulong)position >= (ulong)_count)
            {
                throw new ArgumentOutOfRangeException(nameof(position), position, $"A position must be from 0 to {_count - 1}.");
            }

            return (long)Walk((ulong)position);
        }
    }

    /// <summary>rows[i] = the value at position start + i.</summary>
    /// <param name="start">First position.</param>
    /// <param name="rows">Receives the values.</param>
    /// <exception cref="ArgumentOutOfRangeException">The positions are not all from 0 to <see cref="Count"/> - 1.</exception>
    public void Fill(long start, Span<long> rows)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows.Length, _count - start, nameof(rows));
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] = (long)Walk((ulong)(start + i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Walk(ulong value)
    {
        do
        {
            value = Encrypt(value);
        }
        while (value >= (ulong)_count);
        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Encrypt(ulong value)
    {
        var right = _leftSize > 1 ? Math.BigMul(value, _leftInverse, out _) : value;
        var left = value - (right * _leftSize);
        for (var i = 0; i < Keys; i += 4)
        {
            left = AddModulo(left, Mix(right ^ _keys[i], _keys[i + 1], _leftSize), _leftSize);
            right = AddModulo(right, Mix(left ^ _keys[i + 2], _keys[i + 3], _rightSize), _rightSize);
        }

        return (right * _leftSize) + left;
    }

    // A keyed function into 0 .. size - 1: both halves of a 128-bit product, folded, then scaled by a product's upper half.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Mix(ulong value, ulong multiplier, ulong size)
    {
        var high = Math.BigMul(value, multiplier, out var low);
        return Math.BigMul(high ^ low, size, out _);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong AddModulo(ulong a, ulong b, ulong size)
    {
        // Without a branch, which would be mispredicted every other time.
        var difference = a + b - size;
        return difference + (size & (ulong)((long)difference >> 63));
    }

    [InlineArray(Keys)]
    private struct RoundKeys
    {
        private ulong _first;
    }
}
