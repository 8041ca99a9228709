using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.RandomNumbers;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Servers;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Tests;

/// <summary>The update of one segment by itself. Batches have four rows.</summary>
public sealed class SegmentUpdateTests : IDisposable
{
    // A block and 904 parameters more of the first weight, the first bias, the second weight and bias.
    private const int Features = 5000;

    private readonly List<ComputePool> _pools = [];
    private readonly TensorPool _pool = new();

    public void Dispose() => _pools.ForEach(pool => pool.Dispose());

    [Theory]
    [InlineData(0, 0, "layers.0.weight")]
    [InlineData(0, 4095, "layers.0.weight")]
    [InlineData(1, 0, "layers.0.weight")]
    [InlineData(1, 903, "layers.0.weight")]
    [InlineData(1, 904, "layers.0.bias")]
    [InlineData(1, 905, "layers.1.weight")]
    [InlineData(1, 906, "layers.1.bias")]
    public void Parameters_that_are_not_finite_are_named_wherever_a_segment_begins(int segment, int index, string name)
    {
        var update = Update(Recipe() with { Optimiser = new() { Kind = OptimiserKind.Sgd, Rate = 10 } }, segment, of: 2);
        Assert.Null(Apply(update));
        Assert.Equal($"the gradient of {name}", Apply(update, sum: (index, float.NaN)));
        Assert.Equal($"the loss (NaN), like the gradient of {name},", Apply(update, loss: double.NaN, sum: (index, float.NaN)));
        Assert.Equal($"the updated {name}", Apply(update, sum: (index, 3e38f)));
        Assert.Equal($"the updated {name}", Apply(update, weights: (index, float.PositiveInfinity)));
    }

    [Fact]
    public void Halves_that_are_finite_may_have_a_sum_that_is_not()
    {
        var update = Update(Recipe() with { Optimiser = new() { Kind = OptimiserKind.Sgd, Rate = 10 } }, 1, of: 2);
        Assert.Equal("the gradient of layers.0.bias", Apply(update, sum: (904, 3e38f), right: (904, 3e38f)));
        Assert.Equal("the loss (NaN), like the gradient of layers.0.bias,", Apply(update, loss: double.NaN, sum: (904, 3e38f), right: (904, 3e38f)));
        Assert.Equal("the gradient of layers.1.bias", Apply(update, right: (906, float.NaN)));
        Assert.Equal("the loss (NaN) of the outputs of layers.1", Apply(update, loss: double.NaN, right: (906, 1)));
    }

    [Fact]
    public void A_sum_that_is_rounded_is_so_in_every_part_and_the_update_needs_the_whole_of_it()
    {
        var recipe = Recipe() with { GradientPrecision = GradientPrecision.BFloat16 };
        var layout = new NetworkLayout((2 * 1024 * 1024) + 12_345, LineRun.Recipe().Layers);
        var update = Update(recipe, 0, of: 1, layout, threads: 3);
        Assert.True(update.NeedsWholeSum);
        Assert.False(Update(Recipe(), 0, of: 1, layout).NeedsWholeSum);
        var (left, right, sum) = (new float[layout.Parameters], new float[layout.Parameters], new float[layout.Parameters]);
        Array.Fill(left, 1);
        Array.Fill(right, 1f / 256);
        update.Add(left, right, sum);

        // A tie, to the even one.
        Assert.All(sum, value => Assert.Equal(1, value));
        Array.Fill(right, 3f / 256);
        update.Add(left, right, sum);
        Assert.All(sum, value => Assert.Equal(1 + (2f / 128), value));
    }

    [Fact]
    public void Several_threads_give_the_same_bits_and_add_the_halves_on_the_way()
    {
        // Long enough for two parts even where a thread must be woken.
        var recipe = Recipe() with { Optimiser = new() { Kind = OptimiserKind.Momentum, Rate = 0.1, Momentum = 0.9 } };
        var layout = new NetworkLayout((2 * 1024 * 1024) + 12_345, LineRun.Recipe().Layers);
        var (one, three) = (Update(recipe, 0, of: 1, layout), Update(recipe, 0, of: 1, layout, threads: 3));
        var (weights, left, right, state) = (Random("weights"), Random("left"), Random("right"), Random("state"));
        var (sum, whole) = (new float[layout.Parameters], new float[layout.Parameters]);
        one.Add(left, right, sum);
        three.Add(left, right, whole);
        Assert.True(sum.AsSpan().SequenceEqual(whole));
        Assert.Equal(left[^1] + right[^1], sum[^1]);

        var (next, nextOfThree, stateOfThree) = (new float[layout.Parameters], new float[layout.Parameters], state.ToArray());
        Assert.Null(one.Apply(0, weights, sum, [], 1, next, state, []));
        Assert.Null(three.Apply(0, weights, left, right, 1, nextOfThree, stateOfThree, []));
        Assert.True(next.AsSpan().SequenceEqual(nextOfThree));
        Assert.True(state.AsSpan().SequenceEqual(stateOfThree));

        float[] Random(string purpose)
        {
            var values = new float[layout.Parameters];
            new RandomStream(1, purpose).FillUniform(values, -1, 1);
            return values;
        }
    }

    [Fact]
    public void The_first_step_of_Adam_moves_every_parameter_by_the_rate()
    {
        var update = Update(Recipe() with { Optimiser = new() { Kind = OptimiserKind.Adam, Rate = 0.25 } }, 1, of: 2);
        var next = new float[update.Segment.Length];
        var sum = new float[update.Segment.Length];
        Array.Fill(sum, 8);
        Assert.Null(update.Apply(0, new float[update.Segment.Length], sum, [], 1, next, new float[update.StateLength], []));
        Assert.All(next, weight => Assert.Equal(-0.25, weight, 6));
    }

    [Fact]
    public void An_optimiser_of_the_whole_model_is_refused_a_part_of_it()
    {
        var recipe = Recipe() with { Optimiser = new() { Kind = OptimiserKind.Lbfgs } };
        var error = Assert.Throws<TrainingException>(() => Update(recipe, 0, of: 2));
        Assert.StartsWith("the optimiser Lbfgs needs the whole model in one segment", error.Message, StringComparison.Ordinal);
        Assert.True(Update(recipe, 0, of: 1).NeedsWholeSum);
        Assert.Equal("the gradient of layers.0.bias", Apply(Update(recipe, 0, of: 1), sum: (Features, float.NaN)));
    }

    [Theory]
    [InlineData(1, null, 5)]
    [InlineData(2, null, double.NaN)]
    [InlineData(2, 1e-3, 13)]
    public void The_norm_of_the_mean_gradient_is_known_where_all_of_it_is(int segments, double? clip, double expected)
    {
        // The mean gradient has a 3 and a 4 in the first segment; where they clip, the other one tells of a 12.
        var update = Update(Recipe() with { ClipNorm = clip }, 0, segments);
        var parts = new NormParts(Segments.Split(Layout(Recipe()).Parameters, segments), 0);
        var sum = new float[update.Segment.Length];
        (sum[0], sum[1]) = (4 * 3, 4 * 4);
        if (update.Clips)
        {
            update.NormPart(sum, parts.Own);
            parts.Add(new NormPart(1, 0, 1, [Math.Pow(4 * 12, 2)]));
        }

        var tensor = _pool.Tensor(LineRun.Sum(1, 0, 0, 2), 1, sum);
        Assert.Equal(expected, update.NormOf(0, tensor, parts), 9);
        tensor.Lease.Release();
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData(1.0, true)]
    public void Clipping_needs_the_whole_sum_before_the_update(double? clip, bool expected) =>
        Assert.Equal(expected, Update(Recipe() with { ClipNorm = clip }, 0, of: 2).NeedsWholeSum);

    private static Recipe Recipe() => LineRun.Recipe() with { Layers = [new LayerRecipe { Units = 1 }, new LayerRecipe { Units = 1 }] };

    private static NetworkLayout Layout(Recipe recipe) => new(Features, recipe.Layers);

    private SegmentUpdate Update(Recipe recipe, int segment, int of, NetworkLayout? layout = null, int threads = 1)
    {
        var pool = new ComputePool(threads);
        _pools.Add(pool);
        layout ??= Layout(recipe);
        return new SegmentUpdate(new TrainingPlan(recipe, 4), layout, Segments.Split(layout.Parameters, of)[segment], Kernels.Active, pool);
    }

    /// <summary>Applies a step with numbers that are zero but for those given.</summary>
    private static string? Apply(
        SegmentUpdate update,
        double loss = 1,
        (int Index, float Value)? weights = null,
        (int Index, float Value)? sum = null,
        (int Index, float Value)? right = null)
    {
        var length = update.Segment.Length;
        return update.Apply(
            0, Values(weights), Values(sum), right is null ? [] : Values(right), loss, new float[length], new float[update.StateLength], []);

        float[] Values((int Index, float Value)? given)
        {
            var values = new float[length];
            if (given is { } value)
            {
                values[value.Index] = value.Value;
            }

            return values;
        }
    }
}
