
namespace ClusterTrain.Numerics.Simd;

/// <summary>
/// A float vector of some width. A kernel is written once over this interface and compiled for every width; because each
/// lane is computed by the same correctly rounded operations, all widths give the same bits.
/// </summary>
/// <typeparam name="TSelf">The vector type itself, so that calls are resolved and inlined at compile time.</typeparam>
public unsafe interface ISimd<TSelf>
    where TSelf : unmanaged, ISimd<TSelf>
{
    /// <summary>Number of float lanes.</summary>
    static abstract int Width { get; }

    /// <summary>All lanes equal to <paramref name="value"/>.</summary>
    static abstract TSelf Create(float value);

    /// <summary>Reads <see cref="Width"/> floats; no alignment is required.</summary>
    static abstract TSelf Load(float* source);

    /// <summary>Writes <see cref="Width"/> floats; no alignment is required.</summary>
    static abstract void Store(TSelf value, float* destination);

    /// <summary>a * b + c with one rounding (IEEE 754 fusedMultiplyAdd), on every hardware.</summary>
    static abstract TSelf FusedMultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>
    /// The same with one float from memory in all lanes of a: one instruction where the hardware can broadcast an operand.
    /// </summary>
    static abstract TSelf FusedMultiplyAdd(float* a, TSelf b, TSelf c);

    /// <summary>Lane-wise sum.</summary>
    static abstract TSelf operator +(TSelf a, TSelf b);

    /// <summary>Lane-wise difference.</summary>
    static abstract TSelf operator -(TSelf a, TSelf b);

    /// <summary>Lane-wise product.</summary>
    static abstract TSelf operator *(TSelf a, TSelf b);

    /// <summary>Lane-wise quotient.</summary>
    static abstract TSelf operator /(TSelf a, TSelf b);

    /// <summary>Lane-wise square root, correctly rounded.</summary>
    static abstract TSelf Sqrt(TSelf value);

    /// <summary>a &gt; b ? a : b per lane: where either is NaN, and for two zeros, the second argument.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>a &lt; b ? a : b per lane: where either is NaN, and for two zeros, the second argument.</summary>
    static abstract TSelf Min(TSelf a, TSelf b);

    /// <summary>A mask: all bits of a lane where a &gt; b, none elsewhere (so none where either is NaN).</summary>
    static abstract TSelf GreaterThan(TSelf a, TSelf b);

    /// <summary>A mask: all bits of a lane where a = b (0 equals -0), none elsewhere (so none where either is NaN).</summary>
    static abstract TSelf Equal(TSelf a, TSelf b);

    /// <summary>The sign of each lane, that of lane i in bit i; of a mask, its set lanes.</summary>
    static abstract uint SignBits(TSelf value);

    /// <summary>
    /// Per lane, <paramref name="whereSet"/> under a mask's set lanes and <paramref name="elsewhere"/> under the
    /// others.
    /// </summary>
    static abstract TSelf Select(TSelf mask, TSelf whereSet, TSelf elsewhere);

    /// <summary>Bitwise and of the 32 bits of each lane.</summary>
    static abstract TSelf operator &(TSelf a, TSelf b);

    /// <summary>Bitwise or of the 32 bits of each lane.</summary>
    static abstract TSelf operator |(TSelf a, TSelf b);

    /// <summary>Bitwise exclusive or of the 32 bits of each lane.</summary>
    static abstract TSelf operator ^(TSelf a, TSelf b);

    /// <summary>All lanes with these 32 bits.</summary>
    static abstract TSelf CreateBits(int bits);

    /// <summary>Sum of the lanes' bits, read as 32-bit integers that wrap around.</summary>
    static abstract TSelf AddBits(TSelf a, TSelf b);

    /// <summary>Difference of the lanes' bits, read as 32-bit integers that wrap around.</summary>
    static abstract TSelf SubtractBits(TSelf a, TSelf b);

    /// <summary>The lanes' bits, moved left by 0 to 31 places.</summary>
    static abstract TSelf ShiftBitsLeft(TSelf value, int places);

    /// <summary>The lanes' bits, read as signed integers and moved right by 0 to 31 places (the sign fills up).</summary>
    static abstract TSelf ShiftBitsRight(TSelf value, int places);

    /// <summary>The lanes' bits, read as signed integers and rounded to the nearest float.</summary>
    static abstract TSelf BitsToFloat(TSelf value);

    /// <summary>A mask of the first <paramref name="count"/> lanes, 0 to <see cref="Width"/>.</summary>
    static abstract TSelf FirstLanes(int count);

    /// <summary>
    /// Reads the first <paramref name="count"/> lanes, 1 to <see cref="Width"/>; no memory behind them is touched. The other
    /// lanes are those of <paramref name="rest"/>.
    /// </summary>
    static abstract TSelf LoadFirst(float* source, int count, TSelf rest);

    /// <summary>
    /// Writes the first <paramref name="count"/> lanes, 1 to <see cref="Width"/>; no memory behind them is
    /// touched.
    /// </summary>
    static abstract void StoreFirst(TSelf value, float* destination, int count);

    /// <summary>Reads <see cref="Width"/> bytes as the floats 0 to 255.</summary>
    static abstract TSelf LoadBytes(byte* source);

    /// <summary>Adds the square of lane i, exact in double, to <c>sums[i]</c>.</summary>
    static abstract void AddSquares(TSelf value, double* sums);
}
