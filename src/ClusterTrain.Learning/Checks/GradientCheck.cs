using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Numerics.Tree;

namespace ClusterTrain.Learning.Checks;

/// <summary>
/// Proves a gradient twice: the chain rule of the <see cref="ReferenceNetwork"/> against central finite differences of its
/// loss, both in double; and the float gradient of the <see cref="Network"/> against the reference's.
/// </summary>
public static class GradientCheck
{
    /// <summary>
    /// Allowed difference between chain rule and finite differences: their own error is about 1e-9 with this step.
    /// </summary>
    public const double FiniteDifferenceTolerance = 1e-6;

    /// <summary>Allowed difference between float and double: some hundred roundings of 6e-8.</summary>
    public const double NetworkTolerance = 1e-5;

    private const double Step = 1e-5;

    /// <summary>Checks a network's gradient of the loss, summed over some rows.</summary>
    /// <param name="layout">The network.</param>
    /// <param name="loss">Its loss.</param>
    /// <param name="kernels">The kernels to check.</param>
    /// <param name="parameters">(parameters) where the derivatives are taken; away from the kinks of ReLU.</param>
    /// <param name="features">(rows, features).</param>
    /// <param name="targets">(rows, outputs).</param>
    /// <param name="rows">Number of rows, at least 1.</param>
    /// <param name="derivativesPerTensor">
    /// Finite differences per tensor at most, spread evenly; each costs two forward passes.
    /// </param>
    /// <param name="dropout">Where the layout has dropout: what its masks are drawn from.</param>
    /// <returns>One finding per tensor, in the order of the flat vector.</returns>
    public static IReadOnlyList<TensorCheck> Run(
        NetworkLayout layout,
        LossKind loss,
        Kernels kernels,
        ReadOnlySpan<float> parameters,
        ReadOnlySpan<float> features,
        ReadOnlySpan<float> targets,
        int rows,
        int derivativesPerTensor = int.MaxValue,
        DropoutDraw dropout = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(derivativesPerTensor, 1);
        var reference = new ReferenceNetwork(layout, loss);
        var exactParameters = Widen(parameters);
        var exactFeatures = Widen(features);
        var exactTargets = Widen(targets);
        var masks = Masks(layout, kernels, dropout);
        var exact = reference.Gradient(exactParameters, exactFeatures, exactTargets, rows, masks);
        var computed = NetworkGradient(layout, loss, kernels, parameters, features, targets, rows, dropout);
        var floor = 1e-4 * Largest(exact);
        var checks = new List<TensorCheck>();
        foreach (var tensor in layout.Tensors)
        {
            var scale = Math.Max(floor, Largest(exact.AsSpan(tensor.Offset, tensor.Length)));
            var stride = (tensor.Length - 1) / derivativesPerTensor + 1;
            double worstDifference = 0;
            double worstNetwork = 0;
            var count = 0;
            for (var index = tensor.Offset; index < tensor.End; index++)
            {
                worstNetwork = Math.Max(worstNetwork, Relative(computed[index], exact[index], scale));
                if ((index - tensor.Offset) % stride == 0)
                {
                    var difference = FiniteDifference(index);
                    worstDifference = Math.Max(worstDifference, Relative(difference, exact[index], scale));
                    count++;
                }
            }

            checks.Add(new TensorCheck(tensor.Name, count, worstDifference, worstNetwork));
        }

        return checks;

        double FiniteDifference(int index)
        {
            var value = exactParameters[index];
            exactParameters[index] = value + Step;
            var above = reference.Loss(exactParameters, exactFeatures, exactTargets, rows, masks);
            exactParameters[index] = value - Step;
            var below = reference.Loss(exactParameters, exactFeatures, exactTargets, rows, masks);
            exactParameters[index] = value;
            return (above - below) / (2 * Step);
        }
    }

    private static float[] NetworkGradient(
        NetworkLayout layout,
        LossKind loss,
        Kernels kernels,
        ReadOnlySpan<float> parameters,
        ReadOnlySpan<float> features,
        ReadOnlySpan<float> targets,
        int rows,
        DropoutDraw dropout)
    {
        const int LeafRows = 4;
        using var pool = new ComputePool(1);
        using var network = new Network(layout, loss, kernels, pool);
        var gradient = new float[layout.Parameters];
        var leaves = (rows + LeafRows - 1) / LeafRows;
        network.Gradient(
            parameters, features, targets, rows, LeafRows, [ReductionTree.Root(leaves)], [gradient], new double[1], dropout);
        return gradient;
    }

    private static double[]?[] Masks(NetworkLayout layout, Kernels kernels, DropoutDraw dropout)
    {
        var masks = new double[]?[layout.Layers.Length];
        for (var layer = 0; layer < masks.Length; layer++)
        {
            var recipe = layout.Layers[layer].Recipe;
            if (recipe.Dropout > 0)
            {
                var mask = new float[dropout.RowNumbers.Length * recipe.Units];
                dropout.Mask(kernels, layer, recipe, mask);
                masks[layer] = Widen(mask);
            }
        }

        return masks;
    }

    private static double[] Widen(ReadOnlySpan<float> values)
    {
        var wide = new double[values.Length];
        for (var index = 0; index < values.Length; index++)
        {
            wide[index] = values[index];
        }

        return wide;
    }

    private static double Largest(ReadOnlySpan<double> values)
    {
        double largest = 0;
        foreach (var value in values)
        {
            largest = Math.Max(largest, Math.Abs(value));
        }

        return largest;
    }

    // Equal values agree, whatever the scale; a NaN on either side never does.
    private static double Relative(double value, double expected, double scale) =>
        value == expected ? 0 : Math.Abs(value - expected) / scale;
}
