using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;

using static ClusterTrain.Learning.Tests.TestNetworks;

namespace ClusterTrain.Learning.Tests;

/// <summary>Published small networks, matched figure by figure.</summary>
public sealed class WorkedExamplesTests
{
    private static readonly float[] s_gateInputs = [0, 0, 0, 1, 1, 0, 1, 1];
    private static readonly float[] s_or = [0, 1, 1, 1];
    private static readonly float[] s_xor = [0, 1, 1, 0];

    private static OptimiserRecipe Descent(double rate) => new() { Kind = OptimiserKind.Sgd, Rate = rate };

    private static NetworkLayout Neuron() => Layout(2, Layer(1, ActivationKind.Sigmoid, Given(0.1f, 0.6f)));

    [Fact]
    public void One_neuron_on_one_row_of_the_or_gate()
    {
        using var training = new FullBatchTraining(Neuron(), LossKind.SquaredError, Descent(1), [0, 0], [0]);
        Assert.Equal(0.5f, training.Outputs()[0]);
        Assert.Equal(0.125, training.Step());
        Assert.Equal([0f, 0f, 0.125f], training.Gradient);
        Assert.Equal([0.1f, 0.6f, -0.125f], training.Parameters);
        Assert.Equal(0.469, training.Outputs()[0], 3);
        Assert.Equal(0.110, training.Cost(), 3);
    }

    [Fact]
    public void One_neuron_learns_the_or_gate_with_the_published_costs_and_gradients()
    {
        using var training = new FullBatchTraining(Neuron(), LossKind.SquaredError, Descent(1), s_gateInputs, s_or);
        Assert.Equal(0.08891294752, training.Step(), 7);
        AssertMeanGradient(training, -0.04800646, -0.03865882, -0.03702352612);
        Assert.Equal(0.08400959542, training.Step(), 7);
        AssertMeanGradient(training, -0.04428725, -0.03500440, -0.03131258844);
        Assert.Equal(0.08004751322, training.Step(), 7);
        for (var epoch = 4; epoch <= 5000; epoch++)
        {
            training.Step();
        }

        Assert.Equal(0.000527569, training.Cost(), 9);
        Assert.Equal(s_or, training.Outputs().Select(y => MathF.Round(y)));
    }

    [Fact]
    public void Xor_by_a_third_input_that_multiplies_the_two()
    {
        float[] crossed = [0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1];
        using var training = new FullBatchTraining(
            Layout(3, Layer(1, ActivationKind.Sigmoid)), LossKind.SquaredError, Descent(1), crossed, s_xor);
        for (var epoch = 0; epoch < 5000; epoch++)
        {
            training.Step();
        }

        Assert.Equal(s_xor, training.Outputs().Select(y => MathF.Round(y)));
    }

    [Theory]
    [InlineData(InitialiserKind.Gaussian, 1)]
    [InlineData(InitialiserKind.Xavier, 0)]
    [InlineData(InitialiserKind.He, 0)]
    public void Xor_by_a_hidden_layer_of_three(InitialiserKind kind, double scale)
    {
        var start = new InitialiserRecipe { Kind = kind, Scale = scale };
        var layout = Layout(2, Layer(3, ActivationKind.Sigmoid, start), Layer(1, ActivationKind.Sigmoid, start));
        using var training = new FullBatchTraining(layout, LossKind.SquaredError, Descent(1), s_gateInputs, s_xor, seed: 3);
        for (var epoch = 0; epoch < 5000; epoch++)
        {
            training.Step();
        }

        Assert.InRange(training.Cost(), 0, 0.002);
        Assert.Equal(s_xor, training.Outputs().Select(y => MathF.Round(y)));
    }

    // The published loop adds X' delta, a sum over the four rows: rate 4 on the mean.
    [Fact]
    public void Xor_by_three_four_one_without_biases_from_the_published_start()
    {
        var layout = Layout(
            3,
            Layer(4, ActivationKind.Sigmoid, Given(
                -0.16595599f, 0.44064899f, -0.99977125f, -0.39533485f,
                -0.70648822f, -0.81532281f, -0.62747958f, -0.30887855f,
                -0.20646505f, 0.07763347f, -0.16161097f, 0.370439f)) with
            { Biases = null },
            Layer(1, ActivationKind.Sigmoid, Given(-0.5910955f, 0.75623487f, -0.94522481f, 0.34093502f)) with { Biases = null });
        float[] inputs = [0, 0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1];
        using var training = new FullBatchTraining(layout, LossKind.SquaredError, Descent(4), inputs, s_xor);
        Assert.Equal(0.49641003, MeanError(), 6);
        foreach (var published in new[] { 0.00858453, 0.00578946, 0.00462918, 0.00395877, 0.00351012 })
        {
            for (var iteration = 0; iteration < 10_000; iteration++)
            {
                training.Step();
            }

            Assert.InRange(MeanError() / published, 0.9995, 1.0005);
        }

        double MeanError() => training.Outputs().Zip(s_xor, (y, t) => Math.Abs(y - t)).Average();
    }

    private static void AssertMeanGradient(FullBatchTraining training, params double[] expected)
    {
        for (var index = 0; index < expected.Length; index++)
        {
            Assert.Equal(expected[index], training.Gradient[index] / (double)training.Rows, 7);
        }
    }
}
