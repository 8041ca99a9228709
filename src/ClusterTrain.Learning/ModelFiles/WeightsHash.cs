using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace ClusterTrain.Learning.ModelFiles;

/// <summary>The identity of weights: SHA-256 over their little-endian float32 bytes.</summary>
public static class WeightsHash
{
    /// <summary>The hash in lower-case hexadecimal.</summary>
    public static string Of(ReadOnlySpan<float> weights)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        if (BitConverter.IsLittleEndian)
        {
            SHA256.HashData(MemoryMarshal.AsBytes(weights), hash);
        }
        else
        {
            var bytes = new byte[weights.Length * sizeof(float)];
            for (var index = 0; index < weights.Length; index++)
            {
                BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(index * sizeof(float)), weights[index]);
            }

            SHA256.HashData(bytes, hash);
        }

        return Convert.ToHexStringLower(hash);
    }
}
