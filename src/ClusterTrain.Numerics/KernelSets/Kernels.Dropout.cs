using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.RandomNumbers;

namespace ClusterTrain.Numerics.KernelSets;

public abstract partial class Kernels
{
    /// <summary>Rows of more than so many are refused by <see cref="DropoutMask"/>: 2^44.</summary>
    public const long LargestDropoutRow = 1L << 44;

    /// <summary>Units of a layer at most, for <see cref="DropoutMask"/>.</summary>
    public const int LargestDropoutUnits = 1 << 20;

    /// <summary>
    /// The mask of inverted dropout: an element is 0 with probability <paramref name="fraction"/>, otherwise
    /// 1 / (1 - fraction). It is a pure function of key, row number and unit: <see cref="Threefry"/> of the counter (row, unit),
    /// of whose words 24 bits are compared with the fraction.
    /// </summary>
    /// <remarks>
    /// Of every 32 units, one counter serves unit i of the first 16 by its first word and unit i of the last 16 by its second, so
    /// every width of at most 16 lanes draws the same bits.
    /// </remarks>
    /// <param name="key">Key of the whole mask.</param>
    /// <param name="rowNumbers">(rows) numbers of the rows, from 0 to below <see cref="LargestDropoutRow"/>.</param>
    /// <param name="units">Elements of a row, 1 to <see cref="LargestDropoutUnits"/>.</param>
    /// <param name="fraction">Probability of 0, from 0 to below 1; taken in steps of 2^-24.</param>
    /// <param name="mask">(rows, units) receives the mask.</param>
    /// <exception cref="ArgumentException">A number is out of range, or the mask has another length.</exception>
    public unsafe void DropoutMask(ulong key, ReadOnlySpan<long> rowNumbers, int units, double fraction, Span<float> mask)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(units, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(units, LargestDropoutUnits);
        if (!(fraction >= 0 && fraction < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(fraction), fraction, "The fraction must be from 0 to below 1.");
        }

        CheckLength(nameof(mask), mask.Length, checked(rowNumbers.Length * units));
        var dropBelow = (float)(fraction * (1 << 24));
        var kept = (float)(1 / (1 - fraction));
        fixed (float* values = mask)
        {
            for (var index = 0; index < rowNumbers.Length; index++)
            {
                var row = rowNumbers[index];
                if (row is < 0 or >= LargestDropoutRow)
                {
                    throw new ArgumentOutOfRangeException(nameof(rowNumbers), row, "A row number must be from 0 to below 2^44.");
                }

                DropoutRowCore(key, row, dropBelow, kept, values + ((nint)index * units), units);
            }
        }
    }

    private protected abstract unsafe void DropoutRowCore(
        ulong key, long row, float dropBelow, float kept, float* mask, int units);
}

internal sealed unsafe partial class Kernels<TSimd>
{
    private const int CounterLanes = 16;

    private static ReadOnlySpan<int> LaneNumbers => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private protected override void DropoutRowCore(ulong key, long row, float dropBelow, float kept, float* mask, int units)
    {
        // The counters of a row need 19 bits of the second word; the row number's upper 12 bits lie above them.
        var low = TSimd.CreateBits(unchecked((int)row));
        var high = (int)(row >> 32) << 20;
        fixed (int* lanes = LaneNumbers)
        {
            for (var start = 0; start < units; start += 2 * CounterLanes)
            {
                for (var lane = 0; lane < CounterLanes && start + lane < units; lane += TSimd.Width)
                {
                    var first = low;
                    var second = TSimd.AddBits(TSimd.Load((float*)lanes + lane), TSimd.CreateBits(high + (start / 2)));
                    Threefry.Encrypt(key, ref first, ref second);
                    Store(Mask(first, dropBelow, kept), mask + start + lane, units - start - lane);
                    if (start + CounterLanes + lane < units)
                    {
                        Store(
                            Mask(second, dropBelow, kept),
                            mask + start + CounterLanes + lane,
                            units - start - CounterLanes - lane);
                    }
                }
            }
        }
    }

    // The word's upper 24 bits are exact as a float.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TSimd Mask(TSimd word, float dropBelow, float kept)
    {
        var number = TSimd.BitsToFloat(TSimd.ShiftBitsRight(word, 8) & TSimd.CreateBits(0xFFFFFF));
        return TSimd.Select(TSimd.GreaterThan(TSimd.Create(dropBelow), number), default, TSimd.Create(kept));
    }
}
