using System.Diagnostics;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Products;
using ClusterTrain.Numerics.Threading;

namespace ClusterTrain.Numerics.Benchmark;

/// <summary>
/// Measures the products of a dense layer, also with inputs that are mostly zero, against the core's own multiply-add peak. Clocks drift and
/// machines are shared, so peak and products take turns within one run, and the best turn of each is compared.
/// </summary>
public static class KernelBenchmark
{
    private const int PeakIterations = 20_000;
    private const int ChainsPerIteration = 12;

    // The products of MNIST-shaped networks: the wide layer, its gradients with the usual leaves, and the narrow ones; finally, with inputs as
    // sparse as MNIST's, where only what is not zero counts as work.
    private static readonly Case[] s_cases =
    [
        new(Product.Forward, 128, 784, 512, 0),
        new(Product.InputGradient, 128, 784, 512, 0),
        new(Product.WeightGradient, 128, 784, 512, 128),
        new(Product.WeightGradient, 128, 784, 512, 32),
        new(Product.WeightGradient, 128, 784, 512, 16),
        new(Product.WeightGradient, 512, 784, 512, 512),
        new(Product.WeightGradient, 512, 784, 512, 32),
        new(Product.WeightGradient, 512, 784, 512, 16),
        new(Product.Forward, 128, 500, 500, 0),
        new(Product.InputGradient, 128, 500, 500, 0),
        new(Product.WeightGradient, 128, 500, 500, 16),
        new(Product.Forward, 16, 784, 512, 0),
        new(Product.Forward, 1, 784, 512, 0),
        new(Product.Forward, 128, 1024, 1024, 0),
        new(Product.InputGradient, 128, 1024, 1024, 0),
        new(Product.WeightGradient, 128, 1024, 1024, 16),
        new(Product.Forward, 128, 784, 10, 0),
        new(Product.WeightGradient, 128, 784, 10, 128),
        new(Product.WeightGradient, 128, 784, 10, 16),
        new(Product.Forward, 128, 10, 10, 0),
        new(Product.InputGradient, 128, 10, 10, 0),
        new(Product.WeightGradient, 128, 10, 10, 16),
        new(Product.InputGradient, 128, 500, 10, 0),
        new(Product.WeightGradient, 128, 500, 10, 16),
        new(Product.Forward, 128, 784, 512, 0, IsSparse: true),
        new(Product.WeightGradient, 128, 784, 512, 16, IsSparse: true),
        new(Product.Forward, 128, 784, 10, 0, IsSparse: true),
        new(Product.WeightGradient, 128, 784, 10, 16, IsSparse: true),
    ];

    private enum Product
    {
        Forward,
        InputGradient,
        WeightGradient,
    }

    /// <summary>Measures every shape.</summary>
    /// <param name="kernels">The implementation to measure.</param>
    /// <param name="threads">Threads that share each product, at least 1.</param>
    /// <param name="rounds">Turns of every shape, at least 1; 30 take a few seconds.</param>
    /// <returns>The peak of one core in GFLOP/s, and one measurement per shape.</returns>
    public static (double PeakGflopsPerSecond, IReadOnlyList<KernelMeasurement> Measurements) Run(
        Kernels kernels, int threads = 1, int rounds = 30)
    {
        ArgumentNullException.ThrowIfNull(kernels);
        ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 1);
        using var pool = new ComputePool(threads, "bench");
        using var products = new DenseProducts(kernels, pool);
        var peaks = new double[rounds];
        var seconds = s_cases.Select(_ => new double[rounds]).ToArray();
        var operands = s_cases.Select(c => new Operands(c)).ToArray();
        for (var i = 0; i < s_cases.Length; i++)
        {
            operands[i].Run(products);
        }

        for (var round = 0; round < rounds; round++)
        {
            peaks[round] = Peak(kernels);
            for (var i = 0; i < s_cases.Length; i++)
            {
                seconds[i][round] = operands[i].Time(products);
            }
        }

        var peak = peaks.Max();
        return (peak, [.. s_cases.Select((_, i) => Measure(i, threads, peak, seconds))]);
    }

    private static KernelMeasurement Measure(int index, int threads, double peak, double[][] seconds)
    {
        var one = s_cases[index];
        var best = seconds[index].Min();
        var median = seconds[index].Order().ElementAt(seconds[index].Length / 2);
        var single = Array.FindIndex(s_cases, c => c == one with { LeafRows = c.Rows });
        return new KernelMeasurement(
            one.Name,
            one.Shape,
            threads,
            one.Flops / best / 1e9,
            one.Flops / median / 1e9,
            100 * one.Flops / best / 1e9 / (peak * threads),
            best * 1e6,
            one.Product == Product.WeightGradient && single >= 0 && single != index
                ? 100 * ((best / seconds[single].Min()) - 1)
                : null);
    }

    // GFLOP/s of chains that never leave the registers.
    private static double Peak(Kernels kernels)
    {
        var start = Stopwatch.GetTimestamp();
        if (kernels.MultiplyAddChains(PeakIterations) is float.NaN)
        {
            throw new InvalidOperationException("x * 0.5 + 0.25 is not a number: this processor's multiply-add is broken.");
        }

        return 2.0 * PeakIterations * ChainsPerIteration * kernels.Width / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9;
    }

    private sealed record Case(Product Product, int Rows, int Inputs, int Outputs, int LeafRows, bool IsSparse = false)
    {
        // Pixels of an image in a row that are not black, where inputs are sparse.
        private const int InkWidth = 10;
        private const int ImageWidth = 28;

        public double Flops => 2.0 * Outputs * Enumerable.Range(0, Rows * Inputs).Count(index => !IsZero(index));

        public string Name => Product switch
        {
            Product.Forward when IsSparse => "forward, sparse",
            Product.WeightGradient when IsSparse => $"weight gradient, sparse, leaves of {LeafRows}",
            Product.Forward => "forward",
            Product.InputGradient => "input gradient",
            _ when LeafRows >= Rows => "weight gradient, 1 leaf",
            _ => $"weight gradient, leaves of {LeafRows}",
        };

        public string Shape => Product switch
        {
            Product.Forward => $"({Rows}x{Inputs})x({Inputs}x{Outputs})",
            Product.InputGradient => $"({Rows}x{Outputs})x({Outputs}x{Inputs})",
            _ => $"({Inputs}x{Rows})x({Rows}x{Outputs})",
        };

        /// <summary>True where an input is zero: all but a slanted stroke in the middle of the image that a row is.</summary>
        public bool IsZero(int index)
        {
            if (!IsSparse)
            {
                return false;
            }

            var (image, pixel) = Math.DivRem(index, Inputs);
            var (y, x) = Math.DivRem(pixel, ImageWidth);
            var start = 6 + ((image + y) % 8);
            return y is < 6 or >= 22 || x < start || x >= start + InkWidth;
        }
    }

    private sealed class Operands(Case shape)
    {
        private readonly float[] _input = [.. Values(shape.Rows * shape.Inputs).Select((value, index) => shape.IsZero(index) ? 0 : value)];
        private readonly float[] _weight = Values(shape.Inputs * shape.Outputs);
        private readonly float[] _bias = Values(shape.Outputs);
        private readonly float[] _output = Values(shape.Rows * shape.Outputs);

        // Short products are repeated until a turn takes about 50 microseconds: the clock's ticks and calls must not count.
        private readonly int _repeats = (int)Math.Max(1, 3e6 / shape.Flops);

        public double Time(DenseProducts products)
        {
            Run(products);
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < _repeats; i++)
            {
                Run(products);
            }

            return Stopwatch.GetElapsedTime(start).TotalSeconds / _repeats;
        }

        public void Run(DenseProducts products)
        {
            switch (shape.Product)
            {
                case Product.Forward:
                    products.Forward(_input, _weight, _bias, _output, shape.Rows, shape.Inputs, shape.Outputs);
                    break;
                case Product.InputGradient:
                    products.InputGradient(_output, _weight, _input, shape.Rows, shape.Inputs, shape.Outputs);
                    break;
                default:
                    products.WeightGradient(
                        _input, _output, _weight, _bias, shape.Rows, shape.Inputs, shape.Outputs, shape.LeafRows);
                    break;
            }
        }

        // Numbers of ordinary size, so that no denormal or infinite one changes the speed.
        private static float[] Values(int count)
        {
            var values = new float[count];
            for (var i = 0; i < count; i++)
            {
                values[i] = ((i * 7919 % 1009) - 504) / 1009f;
            }

            return values;
        }
    }
}
