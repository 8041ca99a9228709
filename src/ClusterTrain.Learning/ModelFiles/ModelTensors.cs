using ClusterTrain.Learning.Networks;

namespace ClusterTrain.Learning.ModelFiles;

/// <summary>Between the flat parameter vector and the named tensors of a file.</summary>
public static class ModelTensors
{
    /// <summary>The parameters as named tensors, views of the same memory.</summary>
    /// <param name="layout">Names and shapes.</param>
    /// <param name="parameters">(parameters).</param>
    public static List<NamedTensor> Named(this NetworkLayout layout, ReadOnlyMemory<float> parameters) =>
        [.. layout.Tensors.Select(tensor => new NamedTensor(tensor.Name, tensor.Shape, parameters.Slice(tensor.Offset, tensor.Length)))];

    /// <summary>The flat parameter vector of a file's tensors; tensors of other names are left alone.</summary>
    /// <param name="layout">Names and shapes.</param>
    /// <param name="tensors">The file's tensors.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="SafetensorsException">A tensor is missing or of another shape.</exception>
    public static float[] Flatten(this NetworkLayout layout, IReadOnlyList<NamedTensor> tensors, string path)
    {
        var parameters = new float[layout.Parameters];
        foreach (var expected in layout.Tensors)
        {
            var found = tensors.FirstOrDefault(tensor => tensor.Name == expected.Name)
                ?? throw new SafetensorsException($"{path}: tensor '{expected.Name}' is missing; the network has "
                    + $"{string.Join(", ", layout.Tensors.Select(tensor => tensor.Name))}.");
            if (!found.Shape.SequenceEqual(expected.Shape))
            {
                throw new SafetensorsException(
                    $"{path}: tensor '{expected.Name}' has the shape ({string.Join(", ", found.Shape)}), the network's is "
                        + $"({string.Join(", ", expected.Shape)}).");
            }

            found.Values.CopyTo(parameters.AsMemory(expected.Offset));
        }

        return parameters;
    }
}
