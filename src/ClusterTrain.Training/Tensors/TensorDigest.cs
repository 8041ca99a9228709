using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace ClusterTrain.Training.Tensors;

/// <summary>
/// Tells whether two workers computed the same bits without bringing them to one place. It finds faults, not forgeries: 128 bits of XXH3.
/// </summary>
public static class TensorDigest
{
    private const int Digits = 32;

    /// <summary>The digest of a tensor's bits.</summary>
    /// <param name="values">The tensor.</param>
    /// <returns>32 hexadecimal digits, equal on every machine.</returns>
    public static string Of(ReadOnlySpan<float> values) => Convert.ToHexStringLower(XxHash128.Hash(MemoryMarshal.AsBytes(values)));

    /// <summary>True for what may be a digest.</summary>
    /// <param name="text">What a peer sent as one.</param>
    public static bool IsOne(string text) => text is { Length: Digits } && text.All(char.IsAsciiHexDigitLower);
}
