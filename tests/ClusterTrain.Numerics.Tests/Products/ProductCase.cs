using ClusterTrain.Numerics.Products;

namespace ClusterTrain.Numerics.Tests;

/// <summary>Operands of all three products for one shape, and the comparison bit for bit.</summary>
internal sealed class ProductCase
{
    // Spans start this many floats into their arrays, so that no row is aligned to anything.
    private const int Misalignment = 1;

    private readonly float[] _input;
    private readonly float[] _weight;
    private readonly float[] _bias;
    private readonly float[] _outputGradient;

    public ProductCase(int rows, int inputs, int outputs, int seed)
    {
        Rows = rows;
        Inputs = inputs;
        Outputs = outputs;
        var state = (uint)seed;
        _input = Values(rows * inputs, ref state);
        _weight = Values(inputs * outputs, ref state);
        _bias = Values(outputs, ref state);
        _outputGradient = Values(rows * outputs, ref state);
    }

    public int Rows { get; }

    public int Inputs { get; }

    public int Outputs { get; }

    public Span<float> Input => _input.AsSpan(Misalignment);

    public Span<float> Weight => _weight.AsSpan(Misalignment);

    public Span<float> Bias => _bias.AsSpan(Misalignment);

    public Span<float> OutputGradient => _outputGradient.AsSpan(Misalignment);

    public float[] NaiveForward(bool bias)
    {
        var output = new float[Rows * Outputs];
        NaiveProducts.Forward(Input, Weight, bias ? Bias : [], output, Rows, Inputs, Outputs);
        return output;
    }

    public float[] NaiveInputGradient()
    {
        var inputGradient = new float[Rows * Inputs];
        NaiveProducts.InputGradient(OutputGradient, Weight, inputGradient, Rows, Inputs, Outputs);
        return inputGradient;
    }

    public (float[] Weight, float[] Bias) NaiveWeightGradient(int leafRows)
    {
        var (weight, bias) = (new float[Inputs * Outputs], new float[Outputs]);
        NaiveProducts.WeightGradient(Input, OutputGradient, weight, bias, Rows, Inputs, Outputs, leafRows);
        return (weight, bias);
    }

    /// <summary>
    /// Empties most of the input and of the output gradient, so that products can skip: whole columns, whole rows, runs as in pictures
    /// and single values become zeros of either sign. What is left, and the other operands, is made of numbers that cancel, underflow
    /// to zero or are denormal.
    /// </summary>
    public ProductCase WithZeros(int seed)
    {
        var random = new Random(seed);
        FillWithZeros(Input, Inputs, random);
        foreach (ref var value in Weight)
        {
            value = Awkward(random);
        }

        foreach (ref var value in Bias)
        {
            value = Awkward(random);
        }

        FillWithZeros(OutputGradient, Outputs, random);
        return this;
    }

    /// <summary>
    /// Runs the three products, with and without skipping zeros, and compares every float with the naive ones; nothing around the
    /// results may change.
    /// </summary>
    public void AssertEqualsNaive(DenseProducts products, int leafRows, string context)
    {
        var (expectedInput, (expectedWeight, expectedBias)) = (NaiveInputGradient(), NaiveWeightGradient(leafRows));
        foreach (var bias in new[] { true, false })
        {
            var expectedOutput = NaiveForward(bias);
            foreach (var zeros in new[] { ZeroSkipping.Never, ZeroSkipping.Always })
            {
                products.Zeros = zeros;
                var told = $"{context}, {(bias ? "with" : "without")} bias, zeros skipped: {zeros}";
                var output = new Guarded(Rows * Outputs);
                products.Forward(Input, Weight, bias ? Bias : [], output.Span, Rows, Inputs, Outputs);
                output.AssertBits(expectedOutput, $"{told}: forward");

                var weightGradient = new Guarded(Inputs * Outputs);
                var biasGradient = new Guarded(Outputs);
                products.WeightGradient(
                    Input, OutputGradient, weightGradient.Span, bias ? biasGradient.Span : [], Rows, Inputs, Outputs, leafRows);
                weightGradient.AssertBits(expectedWeight, $"{told}: weight gradient, leaves of {leafRows}");
                if (bias)
                {
                    biasGradient.AssertBits(expectedBias, $"{told}: bias gradient, leaves of {leafRows}");
                }

                // In two parts, the last first, the way a worker sends them.
                var half = Inputs / 2;
                var parts = new Guarded(Inputs * Outputs);
                products.PartialWeightGradient(Input, OutputGradient, parts.Span, [], Rows, Inputs, Outputs, leafRows, half, Inputs - half);
                if (half > 0)
                {
                    products.PartialWeightGradient(Input, OutputGradient, parts.Span, [], Rows, Inputs, Outputs, leafRows, 0, half);
                }

                parts.AssertBits(expectedWeight, $"{told}: weight gradient in two parts, leaves of {leafRows}");
            }
        }

        foreach (var zeros in new[] { ZeroSkipping.Never, ZeroSkipping.Always })
        {
            products.Zeros = zeros;
            var inputGradient = new Guarded(Rows * Inputs);
            products.InputGradient(OutputGradient, Weight, inputGradient.Span, Rows, Inputs, Outputs);
            inputGradient.AssertBits(expectedInput, $"{context}, zeros skipped: {zeros}: input gradient");
        }
    }

    private static void FillWithZeros(Span<float> values, int columns, Random random)
    {
        var emptyColumns = random.Next(2) * random.NextDouble();
        var run = random.Next(1, 9);
        var density = 0.02 + (random.NextDouble() * 0.5);
        var isEmpty = Enumerable.Range(0, columns).Select(_ => random.NextDouble() < emptyColumns).ToArray();
        for (var start = 0; start < values.Length; start += columns)
        {
            var emptyRow = random.Next(6) == 0;
            var zero = true;
            for (var i = 0; i < columns; i++)
            {
                if (i % run == 0)
                {
                    zero = random.NextDouble() > density;
                }

                values[start + i] = zero || emptyRow || isEmpty[i] ? Zero(random) : Awkward(random);
            }
        }
    }

    private static float Zero(Random random) => random.Next(3) == 0 ? -0f : 0f;

    private static float Awkward(Random random) => random.Next(10) switch
    {
        0 => Zero(random),
        1 => float.Epsilon * random.Next(-3, 4),
        2 => 1e-30f * random.Next(-3, 4),
        < 7 => random.Next(-2, 3),
        _ => (random.NextSingle() * 2) - 1,
    };

    private static float[] Values(int count, ref uint state)
    {
        var values = new float[count + Misalignment];
        for (var i = 0; i < values.Length; i++)
        {
            // xorshift32 (Marsaglia 2003); a quarter of the values are zero, of either sign, as after a ReLU.
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            values[i] = (state & 3) == 0 ? ((state & 4) == 0 ? 0f : -0f) : ((int)state / 2147483648f);
        }

        return values;
    }

    // A result between two marks, at an odd place in memory.
    private sealed class Guarded
    {
        private const float Mark = 1234.5f;
        private const int Before = 3;
        private const int After = 40;
        private readonly float[] _values;

        public Guarded(int count)
        {
            _values = new float[Before + count + After];
            Array.Fill(_values, Mark);
        }

        public Span<float> Span => _values.AsSpan(Before, _values.Length - Before - After);

        public void AssertBits(float[] expected, string context)
        {
            for (var i = 0; i < expected.Length; i++)
            {
                var actual = Span[i];
                var same = float.IsNaN(expected[i])
                    ? float.IsNaN(actual)
                    : BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual);
                Assert.True(same, $"{context}: element {i} is {actual:R}, the naive product gives {expected[i]:R}");
            }

            Assert.All(_values[..Before], mark => Assert.Equal(Mark, mark));
            Assert.All(_values[^After..], mark => Assert.Equal(Mark, mark));
        }
    }
}
