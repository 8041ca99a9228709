using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Numerics.Maps;

/// <summary>
/// A formula of one variable, applied to every element by
/// <see cref="Kernels.Map{TMap}(in TMap, ReadOnlySpan{float}, Span{float})"/>.
/// Implement it as a struct, mark <see cref="Apply"/> for aggressive inlining, and keep lanes independent.
/// </summary>
public interface IUnaryMap
{
    /// <summary>y = f(x), lane by lane.</summary>
    TSimd Apply<TSimd>(TSimd x)
        where TSimd : unmanaged, ISimd<TSimd>;
}

/// <summary>
/// A formula of two variables, applied to every pair of elements by
/// <see cref="Kernels.Map{TMap}(in TMap, ReadOnlySpan{float}, ReadOnlySpan{float}, Span{float})"/>.
/// Implement it as a struct, mark <see cref="Apply"/> for aggressive inlining, and keep lanes independent.
/// </summary>
public interface IBinaryMap
{
    /// <summary>z = f(x, y), lane by lane.</summary>
    TSimd Apply<TSimd>(TSimd x, TSimd y)
        where TSimd : unmanaged, ISimd<TSimd>;
}

/// <summary>
/// The update of one parameter by an optimiser, with up to two state values per parameter; driven over whole segments by
/// <see cref="Kernels.Update{TRule}"/>. Implement it as a struct and mark both members for aggressive inlining.
/// </summary>
public interface IUpdateRule
{
    /// <summary>How many state values each parameter has: 0, 1 or 2. A constant of the type.</summary>
    int StateCount { get; }

    /// <summary>
    /// The new weight; the states are updated in place. States beyond <see cref="StateCount"/> are zero and are not kept.
    /// </summary>
    TSimd Apply<TSimd>(TSimd weight, TSimd gradient, ref TSimd first, ref TSimd second)
        where TSimd : unmanaged, ISimd<TSimd>;
}
