using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Products;

namespace ClusterTrain.Numerics.Tests;

public unsafe class SparsePlanTests
{
    private const int Rows = 40;
    private const int Columns = 150;
    private const double MaximumDensity = 0.6;

    public static TheoryData<SimdLevel> Levels => DenseProductsTests.Levels;

    [Theory]
    [MemberData(nameof(Levels))]
    public void The_tiles_of_a_forward_product_visit_the_inputs_that_are_not_zero_in_their_rows(SimdLevel level)
    {
        using var plan = new SparsePlan();
        var values = Sparse();
        fixed (float* a = values)
        {
            Assert.True(plan.TryBuild(Forward(a), Kernels.Get(level), MaximumDensity));
        }

        Assert.Equal(Enumerable.Range(0, Rows), AllRows(plan));
        for (var tile = 0; tile < plan.Tiles; tile++)
        {
            var expected = Enumerable.Range(0, Columns)
                .Where(k => plan.Rows(tile).ToArray().Any(row => values[(row * Columns) + k] != 0));
            Assert.Equal(expected, Steps(plan, tile));
        }

        Assert.Equal(Enumerable.Range(0, Columns), Steps(plan, plan.Tiles));
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void The_tiles_of_a_weight_gradient_visit_the_rows_that_are_not_zero_in_their_inputs(SimdLevel level)
    {
        using var plan = new SparsePlan();
        var values = Sparse();
        foreach (var leafRows in new[] { 1, 7, 16, 33, Rows })
        {
            fixed (float* a = values)
            {
                Assert.True(plan.TryBuild(WeightGradient(a, leafRows), Kernels.Get(level), MaximumDensity));
            }

            Assert.Equal(Enumerable.Range(0, Columns), AllRows(plan));
            for (var tile = 0; tile < plan.Tiles; tile++)
            {
                var expected = Enumerable.Range(0, Rows)
                    .Where(row => plan.Rows(tile).ToArray().Any(i => values[(row * Columns) + i] != 0));
                Assert.Equal(expected, Steps(plan, tile));
            }

            Assert.Equal(Enumerable.Range(0, Rows), Steps(plan, plan.Tiles));
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Rows_that_are_zero_in_the_same_inputs_share_tiles_of_a_wide_product(SimdLevel level)
    {
        // Row r holds only inputs that are r modulo 5: tiles of rows that follow each other would visit up to four of five inputs.
        var values = Enumerable.Range(0, Rows * Columns).Select(i => i / Columns % 5 == i % Columns % 5 ? 1f : 0f).ToArray();
        var kernels = Kernels.Get(level);
        using var plan = new SparsePlan();
        fixed (float* a = values)
        {
            Assert.True(plan.TryBuild(Forward(a) with { N = 2000 }, kernels, 1));
        }

        Assert.Equal(Enumerable.Range(0, Rows), AllRows(plan).Order());
        for (var tile = 0; tile < plan.Tiles; tile++)
        {
            var kinds = plan.Rows(tile).ToArray().Select(row => row % 5).Distinct();
            Assert.Equal(Enumerable.Range(0, Columns).Where(k => kinds.Contains(k % 5)), Steps(plan, tile));
        }

        // 8 rows of each kind: tiles of three cannot all be of one kind.
        Assert.InRange(plan.Density, 0.2, 0.3);
    }

    [Fact]
    public void Leaves_without_steps_drop_out_of_the_tree()
    {
        // 40 rows in leaves of 5: of the tree ((01)(23))((45)(67)) the leaves 1, 4, 5 and 7 are left, (1)((45)(7)).
        using var plan = new SparsePlan();
        var values = new float[Rows * Columns];
        foreach (var leaf in new[] { 1, 4, 5, 7 })
        {
            values[5 * leaf * Columns] = 1;
        }

        fixed (float* a = values)
        {
            Assert.True(plan.TryBuild(WeightGradient(a, 5), Kernels.Active, MaximumDensity));
        }

        Assert.Equal(
            [(5, 0, true), (20, 0, true), (25, 1, true), (35, 2, false)],
            plan.Words(0).ToArray().Select(word => (word.First, (int)word.Merges, word.Waits)));
        Assert.Empty(plan.Words(1).ToArray());
    }

    [Fact]
    public void Input_without_zeros_is_not_worth_a_plan()
    {
        using var plan = new SparsePlan();
        var values = new float[Rows * Columns];
        Array.Fill(values, 1);
        fixed (float* a = values)
        {
            Assert.False(plan.TryBuild(Forward(a), Kernels.Active, MaximumDensity));
            Assert.False(plan.TryBuild(WeightGradient(a, 8), Kernels.Active, MaximumDensity));
        }
    }

    [Fact]
    public void Zeros_in_different_places_of_every_row_are_not_worth_a_plan()
    {
        using var plan = new SparsePlan();
        var values = Enumerable.Range(0, Rows * Columns).Select(i => i % 2 == i / Columns % 2 ? 0f : 1f).ToArray();
        fixed (float* a = values)
        {
            Assert.False(plan.TryBuild(Forward(a), Kernels.Active, MaximumDensity));
        }
    }

    // A band along the diagonal, and zeros of either sign.
    private static float[] Sparse() =>
    [
        .. Enumerable.Range(0, Rows * Columns).Select(i => Math.Abs((3 * (i / Columns)) - (i % Columns)) < 15 ? 1f : i % 5 == 0 ? -0f : 0f),
    ];

    private static StridedProduct Forward(float* a) => new()
    {
        M = Rows,
        N = 32,
        K = Columns,
        LeafK = Columns,
        A = a,
        ARow = Columns,
        AColumn = 1,
    };

    private static StridedProduct WeightGradient(float* a, int leafRows) => new()
    {
        M = Columns,
        N = 32,
        K = Rows,
        LeafK = leafRows,
        A = a,
        ARow = 1,
        AColumn = Columns,
    };

    private static IEnumerable<int> AllRows(SparsePlan plan) =>
        Enumerable.Range(0, plan.Tiles).SelectMany(tile => plan.Rows(tile).ToArray());

    private static List<int> Steps(SparsePlan plan, int tile)
    {
        var steps = new List<int>();
        foreach (var word in plan.Words(tile))
        {
            for (var bit = 0; bit < 64; bit++)
            {
                if ((word.Steps >> bit & 1) != 0)
                {
                    steps.Add(word.First + bit);
                }
            }
        }

        return steps;
    }
}
