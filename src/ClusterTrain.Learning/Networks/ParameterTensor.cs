using System.Collections.Immutable;

namespace ClusterTrain.Learning.Networks;

/// <summary>A named view of one tensor in the flat parameter vector.</summary>
/// <param name="Name"><c>layers.0.weight</c>, <c>layers.0.bias</c>, ...</param>
/// <param name="Shape">(inputs, units) for a weight, row by row; (units) for a bias.</param>
/// <param name="Offset">Index of the tensor's first value in the flat vector.</param>
/// <param name="IsBias">True for a bias: L2 and weight decay leave it alone.</param>
public sealed record ParameterTensor(string Name, ImmutableArray<int> Shape, int Offset, bool IsBias)
{
    /// <summary>Number of values.</summary>
    public int Length { get; } = Shape.Aggregate(1, (product, size) => product * size);

    /// <summary>Index after the tensor's last value in the flat vector.</summary>
    public int End => Offset + Length;
}
