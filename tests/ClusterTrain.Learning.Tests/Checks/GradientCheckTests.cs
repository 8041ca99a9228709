using ClusterTrain.Learning.Checks;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;

using static ClusterTrain.Learning.Tests.TestNetworks;

namespace ClusterTrain.Learning.Tests;

public sealed class GradientCheckTests
{
    private const int Rows = 11;
    private const int Features = 6;
    private const int Outputs = 4;

    public static TheoryData<ActivationKind, ActivationKind, LossKind> EveryActivationAndLoss()
    {
        var cases = new TheoryData<ActivationKind, ActivationKind, LossKind>();
        foreach (var hidden in Enum.GetValues<ActivationKind>().Where(kind => kind != ActivationKind.Softmax))
        {
            foreach (var last in Enum.GetValues<ActivationKind>())
            {
                foreach (var loss in Enum.GetValues<LossKind>().Where(loss => LossRules.Accepts(loss, last)))
                {
                    cases.Add(hidden, last, loss);
                }
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(EveryActivationAndLoss))]
    public void The_gradient_is_the_one_of_finite_differences(ActivationKind hidden, ActivationKind last, LossKind loss)
    {
        var biases = new InitialiserRecipe { Kind = InitialiserKind.Uniform, Scale = 0.5 };
        var layout = Layout(
            Features,
            Layer(7, hidden) with { Biases = biases, Slope = 0.1 },
            Layer(5, hidden) with { Biases = null },
            Layer(Outputs, last) with { Biases = biases, Slope = 0.2 });
        var checks = GradientCheck.Run(
            layout, loss, Kernels.Active, Start(layout), Numbers(Rows * Features, 1), OneHot(Rows, Outputs, 2), Rows);
        Assert.Equal(
            layout.Tensors.Select(tensor => (tensor.Name, tensor.Length)),
            checks.Select(check => (check.Tensor, check.Derivatives)));
        Assert.All(checks, check => Assert.True(check.Passed, check.ToString()));
    }

    [Theory]
    [InlineData(LossKind.SquaredError, 0.5 * (0.25 + 1 + 0 + 4))]
    [InlineData(LossKind.MeanSquaredError, (0.25 + 1 + 0 + 4) / 4)]
    public void Squared_errors_by_hand(LossKind loss, double expected)
    {
        var layout = Layout(1, Layer(4, ActivationKind.Identity, Given(0.5f, 2, 3, -1)));
        using var pool = new ComputePool(1);
        using var network = new Network(layout, loss, Kernels.Active, pool);
        var (outputs, rowLoss) = (new float[4], new float[1]);
        network.Evaluate(Start(layout), [1], [1, 1, 3, 1], 1, outputs, rowLoss);
        Assert.Equal([0.5f, 2f, 3f, -1f], outputs);
        Assert.Equal(expected, rowLoss[0]);
        Assert.Equal(expected, new ReferenceNetwork(layout, loss).Loss([0.5, 2, 3, -1, 0, 0, 0, 0], [1], [1, 1, 3, 1], 1));
    }

    [Theory]
    [InlineData(LossKind.BinaryCrossEntropy, ActivationKind.Sigmoid, 1.3862943611)]
    [InlineData(LossKind.BinaryCrossEntropy, ActivationKind.Softmax, 1.3862943611)]
    [InlineData(LossKind.CategoricalCrossEntropy, ActivationKind.Softmax, 0.6931471806)]
    [InlineData(LossKind.CategoricalCrossEntropy, ActivationKind.Sigmoid, 0.6931471806)]
    public void Two_undecided_outputs_cost_one_or_two_times_log_2(LossKind loss, ActivationKind last, double expected)
    {
        var layout = Layout(1, Layer(2, last, new() { Kind = InitialiserKind.Zeros }));
        using var pool = new ComputePool(1);
        using var network = new Network(layout, loss, Kernels.Active, pool);
        var (outputs, rowLoss) = (new float[2], new float[1]);
        network.Evaluate(Start(layout), [1], [0, 1], 1, outputs, rowLoss);
        Assert.Equal([0.5f, 0.5f], outputs);
        Assert.Equal(expected, rowLoss[0], 6);
        Assert.Equal(expected, new ReferenceNetwork(layout, loss).Loss(new double[4], [1], [0, 1], 1), 9);
    }

    // At 0 ReLU has a kink: the difference across it is half the slope above. A check that passed here would check nothing.
    [Fact]
    public void The_check_fails_where_there_is_no_derivative()
    {
        var layout = Layout(1, Layer(1, ActivationKind.Relu, Given(0)));
        var checks = GradientCheck.Run(layout, LossKind.SquaredError, Kernels.Active, [0, 0], [1], [1], 1);
        Assert.All(checks, check => Assert.False(check.Passed));
    }

    [Fact]
    public void Large_tensors_can_be_sampled()
    {
        var layout = Layout(Features, Layer(7, ActivationKind.Tanh));
        var checks = GradientCheck.Run(
            layout,
            LossKind.SquaredError,
            Kernels.Active,
            Start(layout),
            Numbers(Rows * Features, 1),
            Numbers(Rows * 7, 2),
            Rows,
            derivativesPerTensor: 5);
        Assert.Equal([5, 4], checks.Select(check => check.Derivatives));
        Assert.All(checks, check => Assert.True(check.Passed, check.ToString()));
    }
}
