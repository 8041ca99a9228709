using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Products;
using ClusterTrain.Numerics.Threading;

namespace ClusterTrain.Numerics.Tests;

public class DenseProductsTests
{
    /// <summary>Rows, inputs, outputs, rows of a leaf; each line is a class of shapes.</summary>
    public static TheoryData<string, int, int, int, int> Shapes => new()
    {
        { "one of everything", 1, 1, 1, 1 },
        { "one row", 1, 67, 45, 16 },
        { "one row, longer than a block", 1, 401, 33, 16 },
        { "one input", 19, 1, 40, 4 },
        { "one output", 37, 50, 1, 8 },
        { "odd sizes", 7, 13, 11, 3 },
        { "narrower than any vector", 5, 3, 3, 2 },
        { "exact tiles", 24, 48, 64, 8 },
        { "remainders in every direction", 29, 49, 61, 5 },
        { "one vector and one panel beyond", 13, 33, 17, 4 },
        { "wide", 12, 20, 700, 4 },
        { "tall", 300, 20, 12, 16 },
        { "deep: several blocks of the inner index", 14, 777, 35, 7 },
        { "deep the other way", 14, 35, 777, 7 },
        { "power-of-two strides", 32, 256, 256, 16 },
        { "fewer rows than a leaf", 9, 30, 30, 16 },
        { "exactly one leaf", 16, 30, 30, 16 },
        { "a short last leaf", 35, 30, 30, 16 },
        { "many leaves: a tree of 100", 100, 18, 37, 1 },
        { "many leaves: a tree of 127", 253, 34, 10, 2 },
        { "narrow outputs", 128, 100, 10, 16 },
        { "narrow both ways", 128, 10, 10, 16 },
        { "tall, in whole panels", 300, 40, 64, 16 },
        { "rows a page apart", 30, 1024, 100, 8 },
        { "rows a page apart the other way", 70, 100, 1024, 8 },
        { "a chunk of rows beyond the cache", 1500, 200, 9, 64 },
    };

    public static TheoryData<SimdLevel> Levels
    {
        get
        {
            var levels = new TheoryData<SimdLevel>();
            foreach (var kernels in Kernels.Supported)
            {
                levels.Add(kernels.Level);
            }

            return levels;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_width_and_thread_count_gives_the_bits_of_the_naive_product(
        string shapeClass, int rows, int inputs, int outputs, int leafRows)
    {
        var shape = new ProductCase(rows, inputs, outputs, seed: 1 + rows + inputs + outputs);
        foreach (var threads in new[] { 1, 2, 3 })
        {
            using var pool = new ComputePool(threads);
            foreach (var kernels in Kernels.Supported)
            {
                using var products = new DenseProducts(kernels, pool);
                shape.AssertEqualsNaive(products, leafRows, $"{shapeClass}, {kernels}, {threads} threads");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Random_shapes_give_the_bits_of_the_naive_product(SimdLevel level)
    {
        const int Seed = 20_260;
        var random = new Random(Seed);
        using var pool = new ComputePool(2);

        // One object for all shapes: scratch memory holds what the shape before left there.
        using var products = new DenseProducts(Kernels.Get(level), pool);
        for (var i = 0; i < 60; i++)
        {
            var (rows, inputs, outputs) = (random.Next(1, 70), random.Next(1, 90), random.Next(1, 90));
            var leafRows = random.Next(1, rows + 3);
            new ProductCase(rows, inputs, outputs, Seed + i).AssertEqualsNaive(
                products, leafRows, $"seed {Seed}, shape {i}: rows {rows}, inputs {inputs}, outputs {outputs}, {level}");
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Not_a_number_and_infinity_reach_exactly_the_outputs_they_belong_to(SimdLevel level)
    {
        using var pool = new ComputePool(1);
        using var products = new DenseProducts(Kernels.Get(level), pool);
        foreach (var special in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.Epsilon })
        {
            foreach (var (rows, inputs, outputs) in new[] { (5, 7, 3), (26, 21, 35), (40, 33, 10) })
            {
                var input = new ProductCase(rows, inputs, outputs, seed: 3);
                input.Input[^1] = special;
                input.AssertEqualsNaive(products, 4, $"{special} in the last input, {level}");

                var weight = new ProductCase(rows, inputs, outputs, seed: 4);
                weight.Weight[outputs / 2] = special;
                weight.Weight[^1] = special;
                weight.AssertEqualsNaive(products, 4, $"{special} in two weights, {level}");

                var gradient = new ProductCase(rows, inputs, outputs, seed: 5);
                gradient.OutputGradient[0] = special;
                gradient.Bias[0] = special;
                gradient.AssertEqualsNaive(products, 4, $"{special} in the first output gradient and bias, {level}");
            }
        }
    }

    [Fact]
    public void A_product_does_not_allocate_once_it_has_seen_its_shape()
    {
        using var pool = new ComputePool(2);
        using var products = new DenseProducts(Kernels.Active, pool);
        var shape = new ProductCase(128, 150, 140, seed: 6);
        var output = new float[128 * 140];
        var inputGradient = new float[128 * 150];
        var weightGradient = new float[150 * 140];
        var biasGradient = new float[140];

        void Step()
        {
            products.Forward(shape.Input, shape.Weight, shape.Bias, output, 128, 150, 140);
            products.InputGradient(shape.OutputGradient, shape.Weight, inputGradient, 128, 150, 140);
            products.WeightGradient(shape.Input, shape.OutputGradient, weightGradient, biasGradient, 128, 150, 140, 16);
        }

        using var meter = new AllocationMeter(pool);
        Assert.Equal(0, meter.LeastBytes(Step));
    }

    [Theory]
    [InlineData(0, 2, 3, "rows")]
    [InlineData(4, 0, 3, "inputs")]
    [InlineData(4, 2, 0, "outputs")]
    [InlineData(-1, 2, 3, "rows")]
    public void A_zero_size_is_an_error_that_names_the_size_and_the_shape(int rows, int inputs, int outputs, string name)
    {
        using var pool = new ComputePool(1);
        using var products = new DenseProducts(Kernels.Active, pool);
        var none = Array.Empty<float>();
        Action[] calls =
        [
            () => products.Forward(none, none, none, none, rows, inputs, outputs),
            () => products.InputGradient(none, none, none, rows, inputs, outputs),
            () => products.WeightGradient(none, none, none, none, rows, inputs, outputs, 1),
            () => NaiveProducts.Forward(none, none, none, none, rows, inputs, outputs),
        ];
        foreach (var call in calls)
        {
            var error = Assert.Throws<ArgumentOutOfRangeException>(call);
            Assert.Equal(name, error.ParamName);
            Assert.Contains($"rows {rows}, inputs {inputs}, outputs {outputs}", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_span_of_the_wrong_length_is_an_error_that_names_it_and_its_shape()
    {
        using var pool = new ComputePool(1);
        using var products = new DenseProducts(Kernels.Active, pool);
        float[] x = new float[8], w = new float[6], b = new float[3], y = new float[12], odd = new float[7];
        (string Name, Action Call)[] calls =
        [
            ("input", () => products.Forward(odd, w, b, y, 4, 2, 3)),
            ("weight", () => products.Forward(x, odd, b, y, 4, 2, 3)),
            ("bias", () => products.Forward(x, w, odd, y, 4, 2, 3)),
            ("output", () => products.Forward(x, w, b, odd, 4, 2, 3)),
            ("outputGradient", () => products.InputGradient(odd, w, x, 4, 2, 3)),
            ("weight", () => products.InputGradient(y, odd, x, 4, 2, 3)),
            ("inputGradient", () => products.InputGradient(y, w, odd, 4, 2, 3)),
            ("input", () => products.WeightGradient(odd, y, w, b, 4, 2, 3, 2)),
            ("outputGradient", () => products.WeightGradient(x, odd, w, b, 4, 2, 3, 2)),
            ("weightGradient", () => products.WeightGradient(x, y, odd, b, 4, 2, 3, 2)),
            ("biasGradient", () => products.WeightGradient(x, y, w, odd, 4, 2, 3, 2)),
        ];
        foreach (var (name, call) in calls)
        {
            var error = Assert.Throws<ArgumentException>(call);
            Assert.Equal(name, error.ParamName);
            Assert.Contains("its length is 7", error.Message, StringComparison.Ordinal);
        }

        Assert.Throws<ArgumentOutOfRangeException>("leafRows", () => products.WeightGradient(x, y, w, b, 4, 2, 3, 0));
    }

    [Fact]
    public void An_output_that_overlaps_an_operand_is_an_error()
    {
        using var pool = new ComputePool(1);
        using var products = new DenseProducts(Kernels.Active, pool);
        var both = new float[9];
        var error = Assert.Throws<ArgumentException>(
            () => products.Forward(both.AsSpan(0, 6), new float[6], [], both.AsSpan(5, 4), 2, 3, 2));
        Assert.Contains("output must not overlap input", error.Message, StringComparison.Ordinal);
    }
}
