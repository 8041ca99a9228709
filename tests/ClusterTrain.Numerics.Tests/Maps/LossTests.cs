using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Maps;

namespace ClusterTrain.Numerics.Tests;

public class LossTests
{
    private delegate void LossKernel(
        Kernels kernels, ReadOnlySpan<float> y, ReadOnlySpan<float> t, Span<float> dy, Span<float> loss, int rows, int outputs);

    // name, kernel, double reference of one row, whether the inputs are probabilities
    private static readonly (string Name, LossKernel Run, Func<double[], double[], double> Reference, bool Probabilities)[] s_losses =
    [
        ("softmax", (k, y, t, dy, loss, rows, n) => k.SoftmaxCrossEntropy(y, t, dy, loss, rows, n), SoftmaxReference, false),
        ("sigmoid", (k, y, t, dy, loss, rows, n) => k.SigmoidCrossEntropy(y, t, dy, loss, rows, n), SigmoidReference, false),
        ("squared", (k, y, t, dy, loss, rows, n) => k.SquaredError(y, t, dy, loss, rows, n, 0.3f),
            (y, t) => y.Zip(t, (a, b) => (double)0.3f * (a - b) * (a - b)).Sum(), false),
        ("categorical", (k, y, t, dy, loss, rows, n) => k.CategoricalCrossEntropy(y, t, dy, loss, rows, n),
            (p, t) => p.Zip(t, (a, b) => -b * Math.Log(a)).Sum(), true),
        ("binary", (k, y, t, dy, loss, rows, n) => k.BinaryCrossEntropy(y, t, dy, loss, rows, n),
            (p, t) => p.Zip(t, (a, b) => -(b * Math.Log(a)) - ((1 - b) * Math.Log(1 - a))).Sum(), true),
    ];

    public static TheoryData<SimdLevel> Levels => MapTable.Levels;

    [Theory]
    [MemberData(nameof(Levels))]
    public void Every_level_gives_the_scalar_bits_for_every_width(SimdLevel level)
    {
        var kernels = Kernels.Get(level);
        var scalar = Kernels.Get(SimdLevel.Scalar);
        foreach (var outputs in Enumerable.Range(1, 50).Append(1000))
        {
            foreach (var rows in new[] { 0, 1, 3, 16, 37 })
            {
                var (y, t) = (MapTable.Normal(rows * outputs, "y", 3f), MapTable.Normal(rows * outputs, "t"));
                var (expected, actual) = (new float[y.Length], new float[y.Length]);
                var (expectedLoss, actualLoss) = (new float[rows], new float[rows]);
                foreach (var loss in s_losses)
                {
                    loss.Run(scalar, y, t, expected, expectedLoss, rows, outputs);
                    loss.Run(kernels, y, t, actual, actualLoss, rows, outputs);
                    MapTable.AssertSameBits(expected, actual, $"gradient of {loss.Name}, {rows} rows of {outputs}");
                    MapTable.AssertSameBits(expectedLoss, actualLoss, $"{loss.Name}, {rows} rows of {outputs}");
                    y.CopyTo(actual, 0);
                    loss.Run(kernels, actual, t, actual, actualLoss, rows, outputs);
                    MapTable.AssertSameBits(expected, actual, $"gradient of {loss.Name} in place");
                    MapTable.AssertSameBits(expectedLoss, actualLoss, $"{loss.Name} in place");
                }

                scalar.Softmax(y, expected, rows, outputs);
                kernels.Softmax(y, actual, rows, outputs);
                MapTable.AssertSameBits(expected, actual, "softmax");
                scalar.SoftmaxBackward(t, expected, expected, rows, outputs);
                kernels.SoftmaxBackward(t, actual, actual, rows, outputs);
                MapTable.AssertSameBits(expected, actual, "softmax backward");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Every_level_gives_the_scalar_bits_for_extreme_values(SimdLevel level)
    {
        foreach (var outputs in new[] { 1, 5, 10, 33 })
        {
            var rows = 40;
            var (y, t) = (MapTable.Mixed(rows * outputs, "y"), MapTable.Mixed(rows * outputs, "t"));
            var (expected, actual) = (new float[y.Length], new float[y.Length]);
            var (expectedLoss, actualLoss) = (new float[rows], new float[rows]);
            foreach (var loss in s_losses)
            {
                loss.Run(Kernels.Get(SimdLevel.Scalar), y, t, expected, expectedLoss, rows, outputs);
                loss.Run(Kernels.Get(level), y, t, actual, actualLoss, rows, outputs);
                MapTable.AssertSameBits(expected, actual, $"gradient of {loss.Name}");
                MapTable.AssertSameBits(expectedLoss, actualLoss, loss.Name);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(10)]
    [InlineData(50)]
    public void Losses_and_gradients_agree_with_double_and_finite_differences(int outputs)
    {
        const int Rows = 20;
        var length = Rows * outputs;
        var targets = MapTable.Normal(length, "t").Select(value => 1f / (1f + MathF.Exp(-value))).ToArray();
        foreach (var loss in s_losses)
        {
            var y = MapTable.Normal(length, "y", 2f);
            if (loss.Probabilities)
            {
                Kernels.Active.Map(default(SigmoidForward), y, y);
            }

            var (gradient, rowLoss) = (new float[length], new float[Rows]);
            loss.Run(Kernels.Active, y, targets, gradient, rowLoss, Rows, outputs);
            for (var row = 0; row < Rows; row++)
            {
                var exact = y[(row * outputs)..((row + 1) * outputs)].Select(value => (double)value).ToArray();
                var target = targets[(row * outputs)..((row + 1) * outputs)].Select(value => (double)value).ToArray();
                var value = loss.Reference(exact, target);
                Assert.True(
                    Math.Abs(value - rowLoss[row]) <= 2e-6 * Math.Max(1, Math.Abs(value)), $"{loss.Name}: {rowLoss[row]}, not {value}");
                for (var column = 0; column < outputs; column++)
                {
                    var at = exact[column];
                    exact[column] = at + 1e-6;
                    var above = loss.Reference(exact, target);
                    exact[column] = at - 1e-6;
                    var slope = (above - loss.Reference(exact, target)) / 2e-6;
                    exact[column] = at;
                    var actual = gradient[(row * outputs) + column];
                    Assert.True(
                        Math.Abs(slope - actual) <= 1e-5 * Math.Max(1, Math.Abs(slope)),
                        $"gradient of {loss.Name} in row {row}, column {column}: {actual}, not {slope}");
                }
            }
        }
    }

    [Fact]
    public void Softmax_backward_agrees_with_finite_differences()
    {
        const int Outputs = 7;
        var z = MapTable.Normal(Outputs, "z", 2f);
        var dp = MapTable.Normal(Outputs, "dp");
        var (p, dz) = (new float[Outputs], new float[Outputs]);
        Kernels.Active.Softmax(z, p, 1, Outputs);
        Kernels.Active.SoftmaxBackward(dp, p, dz, 1, Outputs);
        var exact = z.Select(value => (double)value).ToArray();
        Assert.All(p.Zip(Probabilities(exact)), pair => Assert.Equal(pair.Second, pair.First, 1e-6));
        Assert.Equal(1.0, p.Sum(value => (double)value), 1e-6);
        for (var i = 0; i < Outputs; i++)
        {
            var at = exact[i];
            exact[i] = at + 1e-6;
            var above = Probabilities(exact).Zip(dp, (a, b) => a * b).Sum();
            exact[i] = at - 1e-6;
            var below = Probabilities(exact).Zip(dp, (a, b) => a * b).Sum();
            exact[i] = at;
            Assert.Equal((above - below) / 2e-6, dz[i], 1e-6);
        }
    }

    [Fact]
    public void Huge_logits_neither_overflow_nor_lose_the_loss()
    {
        float[] z = [1000f, 0f, -1000f, -1000f, 0f, 1000f];
        float[] t = [1f, 0f, 0f, 1f, 0f, 0f];
        var (gradient, loss) = (new float[6], new float[2]);
        Kernels.Active.SoftmaxCrossEntropy(z, t, gradient, loss, 2, 3);
        Assert.Equal([0f, 2000f], loss);
        Assert.Equal([0f, 0f, 0f, -1f, 0f, 1f], gradient);

        Kernels.Active.SigmoidCrossEntropy(z, t, gradient, loss, 2, 3);
        Assert.Equal(MathF.Log(2f), loss[0], 1e-6f);
        Assert.Equal(2000f + MathF.Log(2f), loss[1], 1e-3f);
        Assert.Equal([0f, 0.5f, 0f, -1f, 0.5f, 1f], gradient);
    }

    [Fact]
    public void An_unlikely_output_without_target_costs_nothing_even_at_minus_infinity()
    {
        float[] z = [0f, float.NegativeInfinity, 0f];
        var (gradient, loss) = (new float[3], new float[1]);
        Kernels.Active.SoftmaxCrossEntropy(z, [1f, 0f, 0f], gradient, loss, 1, 3);
        Assert.Equal(MathF.Log(2f), loss[0], 1e-6f);
        Assert.Equal([-0.5f, 0f, 0.5f], gradient);
    }

    [Fact]
    public void A_small_loss_is_not_rounded_away()
    {
        var (gradient, loss) = (new float[1], new float[1]);
        Kernels.Active.SigmoidCrossEntropy([20f], [1f], gradient, loss, 1, 1);
        Assert.Equal(Math.Log(1 + Math.Exp(-20)), loss[0], 1e-15);
    }

    [Fact]
    public void A_nan_reaches_the_loss_and_only_its_own_row()
    {
        foreach (var loss in s_losses)
        {
            var y = Enumerable.Repeat(0.5f, 36).ToArray();
            var t = Enumerable.Repeat(0.25f, 36).ToArray();
            y[14] = float.NaN;
            var (gradient, rowLoss) = (new float[36], new float[3]);
            loss.Run(Kernels.Active, y, t, gradient, rowLoss, 3, 12);
            Assert.Equal([false, true, false], rowLoss.Select(float.IsNaN));
            Assert.True(float.IsNaN(gradient[14]), loss.Name);
        }
    }

    [Fact]
    public void Certain_and_wrong_probabilities_have_a_finite_loss_and_gradient()
    {
        var (gradient, loss) = (new float[2], new float[1]);
        Kernels.Active.CategoricalCrossEntropy([0f, 1f], [1f, 0f], gradient, loss, 1, 2);
        Assert.Equal(-Math.Log(1e-7), loss[0], 1e-5);
        Assert.Equal(-1e7f, gradient[0], 1f);
        Kernels.Active.BinaryCrossEntropy([0f, 1f], [1f, 0f], gradient, loss, 1, 2);
        Assert.InRange(loss[0], 31f, 33f);
        Assert.True(Kernels.Active.AllFinite(gradient));
    }

    [Fact]
    public void Shapes_and_overlaps_that_do_not_fit_are_refused()
    {
        foreach (var loss in s_losses)
        {
            Assert.Throws<ArgumentException>(() => Run(new float[5], new float[6], new float[6], new float[2], 2, 3));
            Assert.Throws<ArgumentException>(() => Run(new float[6], new float[5], new float[6], new float[2], 2, 3));
            Assert.Throws<ArgumentException>(() => Run(new float[6], new float[6], new float[5], new float[2], 2, 3));
            Assert.Throws<ArgumentException>(() => Run(new float[6], new float[6], new float[6], new float[1], 2, 3));
            Assert.Throws<ArgumentOutOfRangeException>(() => Run([], [], [], new float[2], 2, 0));
            Assert.Throws<ArgumentOutOfRangeException>(() => Run([], [], [], [], -1, 3));
            var memory = new float[12];
            Assert.Throws<ArgumentException>(() => Run(new float[6], memory[..6], new float[6], new float[2], 2, 4));
            Assert.Throws<ArgumentException>(
                () => loss.Run(Kernels.Active, new float[6], memory.AsSpan(0, 6), memory.AsSpan(0, 6), new float[2], 2, 3));
            Assert.Throws<ArgumentException>(
                () => loss.Run(Kernels.Active, memory.AsSpan(1, 6), new float[6], memory.AsSpan(0, 6), new float[2], 2, 3));

            void Run(float[] y, float[] t, float[] dy, float[] rowLoss, int rows, int outputs) =>
                loss.Run(Kernels.Active, y, t, dy, rowLoss, rows, outputs);
        }
    }

    private static double[] Probabilities(double[] z)
    {
        var powers = z.Select(value => Math.Exp(value - z.Max())).ToArray();
        return [.. powers.Select(power => power / powers.Sum())];
    }

    private static double SoftmaxReference(double[] z, double[] t) =>
        Probabilities(z).Zip(t, (p, target) => -target * Math.Log(p)).Sum();

    private static double SigmoidReference(double[] z, double[] t) =>
        z.Zip(t, (value, target) => (target * Math.Log(1 + Math.Exp(-value))) + ((1 - target) * Math.Log(1 + Math.Exp(value)))).Sum();
}
