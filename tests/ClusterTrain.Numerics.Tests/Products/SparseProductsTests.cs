using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Products;
using ClusterTrain.Numerics.Threading;

namespace ClusterTrain.Numerics.Tests;

public class SparseProductsTests
{
    public static TheoryData<SimdLevel> Levels => DenseProductsTests.Levels;

    /// <summary>Rows, inputs, outputs, rows of a leaf.</summary>
    public static TheoryData<string, int, int, int, int> Shapes => new()
    {
        { "one of everything", 1, 1, 1, 1 },
        { "one input, many leaves", 40, 1, 33, 4 },
        { "one row", 1, 200, 70, 16 },
        { "one vector wide", 37, 130, 10, 8 },
        { "just wide enough to skip in the weight gradient", 37, 130, 16, 8 },
        { "two vectors wide", 33, 150, 30, 16 },
        { "three vectors wide", 33, 150, 45, 16 },
        { "whole panels", 48, 96, 128, 16 },
        { "remainders in every direction", 61, 203, 151, 7 },
        { "more than a word of inputs", 20, 700, 40, 5 },
        { "wide enough to put like rows together", 103, 90, 300, 9 },
        { "leaves of more rows than a mask has bits", 150, 30, 40, 70 },
        { "a short last leaf that has fewer masks than the others", 150, 30, 40, 67 },
        { "a tree of 100", 100, 18, 37, 1 },
        { "a tree of 127", 253, 34, 40, 2 },
        { "one leaf", 64, 40, 40, 64 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Skipping_zeros_changes_no_bit_at_any_width_and_thread_count(
        string shapeClass, int rows, int inputs, int outputs, int leafRows)
    {
        for (var seed = 0; seed < 3; seed++)
        {
            var shape = new ProductCase(rows, inputs, outputs, seed: 1).WithZeros(seed + rows + inputs);
            foreach (var threads in new[] { 1, 2 })
            {
                using var pool = new ComputePool(threads);
                foreach (var kernels in Kernels.Supported)
                {
                    using var products = new DenseProducts(kernels, pool);
                    shape.AssertEqualsNaive(products, leafRows, $"{shapeClass}, seed {seed}, {kernels}, {threads} threads");
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Random_shapes_of_mostly_zeros_give_the_bits_of_the_naive_product(SimdLevel level)
    {
        const int Seed = 20_260;
        var random = new Random(Seed);
        using var pool = new ComputePool(1);
        using var products = new DenseProducts(Kernels.Get(level), pool);
        for (var i = 0; i < 80; i++)
        {
            var (rows, inputs, outputs) = (random.Next(1, 90), random.Next(1, 150), random.Next(1, 100));
            var leafRows = random.Next(1, rows + 3);
            new ProductCase(rows, inputs, outputs, Seed + i).WithZeros(Seed + i).AssertEqualsNaive(
                products, leafRows, $"seed {Seed}, shape {i}: rows {rows}, inputs {inputs}, outputs {outputs}, {level}");
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Zero_times_infinity_is_not_a_number_even_where_zeros_are_skipped(SimdLevel level)
    {
        using var pool = new ComputePool(2);
        using var products = new DenseProducts(Kernels.Get(level), pool);
        foreach (var special in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
        {
            foreach (var place in new[] { 0, 70, 149 })
            {
                var weight = new ProductCase(40, 100, 150, seed: 4).WithZeros(8);
                weight.Weight[(31 * 150) + place] = special;
                weight.AssertEqualsNaive(products, 8, $"{special} in weight (31, {place}), {level}");

                var gradient = new ProductCase(40, 100, 150, seed: 5).WithZeros(9);
                gradient.OutputGradient[(39 * 150) + place] = special;
                gradient.AssertEqualsNaive(products, 8, $"{special} in output gradient (39, {place}), {level}");

                var input = new ProductCase(40, 100, 150, seed: 6).WithZeros(10);
                input.Input[(39 * 100) + (place % 100)] = special;
                input.AssertEqualsNaive(products, 8, $"{special} in input (39, {place % 100}), {level}");
            }
        }
    }

    [Fact]
    public void No_result_is_negative_zero()
    {
        // The products underflow to -0, the bias is -0, and empty rows and columns leave the accumulators as they start.
        var (input, weight) = (new float[40 * 60], new float[60 * 50]);
        var (bias, gradient) = (new float[50], new float[40 * 50]);
        for (var row = 0; row < 40; row += 3)
        {
            input[(row * 60) + (row % 7)] = 1e-30f;
        }

        Array.Fill(weight, -1e-30f);
        Array.Fill(bias, -0f);
        Array.Fill(gradient, -1e-30f);
        var (output, weightGradient, biasGradient) = (new float[40 * 50], new float[60 * 50], new float[50]);
        using var pool = new ComputePool(1);
        foreach (var kernels in Kernels.Supported)
        {
            using var products = new DenseProducts(kernels, pool);
            foreach (var zeros in new[] { ZeroSkipping.Never, ZeroSkipping.Always })
            {
                products.Zeros = zeros;
                products.Forward(input, weight, bias, output, 40, 60, 50);
                products.WeightGradient(input, gradient, weightGradient, biasGradient, 40, 60, 50, 8);
                Assert.All(output, value => Assert.Equal(0, BitConverter.SingleToInt32Bits(value)));
                Assert.All(weightGradient, value => Assert.Equal(0, BitConverter.SingleToInt32Bits(value)));
            }
        }
    }

    [Fact]
    public void Subtrees_added_elsewhere_give_the_bits_of_the_whole_tree()
    {
        const int Rows = 56;
        const int LeafRows = 8;
        var shape = new ProductCase(Rows, 50, 40, seed: 2).WithZeros(3);
        var (whole, left, right) = (new float[50 * 40], new float[50 * 40], new float[50 * 40]);
        using var pool = new ComputePool(1);
        using var products = new DenseProducts(Kernels.Active, pool) { Zeros = ZeroSkipping.Always };
        products.WeightGradient(shape.Input, shape.OutputGradient, whole, [], Rows, 50, 40, LeafRows);

        // A tree over 7 leaves splits after the fourth.
        var split = 4 * LeafRows;
        products.WeightGradient(
            shape.Input[..(split * 50)], shape.OutputGradient[..(split * 40)], left, [], split, 50, 40, LeafRows);
        products.Zeros = ZeroSkipping.Never;
        products.WeightGradient(
            shape.Input[(split * 50)..], shape.OutputGradient[(split * 40)..], right, [], Rows - split, 50, 40, LeafRows);
        Kernels.Active.Add(left, right);

        Assert.Equal(whole.Select(BitConverter.SingleToInt32Bits), left.Select(BitConverter.SingleToInt32Bits));
    }

    [Fact]
    public void A_sparse_product_does_not_allocate_once_it_has_seen_its_shape()
    {
        using var pool = new ComputePool(2);
        using var products = new DenseProducts(Kernels.Active, pool) { Zeros = ZeroSkipping.Always };
        var shape = new ProductCase(128, 150, 140, seed: 6).WithZeros(1);
        var (output, inputGradient) = (new float[128 * 140], new float[128 * 150]);
        var (weightGradient, biasGradient) = (new float[150 * 140], new float[140]);
        using var meter = new AllocationMeter(pool);
        Assert.Equal(0, meter.LeastBytes(Step));

        void Step()
        {
            products.Forward(shape.Input, shape.Weight, shape.Bias, output, 128, 150, 140);
            products.InputGradient(shape.OutputGradient, shape.Weight, inputGradient, 128, 150, 140);
            products.WeightGradient(shape.Input, shape.OutputGradient, weightGradient, biasGradient, 128, 150, 140, 16);
        }
    }
}
