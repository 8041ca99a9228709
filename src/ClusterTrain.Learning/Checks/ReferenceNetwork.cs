using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.Checks;

/// <summary>
/// The network once more, written to be read: double precision, one row at a time, straight from the formulas. It is the
/// oracle of <see cref="Network"/> and is not meant for outputs that round to exactly 0 or 1 under a cross-entropy.
/// </summary>
public sealed class ReferenceNetwork(NetworkLayout layout, LossKind loss)
{
    /// <summary>The outputs of one row, after the last activation; nothing is dropped.</summary>
    /// <param name="parameters">(parameters).</param>
    /// <param name="features">(features) of the row.</param>
    public double[] Predict(ReadOnlySpan<double> parameters, ReadOnlySpan<double> features) =>
        Forward(parameters, features, [], 0)[^1];

    /// <summary>The sum of the losses of the rows.</summary>
    /// <param name="parameters">(parameters).</param>
    /// <param name="features">(rows, features).</param>
    /// <param name="targets">(rows, outputs).</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="masks">
    /// Per layer its outputs' factors (rows, outputs) under dropout, or null; null for all: nothing is dropped.
    /// </param>
    public double Loss(
        ReadOnlySpan<double> parameters,
        ReadOnlySpan<double> features,
        ReadOnlySpan<double> targets,
        int rows,
        double[]?[]? masks = null)
    {
        double sum = 0;
        for (var row = 0; row < rows; row++)
        {
            var values = Forward(parameters, features.Slice(row * layout.Features, layout.Features), masks ?? [], row);
            sum += LossOf(values[^1], targets.Slice(row * layout.Outputs, layout.Outputs));
        }

        return sum;
    }

    /// <summary>The gradient of <see cref="Loss"/> with respect to the parameters, by the chain rule.</summary>
    /// <param name="parameters">(parameters).</param>
    /// <param name="features">(rows, features).</param>
    /// <param name="targets">(rows, outputs).</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="masks">As for <see cref="Loss"/>.</param>
    /// <returns>(parameters), in the order of the flat vector.</returns>
    public double[] Gradient(
        ReadOnlySpan<double> parameters,
        ReadOnlySpan<double> features,
        ReadOnlySpan<double> targets,
        int rows,
        double[]?[]? masks = null)
    {
        var gradient = new double[layout.Parameters];
        for (var row = 0; row < rows; row++)
        {
            var values = Forward(parameters, features.Slice(row * layout.Features, layout.Features), masks ?? [], row);
            var slope = LossSlope(values[^1], targets.Slice(row * layout.Outputs, layout.Outputs));
            for (var index = layout.Layers.Length - 1; index >= 0; index--)
            {
                var inputs = Dropped(values[index], masks ?? [], index - 1, row);
                slope = Backward(layout.Layers[index], parameters, inputs, values[index + 1], slope, gradient);
                slope = Dropped(slope, masks ?? [], index - 1, row);
            }
        }

        return gradient;
    }

    // values[0] are the features, values[i + 1] the outputs of layer i before they are dropped.
    private double[][] Forward(ReadOnlySpan<double> parameters, ReadOnlySpan<double> features, double[]?[] masks, int row)
    {
        var values = new double[layout.Layers.Length + 1][];
        values[0] = features.ToArray();
        for (var index = 0; index < layout.Layers.Length; index++)
        {
            var layer = layout.Layers[index];
            var inputs = Dropped(values[index], masks, index - 1, row);
            var logits = new double[layer.Outputs];
            for (var output = 0; output < layer.Outputs; output++)
            {
                logits[output] = layer.Bias is { } bias ? parameters[bias.Offset + output] : 0;
                for (var input = 0; input < layer.Inputs; input++)
                {
                    logits[output] += inputs[input] * parameters[layer.Weight.Offset + input * layer.Outputs + output];
                }
            }

            values[index + 1] = Activate(layer.Recipe, logits);
        }

        return values;
    }

    // Of a layer, its outputs or the slope with respect to them. What lies before the first layer is never dropped.
    private static double[] Dropped(double[] values, double[]?[] masks, int layer, int row) =>
        layer >= 0 && layer < masks.Length && masks[layer] is { } mask
            ? [.. values.Select((value, unit) => value * mask[row * values.Length + unit])]
            : values;

    // Adds the layer's part of the gradient; returns the slope of the loss with respect to the layer's inputs.
    private static double[] Backward(
        DenseLayer layer,
        ReadOnlySpan<double> parameters,
        double[] inputs,
        double[] outputs,
        double[] outputSlope,
        double[] gradient)
    {
        var logitSlope = ActivationSlope(layer.Recipe, outputs, outputSlope);
        var inputSlope = new double[layer.Inputs];
        for (var output = 0; output < layer.Outputs; output++)
        {
            for (var input = 0; input < layer.Inputs; input++)
            {
                var weight = layer.Weight.Offset + input * layer.Outputs + output;
                gradient[weight] += inputs[input] * logitSlope[output];
                inputSlope[input] += parameters[weight] * logitSlope[output];
            }

            if (layer.Bias is { } bias)
            {
                gradient[bias.Offset + output] += logitSlope[output];
            }
        }

        return inputSlope;
    }

    private static double[] Activate(LayerRecipe layer, double[] x) => layer.Activation switch
    {
        ActivationKind.Identity => x,
        ActivationKind.Sigmoid => [.. x.Select(value => 1 / (1 + Math.Exp(-value)))],
        ActivationKind.Tanh => [.. x.Select(Math.Tanh)],
        ActivationKind.Relu => [.. x.Select(value => Math.Max(value, 0))],
        ActivationKind.LeakyRelu => [.. x.Select(value => value < 0 ? layer.Slope * value : value)],
        ActivationKind.Softmax => Softmax(x),
        _ => throw new ArgumentException($"The activation {layer.Activation} is unknown.", nameof(layer)),
    };

    private static double[] Softmax(double[] x)
    {
        var largest = x.Max();
        var exponentials = x.Select(value => Math.Exp(value - largest)).ToArray();
        var sum = exponentials.Sum();
        return [.. exponentials.Select(value => value / sum)];
    }

    // dL/dx from y and dL/dy. Every activation's slope can be told from its output.
    private static double[] ActivationSlope(LayerRecipe layer, double[] y, double[] slope) => layer.Activation switch
    {
        ActivationKind.Identity => slope,
        ActivationKind.Sigmoid => [.. y.Zip(slope, (value, s) => s * value * (1 - value))],
        ActivationKind.Tanh => [.. y.Zip(slope, (value, s) => s * (1 - value * value))],
        ActivationKind.Relu => [.. y.Zip(slope, (value, s) => value > 0 ? s : 0)],
        ActivationKind.LeakyRelu => [.. y.Zip(slope, (value, s) => value < 0 ? layer.Slope * s : s)],
        ActivationKind.Softmax => SoftmaxSlope(y, slope),
        _ => throw new ArgumentException($"The activation {layer.Activation} is unknown.", nameof(layer)),
    };

    private static double[] SoftmaxSlope(double[] y, double[] slope)
    {
        var mean = y.Zip(slope, (value, s) => value * s).Sum();
        return [.. y.Zip(slope, (value, s) => value * (s - mean))];
    }

    private double LossOf(double[] outputs, ReadOnlySpan<double> targets)
    {
        double sum = 0;
        for (var index = 0; index < outputs.Length; index++)
        {
            var (y, t) = (outputs[index], targets[index]);
            sum += loss switch
            {
                LossKind.SquaredError => (y - t) * (y - t) / 2,
                LossKind.MeanSquaredError => (y - t) * (y - t) / outputs.Length,
                LossKind.BinaryCrossEntropy => -(TimesLog(t, y) + TimesLog(1 - t, 1 - y)),
                LossKind.CategoricalCrossEntropy => -TimesLog(t, y),
                _ => throw new InvalidOperationException($"The loss {loss} is unknown."),
            };
        }

        return sum;

        // 0 · log 0 is 0 here: a class that is not there costs nothing.
        static double TimesLog(double factor, double value) => factor == 0 ? 0 : factor * Math.Log(value);
    }

    private double[] LossSlope(double[] outputs, ReadOnlySpan<double> targets)
    {
        var slope = new double[outputs.Length];
        for (var index = 0; index < outputs.Length; index++)
        {
            var (y, t) = (outputs[index], targets[index]);
            slope[index] = loss switch
            {
                LossKind.SquaredError => y - t,
                LossKind.MeanSquaredError => 2 * (y - t) / outputs.Length,
                LossKind.BinaryCrossEntropy => (y - t) / (y * (1 - y)),
                LossKind.CategoricalCrossEntropy => -t / y,
                _ => throw new InvalidOperationException($"The loss {loss} is unknown."),
            };
        }

        return slope;
    }
}
