using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Numerics.RandomNumbers;

/// <summary>
/// Threefry2x32-20: a keyed function from a 64-bit counter to 64 random bits by additions, rotations and exclusive ors alone,
/// so that every vector lane computes a counter of its own. Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
/// easy as 1, 2, 3", SC 2011 (13 rounds pass BigCrush, 20 leave a margin); tested against the known answers of Random123.
/// </summary>
internal static class Threefry
{
    private const int Parity = 0x1BD11BDA;

    /// <summary>Encrypts the counters in place: first and second word of each lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Encrypt<TSimd>(ulong key, ref TSimd first, ref TSimd second)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        unchecked
        {
            var (k0, k1) = ((int)key, (int)(key >> 32));
            var k2 = Parity ^ k0 ^ k1;
            Inject(k0, k1, ref first, ref second);
            FirstRounds(ref first, ref second);
            Inject(k1, k2 + 1, ref first, ref second);
            SecondRounds(ref first, ref second);
            Inject(k2, k0 + 2, ref first, ref second);
            FirstRounds(ref first, ref second);
            Inject(k0, k1 + 3, ref first, ref second);
            SecondRounds(ref first, ref second);
            Inject(k1, k2 + 4, ref first, ref second);
            FirstRounds(ref first, ref second);
            Inject(k2, k0 + 5, ref first, ref second);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Inject<TSimd>(int firstKey, int secondKey, ref TSimd first, ref TSimd second)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        first = TSimd.AddBits(first, TSimd.CreateBits(firstKey));
        second = TSimd.AddBits(second, TSimd.CreateBits(secondKey));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FirstRounds<TSimd>(ref TSimd first, ref TSimd second)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        Round(13, ref first, ref second);
        Round(15, ref first, ref second);
        Round(26, ref first, ref second);
        Round(6, ref first, ref second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SecondRounds<TSimd>(ref TSimd first, ref TSimd second)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        Round(17, ref first, ref second);
        Round(29, ref first, ref second);
        Round(16, ref first, ref second);
        Round(24, ref first, ref second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round<TSimd>(int places, ref TSimd first, ref TSimd second)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        first = TSimd.AddBits(first, second);
        second = SimdMath.RotateBitsLeft(second, places) ^ first;
    }
}
