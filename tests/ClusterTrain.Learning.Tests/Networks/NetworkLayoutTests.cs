using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;

using static ClusterTrain.Learning.Tests.TestNetworks;

namespace ClusterTrain.Learning.Tests;

public sealed class NetworkLayoutTests
{
    [Fact]
    public void Tensors_fill_the_flat_vector_layer_by_layer()
    {
        var layout = Layout(
            4,
            Layer(3, ActivationKind.Relu),
            Layer(5, ActivationKind.Tanh) with { Biases = null },
            Layer(2, ActivationKind.Softmax));
        Assert.Equal(
            ["layers.0.weight 4x3 at 0", "layers.0.bias 3 at 12", "layers.1.weight 3x5 at 15", "layers.2.weight 5x2 at 30",
                "layers.2.bias 2 at 40"],
            layout.Tensors.Select(tensor => $"{tensor.Name} {string.Join('x', tensor.Shape)} at {tensor.Offset}"));
        Assert.Equal([false, true, false, false, true], layout.Tensors.Select(tensor => tensor.IsBias));
        Assert.Equal((42, 4, 2), (layout.Parameters, layout.Features, layout.Outputs));
        Assert.Null(layout.Layers[1].Bias);
    }

    [Theory]
    [InlineData(InitialiserKind.Gaussian, 0.5, 0.5)]
    [InlineData(InitialiserKind.Xavier, 9, 0.057735026)]
    [InlineData(InitialiserKind.He, 9, 0.070710678)]
    [InlineData(InitialiserKind.Uniform, 0.3, 0.173205081)]
    public void Random_start_values_have_mean_zero_and_the_deviation_of_their_rule(
        InitialiserKind kind, double scale, double deviation)
    {
        var values = Start(Layout(400, Layer(200, ActivationKind.Relu, new() { Kind = kind, Scale = scale })));
        var weights = values.Take(80_000).Select(value => (double)value).ToArray();
        var mean = weights.Average();
        Assert.InRange(mean / deviation, -0.015, 0.015);
        Assert.InRange(Math.Sqrt(weights.Average(w => (w - mean) * (w - mean))) / deviation, 0.99, 1.01);
        Assert.All(values.Skip(80_000), bias => Assert.Equal(0f, bias));
        if (kind == InitialiserKind.Uniform)
        {
            Assert.All(weights, weight => Assert.InRange(weight, -scale - 1e-8, scale));
        }
    }

    [Fact]
    public void Start_values_follow_from_seed_and_tensor_name_alone()
    {
        var small = Layout(3, Layer(3, ActivationKind.Relu));
        var deeper = Layout(3, Layer(3, ActivationKind.Relu), Layer(3, ActivationKind.Relu));
        Assert.Equal(Start(small, 5), Start(deeper, 5).Take(12));
        Assert.NotEqual(Start(deeper, 5).Take(9), Start(deeper, 5).Skip(12).Take(9));
        Assert.NotEqual(Start(small, 5), Start(small, 6));
    }

    [Fact]
    public void Given_values_are_taken_as_they_are_and_must_fill_their_tensor()
    {
        Assert.Equal([1f, 2f, 3f, 4f, 0f, 0f], Start(Layout(2, Layer(2, ActivationKind.Identity, Given(1, 2, 3, 4)))));
        var tooFew = Layout(2, Layer(2, ActivationKind.Identity, Given(1, 2, 3)));
        var error = Assert.Throws<ArgumentException>(() => Start(tooFew));
        Assert.Equal("layers.0.weight (2 x 2) needs 4 given values; the recipe has 3.", error.Message);
    }

    [Fact]
    public void Impossible_networks_name_the_layer()
    {
        Assert.Contains("layers.1 has 0 units", Error(Layer(1, ActivationKind.Relu), Layer(0, ActivationKind.Relu)));
        Assert.Contains(
            "layers.0 has the activation softmax", Error(Layer(2, ActivationKind.Softmax), Layer(2, ActivationKind.Relu)));
        Assert.Contains("layers.1.weight", Error(Layer(100_000, ActivationKind.Relu), Layer(100_000, ActivationKind.Relu)));
        Assert.Contains("at least one layer", Error());

        static string Error(params LayerRecipe[] layers) => Assert.Throws<ArgumentException>(() => Layout(2, layers)).Message;
    }

    [Theory]
    [InlineData(1, 1, new[] { 1 })]
    [InlineData(4096, 4, new[] { 4096 })]
    [InlineData(4097, 2, new[] { 4096, 1 })]
    [InlineData(50_890, 4, new[] { 12_288, 12_288, 12_288, 14_026 })]
    [InlineData(10_000, 100, new[] { 4096, 4096, 1808 })]
    public void Segments_are_balanced_and_begin_at_block_boundaries(int parameters, int servers, int[] lengths)
    {
        var segments = Segments.Split(parameters, servers);
        Assert.Equal(lengths, segments.Select(segment => segment.Length));
        Assert.Equal(Enumerable.Range(0, lengths.Length), segments.Select(segment => segment.Index));
        Assert.All(segments, segment => Assert.Equal(0, segment.Start % GradientNorm.BlockParameters));
        Assert.Equal(parameters, segments[^1].End);
    }
}
