using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace ClusterTrain.Numerics;

/// <summary>The vector widths that kernels are compiled for, narrowest first. All of them give the same bits.</summary>
public enum SimdLevel
{
    /// <summary>One float at a time.</summary>
    Scalar,

    /// <summary>128-bit vectors: ARM's NEON, or x86 with fused multiply-add.</summary>
    Vector128,

    /// <summary>256-bit vectors: x86 with AVX2 and fused multiply-add.</summary>
    Avx2,

    /// <summary>512-bit vectors: x86 with AVX-512.</summary>
    Avx512,
}

/// <summary>The kernels of one vector width.</summary>
public abstract partial class Kernels
{
    private const string Variable = "CLUSTERTRAIN_KERNELS";

    private protected Kernels(SimdLevel level, string name)
    {
        Level = level;
        Name = name;
    }

    /// <summary>The kernels that this machine can run, narrowest first.</summary>
    public static IReadOnlyList<Kernels> Supported { get; } = FindSupported();

    /// <summary>The widest supported kernels, or those that the environment variable CLUSTERTRAIN_KERNELS names.</summary>
    public static Kernels Active { get; } = Choose(Environment.GetEnvironmentVariable(Variable));

    /// <summary>The vector width.</summary>
    public SimdLevel Level { get; }

    /// <summary>The name that CLUSTERTRAIN_KERNELS knows: scalar, vector128, avx2 or avx512.</summary>
    public string Name { get; }

    /// <summary>The kernels of one width.</summary>
    /// <exception cref="PlatformNotSupportedException">This machine cannot run them.</exception>
    public static Kernels Get(SimdLevel level) =>
        Supported.FirstOrDefault(kernels => kernels.Level == level)
        ?? throw new PlatformNotSupportedException($"This machine cannot run {level} kernels; it can run {Names()}.");

    private static List<Kernels> FindSupported()
    {
        var supported = new List<Kernels> { new Kernels<SimdScalar>(SimdLevel.Scalar, "scalar") };
        if (AdvSimd.IsSupported || Fma.IsSupported)
            supported.Add(new Kernels<Simd128>(SimdLevel.Vector128, "vector128"));
        if (Avx2.IsSupported && Fma.IsSupported)
            supported.Add(new Kernels<Simd256>(SimdLevel.Avx2, "avx2"));
        if (Vector512.IsHardwareAccelerated && Avx512F.IsSupported)
            supported.Add(new Kernels<Simd512>(SimdLevel.Avx512, "avx512"));
        return supported;
    }

    private static Kernels Choose(string? name) =>
        string.IsNullOrEmpty(name)
            ? Supported[^1]
            : Supported.FirstOrDefault(kernels => kernels.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
              ?? throw new PlatformNotSupportedException($"{Variable}={name}: this machine can run {Names()}.");

    private static string Names() => string.Join(", ", Supported.Select(kernels => kernels.Name));
}

internal sealed partial class Kernels<TSimd> : Kernels
    where TSimd : unmanaged, ISimd<TSimd>
{
    public Kernels(SimdLevel level, string name)
        : base(level, name)
    {
    }
}
