namespace ClusterTrain.Numerics.KernelSets;

/// <summary>
/// A vector width for which the kernels are compiled. In lower case these are the values of the environment variable
/// <c>CLUSTERTRAIN_KERNELS</c>: <c>scalar</c>, <c>vector128</c>, <c>avx2</c>, <c>avx512</c>.
/// </summary>
public enum SimdLevel
{
    /// <summary>One float at a time; runs everywhere.</summary>
    Scalar,

    /// <summary>4 floats: NEON on Arm, the 128-bit half of FMA hardware on x86.</summary>
    Vector128,

    /// <summary>8 floats: x86 with AVX2 and FMA.</summary>
    Avx2,

    /// <summary>16 floats: x86 with AVX-512.</summary>
    Avx512,
}
