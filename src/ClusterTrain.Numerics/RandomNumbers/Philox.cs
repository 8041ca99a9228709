namespace ClusterTrain.Numerics.RandomNumbers;

/// <summary>
/// Philox4x32-10: a keyed function from a 128-bit counter to 128 random bits, without any state. Source: Salmon, Moraes, Dror
/// and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011; tested against the known answers of Random123.
/// </summary>
/// <param name="key">The key: its low half is the paper's first key word.</param>
public readonly struct Philox(ulong key)
{
    private const uint FirstMultiplier = 0xD2511F53;
    private const uint SecondMultiplier = 0xCD9E8D57;
    private const uint FirstWeyl = 0x9E3779B9;
    private const uint SecondWeyl = 0xBB67AE85;
    private const int Rounds = 10;

    private readonly ulong _key = key;

    /// <summary>The four random words of one counter, first to fourth.</summary>
    /// <param name="counterLow">The counter's first word (low half) and second word (high half).</param>
    /// <param name="counterHigh">The counter's third word (low half) and fourth word (high half).</param>
    public (uint First, uint Second, uint Third, uint Fourth) Block(ulong counterLow, ulong counterHigh)
    {
        unchecked
        {
            var a = (uint)counterLow;
            var b = (uint)(counterLow >> 32);
            var c = (uint)counterHigh;
            var d = (uint)(counterHigh >> 32);
            var firstKey = (uint)_key;
            var secondKey = (uint)(_key >> 32);
            for (var round = 0; round < Rounds; round++)
            {
                var p = (ulong)FirstMultiplier * a;
                var q = (ulong)SecondMultiplier * c;
                (a, b, c, d) = ((uint)(q >> 32) ^ b ^ firstKey, (uint)q, (uint)(p >> 32) ^ d ^ secondKey, (uint)p);
                firstKey += FirstWeyl;
                secondKey += SecondWeyl;
            }

            return (a, b, c, d);
        }
    }
}
