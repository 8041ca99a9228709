namespace ClusterTrain.Numerics;

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
}
