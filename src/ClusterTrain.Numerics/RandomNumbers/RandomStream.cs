namespace ClusterTrain.Numerics.RandomNumbers;

/// <summary>
/// Random numbers by index: a pure function of seed, purpose and index, so that any part of a stream can be had in any order and
/// by anyone. The seed is Philox's key; the purpose's hash is the upper half of its counter and the index the lower half, so
/// streams
/// of different purposes do not overlap. Within one stream use one kind of number: <see cref="Bits"/>, <see cref="Uniform"/> and
/// <see cref="Normal"/> read the same random words.
/// </summary>
/// <param name="seed">The recipe's seed.</param>
/// <param name="purpose">What the numbers are for, such as <c>initialise/layer1</c>.</param>
public sealed class RandomStream(ulong seed, string purpose)
{
    private readonly Philox _philox = new(seed);
    private readonly ulong _stream = HashPurpose(purpose);

    private const ulong EmptyHash = 0xCBF29CE484222325;

    /// <summary>The FNV-1a hash, 64 bits wide, of the purpose's UTF-8 bytes. Allocates nothing.</summary>
    public static ulong HashPurpose(string purpose) => HashPurpose(EmptyHash, purpose);

    /// <summary>The hash of a purpose that continues where another ends: of both, one after the other.</summary>
    internal static ulong HashPurpose(ulong hash, string purpose)
    {
        ArgumentNullException.ThrowIfNull(purpose);
        Span<byte> bytes = stackalloc byte[4];
        foreach (var rune in purpose.EnumerateRunes())
        {
            foreach (var unit in bytes[..rune.EncodeToUtf8(bytes)])
            {
                hash = unchecked((hash ^ unit) * 0x100000001B3);
            }
        }

        return hash;
    }

    /// <summary>32 random bits: word <c>index mod 4</c> of block <c>index / 4</c>.</summary>
    public uint Bits(ulong index)
    {
        var (first, second, third, fourth) = _philox.Block(index / 4, _stream);
        return (index % 4) switch
        {
            0 => first,
            1 => second,
            2 => third,
            _ => fourth,
        };
    }

    /// <summary>A multiple of 2^-53 from 0 inclusive to 1 exclusive, each equally likely.</summary>
    public double Uniform(ulong index) => ToUniform(Bits64(index));

    /// <summary>
    /// A normally distributed number with mean 0 and deviation 1, by the inverse of its distribution; from -8.3 to
    /// 8.3.
    /// </summary>
    public double Normal(ulong index) => ToNormal(Bits64(index));

    /// <summary>
    /// destination[i] = low + (high - low) * Uniform(from + i), rounded to a float below
    /// <paramref name="high"/>.
    /// </summary>
    /// <param name="destination">Receives the numbers.</param>
    /// <param name="low">Smallest number, inclusive.</param>
    /// <param name="high">Bound, exclusive unless it equals <paramref name="low"/>.</param>
    /// <param name="from">Index of the first number.</param>
    /// <exception cref="ArgumentException">The bounds are not finite or <paramref name="high"/> is below
    /// <paramref name="low"/>.</exception>
    public void FillUniform(Span<float> destination, float low, float high, ulong from = 0)
    {
        if (!float.IsFinite(low) || !float.IsFinite(high) || high < low)
        {
            throw new ArgumentException($"The range from {low} to {high} must be finite and ascending.", nameof(high));
        }

        var width = (double)high - low;
        var largest = high > low ? MathF.BitDecrement(high) : high;
        for (var i = 0; i < destination.Length; i++)
        {
            var value = (float)Math.FusedMultiplyAdd(Uniform(unchecked(from + (ulong)i)), width, low);
            destination[i] = value > largest ? largest : value;
        }
    }

    /// <summary>destination[i] = mean + deviation * Normal(from + i).</summary>
    /// <param name="destination">Receives the numbers.</param>
    /// <param name="mean">Mean of the distribution.</param>
    /// <param name="deviation">Standard deviation, at least 0.</param>
    /// <param name="from">Index of the first number.</param>
    /// <exception cref="ArgumentException">The mean or deviation is not finite, or the deviation is negative.</exception>
    public void FillNormal(Span<float> destination, float mean, float deviation, ulong from = 0)
    {
        if (!float.IsFinite(mean) || !float.IsFinite(deviation) || deviation < 0f)
        {
            throw new ArgumentException(
                $"Mean {mean} and deviation {deviation} must be finite, the latter not negative.", nameof(deviation));
        }

        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = (float)Math.FusedMultiplyAdd(Normal(unchecked(from + (ulong)i)), deviation, mean);
        }
    }

    private static double ToUniform(ulong bits) => (bits >> 11) * (1.0 / (1UL << 53));

    // The centres of 2^52 equal parts of (0, 1): exact, symmetric, and never 0 or 1.
    private static double ToNormal(ulong bits) => NormalDistribution.Quantile(((bits >> 12) + 0.5) * (1.0 / (1UL << 52)));

    private ulong Bits64(ulong index)
    {
        var (first, second, third, fourth) = _philox.Block(index / 2, _stream);
        return index % 2 == 0 ? first | ((ulong)second << 32) : third | ((ulong)fourth << 32);
    }
}
