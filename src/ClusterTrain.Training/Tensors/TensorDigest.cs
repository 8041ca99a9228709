using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace ClusterTrain.Training.Tensors;

/// <summary>
/// Tells whether two workers computed the same bits without bringing them to one place. It finds faults, not forgeries: 128 bits of XXH3, which
/// takes a twentieth of the time of SHA-256.
/// </summary>
public static class TensorDigest
{
    /// <summary>The digest of a tensor's bits.</summary>
    /// <param name="values">The tensor.</param>
    /// <returns>32 hexadecimal digits, equal on every machine.</returns>
    public static string Of(ReadOnlySpan<float> values) => Convert.ToHexStringLower(XxHash128.Hash(MemoryMarshal.AsBytes(values)));
}
