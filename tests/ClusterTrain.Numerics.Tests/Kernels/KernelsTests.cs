using ClusterTrain.Numerics.Benchmark;
using ClusterTrain.Numerics.KernelSets;

namespace ClusterTrain.Numerics.Tests;

public class KernelsTests
{
    [Fact]
    public void The_table_is_ordered_from_wide_to_scalar_and_names_each_level_once()
    {
        var levels = Kernels.Supported.Select(kernels => kernels.Level).ToList();
        Assert.Equal(levels.Distinct().OrderDescending(), levels);
        Assert.Equal(SimdLevel.Scalar, levels[^1]);
        Assert.All(levels, level => Assert.Equal(level, Kernels.Get(level).Level));
    }

    [Fact]
    public void The_variable_chooses_by_name_and_the_default_is_the_widest()
    {
        Assert.Same(Kernels.Supported[0], Kernels.Choose(null));
        Assert.Same(Kernels.Supported[0], Kernels.Choose(""));
        Assert.All(Kernels.Supported, kernels => Assert.Same(kernels, Kernels.Choose(kernels.Name)));
    }

    [Theory]
    [InlineData("sse9")]
    [InlineData("AVX2")]
    [InlineData("3")]
    public void An_unknown_name_is_an_error_with_the_variable_the_value_and_what_is_allowed(string value)
    {
        var error = Assert.Throws<InvalidOperationException>(() => Kernels.Choose(value));
        Assert.Contains("CLUSTERTRAIN_KERNELS", error.Message, StringComparison.Ordinal);
        Assert.Contains($"'{value}'", error.Message, StringComparison.Ordinal);
        Assert.Contains("scalar", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_level_without_hardware_is_an_error_that_names_the_supported_ones()
    {
        foreach (var level in Enum.GetValues<SimdLevel>().Except(Kernels.Supported.Select(kernels => kernels.Level)))
        {
            var error = Assert.Throws<PlatformNotSupportedException>(() => Kernels.Get(level));
            Assert.Contains("supported are", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_benchmark_measures_every_shape_against_a_peak()
    {
        var (peak, measurements) = KernelBenchmark.Run(Kernels.Active, threads: 1, rounds: 1);
        Assert.True(peak > 0);
        Assert.NotEmpty(measurements);
        Assert.All(measurements, measurement => Assert.True(measurement.GflopsPerSecond > 0, measurement.Name));
        Assert.Contains(measurements, measurement => measurement.TreePercent is not null);
    }
}
