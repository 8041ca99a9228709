using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Numerics.KernelSets;

/// <summary>The kernels, compiled for one vector type.</summary>
internal sealed partial class Kernels<TSimd>(SimdLevel level) : Kernels(level)
    where TSimd : unmanaged, ISimd<TSimd>;
