using System.Collections.Immutable;
using ClusterTrain.Learning.Files;

namespace ClusterTrain.Learning.ModelFiles;

/// <summary>
/// A model in the safetensors format: 8 bytes length of the header (little-endian), a JSON header with each tensor's type, shape
/// and place, then the numbers. Only float32 tensors, as this program has no others.
/// Format: https://github.com/huggingface/safetensors#format.
/// </summary>
public sealed class SafetensorsFile
{
    internal SafetensorsFile(ImmutableArray<NamedTensor> tensors, ImmutableSortedDictionary<string, string> metadata)
    {
        Tensors = tensors;
        Metadata = metadata;
    }

    /// <summary>Length of the longest header, in bytes: the bound of the format's own library.</summary>
    public const long LongestHeader = 100_000_000;

    /// <summary>The tensors, in the order of their numbers in the file.</summary>
    public ImmutableArray<NamedTensor> Tensors { get; }

    /// <summary>Texts that come with the tensors, sorted by key.</summary>
    public ImmutableSortedDictionary<string, string> Metadata { get; }

    /// <summary>
    /// Writes a file, whole or not at all. Equal tensors and metadata give equal bytes: tensors stay in the given order, metadata is
    /// sorted by key, and the header is padded with spaces so that the numbers begin at a multiple of 8 bytes.
    /// </summary>
    /// <param name="path">The file to write; its folder must exist.</param>
    /// <param name="tensors">The tensors, with names that differ.</param>
    /// <param name="metadata">Texts to keep with them.</param>
    /// <exception cref="ArgumentException">Two tensors have one name, or a shape and its values differ in size.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<NamedTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var header = SafetensorsHeader.Bytes(tensors, metadata);
        AtomicFile.Write(path, stream => SafetensorsContent.Write(stream, header, tensors));
    }

    /// <summary>Reads a file and checks all of it: header, types, shapes, places and length.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="SafetensorsException">The file is missing or is not a whole safetensors file of float32 tensors.</exception>
    public static SafetensorsFile Read(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return SafetensorsContent.Read(stream, path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new SafetensorsException($"{path}: there is no such file; check the path", e);
        }
        catch (NotSupportedException e)
        {
            throw new SafetensorsException($"{path}: a pipe cannot be read as a model; save it to a file", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SafetensorsException($"{path}: the file cannot be read: {e.Message}", e);
        }
    }
}
