using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Numerics.KernelSets;

/// <summary>
/// All kernels at one vector width. Every width gives the same bits, so the choice is one of speed alone; tests and
/// <c>CLUSTERTRAIN_KERNELS</c> can force one.
/// </summary>
public abstract partial class Kernels
{
    /// <summary>The environment variable that forces a level: scalar, vector128, avx2 or avx512.</summary>
    public const string Variable = "CLUSTERTRAIN_KERNELS";

    private static Kernels? s_active;

    private protected Kernels(SimdLevel level)
    {
        Level = level;
        Name = NameOf(level);
    }

    /// <summary>What this hardware runs at full speed, widest first; <see cref="SimdLevel.Scalar"/> is always the last.</summary>
    public static IReadOnlyList<Kernels> Supported { get; } = Detect();

    /// <summary>The widest supported implementation, or the one that <see cref="Variable"/> names.</summary>
    /// <exception cref="InvalidOperationException">The variable names an unknown or unsupported level.</exception>
    public static Kernels Active => s_active ??= Choose(Environment.GetEnvironmentVariable(Variable));

    /// <summary>The vector width of this implementation.</summary>
    public SimdLevel Level { get; }

    /// <summary>The level as <see cref="Variable"/> spells it.</summary>
    public string Name { get; }

    /// <summary>The implementation at one level.</summary>
    /// <exception cref="PlatformNotSupportedException">This hardware does not support <paramref name="level"/>.</exception>
    public static Kernels Get(SimdLevel level) =>
        Supported.FirstOrDefault(kernels => kernels.Level == level)
        ?? throw new PlatformNotSupportedException(
            $"This processor (or the DOTNET_Enable* settings of this process) does not support {NameOf(level)} kernels; "
            + $"supported are {SupportedNames}.");

    /// <summary>Prints <see cref="Name"/>.</summary>
    public override string ToString() => Name;

    /// <summary>What <see cref="Active"/> is when the variable has the given value; null or empty means unset.</summary>
    internal static Kernels Choose(string? value) =>
        string.IsNullOrEmpty(value)
            ? Supported[0]
            : Supported.FirstOrDefault(kernels => kernels.Name == value)
              ?? throw new InvalidOperationException(
                  $"The environment variable {Variable} is '{value}'; allowed on this processor are {SupportedNames}. "
                  + "Unset it to use the widest.");

    private static string SupportedNames => string.Join(", ", Supported.Select(kernels => kernels.Name));

    private static string NameOf(SimdLevel level) => level.ToString().ToLowerInvariant();

    // Without FMA hardware a fused multiply-add is a call into the C library per lane, and vectors only add overhead to it:
    // then scalar is the fastest correct choice.
    private static List<Kernels> Detect()
    {
        var supported = new List<Kernels>();
        var fusedMultiplyAdd = Fma.IsSupported || AdvSimd.IsSupported;
        if (fusedMultiplyAdd && Vector512.IsHardwareAccelerated)
        {
            supported.Add(new Kernels<Simd512>(SimdLevel.Avx512));
        }

        if (fusedMultiplyAdd && Vector256.IsHardwareAccelerated)
        {
            supported.Add(new Kernels<Simd256>(SimdLevel.Avx2));
        }

        if (fusedMultiplyAdd && Vector128.IsHardwareAccelerated)
        {
            supported.Add(new Kernels<Simd128>(SimdLevel.Vector128));
        }

        supported.Add(new Kernels<SimdScalar>(SimdLevel.Scalar));
        return supported;
    }
}
