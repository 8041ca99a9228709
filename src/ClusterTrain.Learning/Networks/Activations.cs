using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Maps;

namespace ClusterTrain.Learning.Networks;

/// <summary>The activations of <see cref="ActivationKind"/> and their slopes, in place over the outputs of a layer.</summary>
internal static class Activations
{
    /// <summary>values (rows, outputs) ← activation(values).</summary>
    public static void Forward(Kernels kernels, LayerRecipe layer, Span<float> values, int rows)
    {
        switch (layer.Activation)
        {
            case ActivationKind.Identity:
                break;
            case ActivationKind.Sigmoid:
                kernels.Map(default(SigmoidForward), values, values);
                break;
            case ActivationKind.Tanh:
                kernels.Map(default(TanhForward), values, values);
                break;
            case ActivationKind.Relu:
                kernels.Map(default(ReluForward), values, values);
                break;
            case ActivationKind.LeakyRelu:
                kernels.Map(new LeakyReluForward((float)layer.Slope), values, values);
                break;
            case ActivationKind.Softmax:
                kernels.Softmax(values, values, rows, layer.Units);
                break;
            default:
                throw new ArgumentException($"The activation {layer.Activation} is unknown.", nameof(layer));
        }
    }

    /// <summary>
    /// slope (rows, outputs) ← slope of the loss with respect to the logits, from the activation's outputs and the slope with
    /// respect to them. Every activation's derivative can be told from its output, so the logits need not be kept.
    /// </summary>
    public static void Backward(Kernels kernels, LayerRecipe layer, ReadOnlySpan<float> outputs, Span<float> slope, int rows)
    {
        switch (layer.Activation)
        {
            case ActivationKind.Identity:
                break;
            case ActivationKind.Sigmoid:
                kernels.Map(default(SigmoidBackward), slope, outputs, slope);
                break;
            case ActivationKind.Tanh:
                kernels.Map(default(TanhBackward), slope, outputs, slope);
                break;
            case ActivationKind.Relu:
                kernels.Map(default(ReluBackward), slope, outputs, slope);
                break;
            case ActivationKind.LeakyRelu:
                kernels.Map(new LeakyReluBackward((float)layer.Slope), slope, outputs, slope);
                break;
            case ActivationKind.Softmax:
                kernels.SoftmaxBackward(slope, outputs, slope, rows, layer.Units);
                break;
            default:
                throw new ArgumentException($"The activation {layer.Activation} is unknown.", nameof(layer));
        }
    }
}
