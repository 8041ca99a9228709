using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.Networks;

/// <summary>One layer of a <see cref="NetworkLayout"/>: its recipe, its size, and where its parameters lie.</summary>
/// <param name="Recipe">Units, activation and start values.</param>
/// <param name="Inputs">Outputs of the layer before, or the features.</param>
/// <param name="Weight">(Inputs, Outputs).</param>
/// <param name="Bias">(Outputs); null: the layer has none.</param>
public sealed record DenseLayer(LayerRecipe Recipe, int Inputs, ParameterTensor Weight, ParameterTensor? Bias)
{
    /// <summary>Units of the layer.</summary>
    public int Outputs => Recipe.Units;

    /// <summary>Index after the layer's last parameter in the flat vector.</summary>
    public int End => (Bias ?? Weight).End;
}
