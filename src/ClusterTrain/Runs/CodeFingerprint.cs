using System.Buffers;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Security.Cryptography;

namespace ClusterTrain.Runs;

/// <summary>
/// Fingerprints of compiled code: the same whenever assemblies do the same, whatever their debug information, the commit and the
/// folder they were built from, and whether they were compiled ahead of time.
/// </summary>
internal static class CodeFingerprint
{
    private static readonly SearchValues<byte> s_digits = SearchValues.Create("0123456789ABCDEF"u8);

    /// <summary>16 hexadecimal digits of the SHA-256 over what assemblies declare and the code of all their methods.</summary>
    /// <param name="assemblies">The assemblies, in an order that counts.</param>
    public static string Of(params Assembly[] assemblies)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var assembly in assemblies)
        {
            // In a program that is one file there is no other: the identity the compiler gave it then counts.
            if (File.Exists(assembly.Location))
            {
                Append(hash, assembly.Location);
            }
            else
            {
                hash.AppendData(assembly.ManifestModule.ModuleVersionId.ToByteArray());
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }

    private static void Append(IncrementalHash hash, string path)
    {
        using var image = new PEReader(File.OpenRead(path));
        var reader = image.GetMetadataReader();
        var metadata = image.GetMetadata().GetContent().ToArray();

        // Left out: the identity that the compiler gave the module, the only one among its GUIDs, and the places of code and
        // constants in the file, which compiling ahead of time changes. Constants need no hash of their own: the compiler names
        // them by one.
        metadata.AsSpan(reader.GetHeapMetadataOffset(HeapIndex.Guid), reader.GetHeapSize(HeapIndex.Guid)).Clear();
        foreach (var table in new[] { TableIndex.MethodDef, TableIndex.FieldRva })
        {
            var (start, size) = (reader.GetTableMetadataOffset(table), reader.GetTableRowSize(table));
            for (var row = 0; row < reader.GetTableRowCount(table); row++)
            {
                metadata.AsSpan(start + (row * size), sizeof(int)).Clear();
            }
        }

        ClearPaths(metadata.AsSpan(reader.GetHeapMetadataOffset(HeapIndex.String), reader.GetHeapSize(HeapIndex.String)));
        hash.AppendData(metadata);
        foreach (var handle in reader.MethodDefinitions)
        {
            if (reader.GetMethodDefinition(handle).RelativeVirtualAddress is not 0 and var address)
            {
                hash.AppendData(image.GetSectionData(address).GetContent(0, image.GetMethodBody(address).Size).AsSpan());
            }
        }
    }

    // A type that is local to a file has in its name a hash of the file's path, which for generated files lies where the build
    // put it.
    private static void ClearPaths(Span<byte> names)
    {
        const int Digits = 64;
        for (var rest = names; rest.IndexOf(">F"u8) is >= 0 and var at;)
        {
            rest = rest[(at + 2)..];
            if (rest.Length > Digits && rest[Digits..].StartsWith("__"u8)
                && !rest[..Digits].ContainsAnyExcept(s_digits))
            {
                rest[..Digits].Clear();
            }
        }
    }
}
