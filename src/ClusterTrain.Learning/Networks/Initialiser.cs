using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.RandomNumbers;

namespace ClusterTrain.Learning.Networks;

/// <summary>The rules for start values, see <see cref="InitialiserKind"/>.</summary>
internal static class Initialiser
{
    /// <summary>Writes the start values of one tensor; "inputs" and "outputs" in the rules are those of its layer.</summary>
    public static void Fill(
        InitialiserRecipe recipe, DenseLayer layer, ParameterTensor tensor, ulong seed, Span<float> values)
    {
        var stream = new RandomStream(seed, $"initialise/{tensor.Name}");
        switch (recipe.Kind)
        {
            case InitialiserKind.Zeros:
                values.Clear();
                break;
            case InitialiserKind.Gaussian:
                stream.FillNormal(values, 0, (float)recipe.Scale);
                break;
            case InitialiserKind.Xavier:
                stream.FillNormal(values, 0, (float)Math.Sqrt(2.0 / ((long)layer.Inputs + layer.Outputs)));
                break;
            case InitialiserKind.He:
                stream.FillNormal(values, 0, (float)Math.Sqrt(2.0 / layer.Inputs));
                break;
            case InitialiserKind.Uniform:
                stream.FillUniform(values, (float)-recipe.Scale, (float)recipe.Scale);
                break;
            case InitialiserKind.Given when recipe.Values.Length == values.Length:
                recipe.Values.AsSpan().CopyTo(values);
                break;
            case InitialiserKind.Given:
                throw new ArgumentException(
                    $"{tensor.Name} ({string.Join(" x ", tensor.Shape)}) needs {tensor.Length} given values; the recipe has "
                    + $"{recipe.Values.Length}.");
            default:
                throw new ArgumentException($"{tensor.Name} has the unknown initialiser {recipe.Kind}.");
        }
    }
}
