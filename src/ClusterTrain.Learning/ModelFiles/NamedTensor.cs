using System.Collections.Immutable;

namespace ClusterTrain.Learning.ModelFiles;

/// <summary>A tensor of a model file.</summary>
/// <param name="Name">Its name, unique in the file.</param>
/// <param name="Shape">Length of each dimension, outermost first; empty for a single number.</param>
/// <param name="Values">The numbers, last dimension fastest; as many as the product of the shape.</param>
public sealed record NamedTensor(string Name, ImmutableArray<int> Shape, ReadOnlyMemory<float> Values);
