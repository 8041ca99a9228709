using System.Collections.Immutable;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.Networks;

/// <summary>
/// The parameters of a dense network as named views of one flat vector: layer by layer, the weight (inputs, units) row by
/// row, then the bias (units).
/// </summary>
public sealed class NetworkLayout
{
    /// <summary>Lays out a network.</summary>
    /// <param name="features">Features of a row, at least 1.</param>
    /// <param name="layers">The dense layers, first to last; at least one.</param>
    /// <exception cref="ArgumentException">A layer is impossible, or the parameters do not fit one array.</exception>
    public NetworkLayout(int features, ImmutableArray<LayerRecipe> layers)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        if (layers.IsDefaultOrEmpty)
        {
            throw new ArgumentException("A network needs at least one layer.", nameof(layers));
        }

        var dense = ImmutableArray.CreateBuilder<DenseLayer>(layers.Length);
        var tensors = ImmutableArray.CreateBuilder<ParameterTensor>();
        var inputs = features;
        long offset = 0;
        for (var index = 0; index < layers.Length; index++)
        {
            var recipe = layers[index];
            if (recipe.Units < 1)
            {
                throw new ArgumentException($"layers.{index} has {recipe.Units} units; it needs at least 1.", nameof(layers));
            }

            if (recipe.Activation == ActivationKind.Softmax && index != layers.Length - 1)
            {
                throw new ArgumentException(
                    $"layers.{index} has the activation softmax, which only the last layer can have.", nameof(layers));
            }

            if (!(recipe.Dropout >= 0 && recipe.Dropout < 1) || (recipe.Dropout > 0 && index == layers.Length - 1))
            {
                throw new ArgumentException(
                    $"layers.{index} has dropout {recipe.Dropout}; it is from 0 to below 1, and 0 on the last layer.", nameof(layers));
            }

            HasDropout |= recipe.Dropout > 0;
            var weight = Place($"layers.{index}.weight", [inputs, recipe.Units], isBias: false);
            var bias = recipe.Biases is null ? null : Place($"layers.{index}.bias", [recipe.Units], isBias: true);
            dense.Add(new DenseLayer(recipe, inputs, weight, bias));
            inputs = recipe.Units;
        }

        Features = features;
        Outputs = inputs;
        Parameters = (int)offset;
        Layers = dense.MoveToImmutable();
        Tensors = tensors.ToImmutable();

        ParameterTensor Place(string name, ImmutableArray<int> shape, bool isBias)
        {
            var end = shape.Aggregate(1L, (product, size) => product * size) + offset;
            if (end > Array.MaxLength)
            {
                throw new ArgumentException(
                    $"{name} ({string.Join(" x ", shape)}) brings the network to {end:N0} parameters; "
                    + $"at most {Array.MaxLength:N0} fit.",
                    nameof(layers));
            }

            var tensor = new ParameterTensor(name, shape, (int)offset, isBias);
            tensors.Add(tensor);
            offset = end;
            return tensor;
        }
    }

    /// <summary>Features of a row.</summary>
    public int Features { get; }

    /// <summary>Outputs of the last layer.</summary>
    public int Outputs { get; }

    /// <summary>Length of the flat vector.</summary>
    public int Parameters { get; }

    /// <summary>True when a layer has dropout, so that training needs to know the step and the rows' numbers.</summary>
    public bool HasDropout { get; }

    /// <summary>The layers, first to last.</summary>
    public ImmutableArray<DenseLayer> Layers { get; }

    /// <summary>The tensors, in the order of the flat vector, which they fill without gaps.</summary>
    public IReadOnlyList<ParameterTensor> Tensors { get; }

    /// <summary>Writes the start values of all tensors. Each draws from its own stream, named after it, of the seed.</summary>
    /// <param name="seed">The recipe's seed.</param>
    /// <param name="parameters">(<see cref="Parameters"/>) receives the values.</param>
    /// <exception cref="ArgumentException">
    /// Given values do not fill their tensor, or the destination has another length.
    /// </exception>
    public void Initialise(ulong seed, Span<float> parameters)
    {
        if (parameters.Length != Parameters)
        {
            throw new ArgumentException(
                $"The network has {Parameters} parameters; the destination holds {parameters.Length}.", nameof(parameters));
        }

        foreach (var layer in Layers)
        {
            Initialiser.Fill(layer.Recipe.Weights, layer, layer.Weight, seed, Slice(layer.Weight, parameters));
            if (layer.Bias is { } bias)
            {
                Initialiser.Fill(layer.Recipe.Biases!, layer, bias, seed, Slice(bias, parameters));
            }
        }

        static Span<float> Slice(ParameterTensor tensor, Span<float> parameters) =>
            parameters.Slice(tensor.Offset, tensor.Length);
    }
}
