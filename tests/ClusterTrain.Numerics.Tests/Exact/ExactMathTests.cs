using ClusterTrain.Numerics.Exact;
using ClusterTrain.Numerics.RandomNumbers;

namespace ClusterTrain.Numerics.Tests;

public class ExactMathTests
{
    private const int Samples = 200_000;

    private static readonly RandomStream s_stream = new(11, "exact math");

    // name, function, the runtime's, range of the argument. The runtime's own error is up to 1 ulp, so 2 may lie between both.
    private static readonly (string Name, Func<double, double> Exact, Func<double, double> Runtime, double Low, double High)[] s_functions =
    [
        ("exp", ExactMath.Exp, Math.Exp, -708, 709.7),
        ("exp near 0", ExactMath.Exp, Math.Exp, -1, 1),
        ("log", ExactMath.Log, Math.Log, 0, 1e300),
        ("log near 1", ExactMath.Log, Math.Log, 0.5, 2),
        ("log of tiny", ExactMath.Log, Math.Log, 0, 1e-300),
        ("sin", ExactMath.Sin, Math.Sin, -1e6, 1e6),
        ("sin near 0", ExactMath.Sin, Math.Sin, -4, 4),
        ("cos", ExactMath.Cos, Math.Cos, -1e6, 1e6),
        ("cos near 0", ExactMath.Cos, Math.Cos, -4, 4),
        ("power 2.5", x => ExactMath.Pow(x, 2.5), x => Math.Pow(x, 2.5), 0, 1e100),
        ("0.999 to the x", x => ExactMath.Pow(0.999, x), x => Math.Pow(0.999, x), 0, 5e5),
        ("x to the -30", x => ExactMath.Pow(x, -30.0), x => Math.Pow(x, -30), 0.01, 100),
        ("x to the integer 17", x => ExactMath.Pow(x, 17), x => Math.Pow(x, 17), -100, 100),
        ("x to the integer -17", x => ExactMath.Pow(x, -17), x => Math.Pow(x, -17), 0.01, 100),
        ("0.999 to the integer x", x => ExactMath.Pow(0.999, (int)x), x => Math.Pow(0.999, (int)x), 0, 5e5),
    ];

    [Fact]
    public void Each_function_is_within_two_ulp_of_the_runtimes()
    {
        foreach (var function in s_functions)
        {
            for (var i = 0; i < Samples; i++)
            {
                var x = function.Low + ((function.High - function.Low) * s_stream.Uniform((ulong)i));
                var expected = function.Runtime(x);
                var ulps = Math.Abs(function.Exact(x) - expected) / (Math.BitIncrement(Math.Abs(expected)) - Math.Abs(expected));
                Assert.True(ulps <= 2.0, $"{function.Name} of {x:R}: {ulps} ulp from {expected:R}");
            }
        }
    }

    // The true values, rounded to the nearest double.
    [Fact]
    public void Known_values_are_exact()
    {
        Assert.Equal(1.0, ExactMath.Exp(0.0));
        Assert.Equal(2.718281828459045, ExactMath.Exp(1.0));
        Assert.Equal(0.6931471805599453, ExactMath.Log(2.0));
        Assert.Equal(2.302585092994046, ExactMath.Log(10.0));
        Assert.Equal(0.0, ExactMath.Log(1.0));
        Assert.Equal(1.2246467991473532e-16, ExactMath.Sin(Math.PI));
        Assert.Equal(6.123233995736766e-17, ExactMath.Cos(Math.PI / 2));
        Assert.Equal(-0.34999350217129294, ExactMath.Sin(1e6));
        Assert.Equal(1024.0, ExactMath.Pow(2.0, 10.0));
        Assert.Equal(1e22, ExactMath.Pow(10.0, 22));
        Assert.Equal(0.125, ExactMath.Pow(2.0, -3));
        Assert.Equal(1.0, ExactMath.Pow(0.0, 0));
        Assert.Equal(Math.ScaleB(1.0, -1074), ExactMath.Pow(2.0, -1074.0));
        Assert.Equal(double.Epsilon, ExactMath.Exp(-745.0));
    }

    [Fact]
    public void The_ends_of_the_ranges_are_defined()
    {
        Assert.Equal(double.PositiveInfinity, ExactMath.Exp(709.8));
        Assert.Equal(double.PositiveInfinity, ExactMath.Exp(double.PositiveInfinity));
        Assert.Equal(0.0, ExactMath.Exp(-746.0));
        Assert.Equal(0.0, ExactMath.Exp(double.NegativeInfinity));
        Assert.Equal(double.NegativeInfinity, ExactMath.Log(0.0));
        Assert.Equal(double.PositiveInfinity, ExactMath.Log(double.PositiveInfinity));
        Assert.Equal(double.PositiveInfinity, ExactMath.Pow(10.0, 400));
        Assert.Equal(0.0, ExactMath.Pow(10.0, -400));
        Assert.Equal(0.0, ExactMath.Pow(10.0, int.MinValue));
        Assert.Equal(double.PositiveInfinity, ExactMath.Pow(10.0, 400.0));
        Assert.Equal(0.0, ExactMath.Pow(10.0, -400.0));
        Assert.Equal(1.0, ExactMath.Pow(10.0, 0.0));
        Assert.All(
            new[] { double.NaN, -1.0 }.Select(ExactMath.Log)
                .Append(ExactMath.Exp(double.NaN)).Append(ExactMath.Sin(double.NaN)).Append(ExactMath.Cos(double.NaN)),
            value => Assert.True(double.IsNaN(value)));
        Assert.Throws<ArgumentOutOfRangeException>(() => ExactMath.Sin(1.1e6));
        Assert.Throws<ArgumentOutOfRangeException>(() => ExactMath.Cos(double.NegativeInfinity));
        Assert.Throws<ArgumentOutOfRangeException>(() => ExactMath.Pow(-1.0, 0.5));
        Assert.Throws<ArgumentOutOfRangeException>(() => ExactMath.Pow(2.0, double.NaN));
    }

    [Fact]
    public void The_bits_are_the_same_everywhere()
    {
        // A hash of many results; the number was the same with all hardware intrinsics switched off.
        var hash = 0UL;
        foreach (var function in s_functions)
        {
            for (var i = 0; i < 1000; i++)
            {
                var value = function.Exact(function.Low + ((function.High - function.Low) * s_stream.Uniform((ulong)i)));
                hash = unchecked((hash ^ BitConverter.DoubleToUInt64Bits(value)) * 0x9E3779B97F4A7C15);
            }
        }

        Assert.Equal(6278892101245792794UL, hash);
    }
}
