using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using ClusterTrain.Learning.RecipeFiles;

namespace ClusterTrain.Learning.ModelFiles;

/// <summary>The JSON header of a safetensors file.</summary>
internal static class SafetensorsHeader
{
    public const string Remedy = "get the file again or write it again";

    private const string MetadataKey = "__metadata__";
    private const string Type = "F32";

    private static readonly JsonDocumentOptions s_strict = new()
    {
        AllowTrailingCommas = false,
        CommentHandling = JsonCommentHandling.Disallow,
        AllowDuplicateProperties = false,
        MaxDepth = 8,
    };

    /// <summary>A tensor whose place has been checked: <paramref name="Count"/> numbers from byte <paramref name="Begin"/> on.</summary>
    public sealed record Entry(string Name, ImmutableArray<int> Shape, int Count, long Begin, long End);

    /// <summary>The header with its padding.</summary>
    public static byte[] Bytes(IReadOnlyList<NamedTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject(MetadataKey);
                foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            var names = new HashSet<string>(StringComparer.Ordinal) { MetadataKey };
            var begin = 0L;
            foreach (var tensor in tensors)
            {
                if (!names.Add(tensor.Name))
                {
                    throw new ArgumentException($"Two tensors have the name '{tensor.Name}'.", nameof(tensors));
                }

                if (Product(tensor.Shape) != tensor.Values.Length)
                {
                    throw new ArgumentException($"Tensor '{tensor.Name}' has shape ({string.Join(", ", tensor.Shape)}), "
                        + $"but {tensor.Values.Length} values.", nameof(tensors));
                }

                var end = begin + (sizeof(float) * (long)tensor.Values.Length);
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", Type);
                json.WriteStartArray("shape");
                foreach (var length in tensor.Shape)
                {
                    json.WriteNumberValue(length);
                }

                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(begin);
                json.WriteNumberValue(end);
                json.WriteEndArray();
                json.WriteEndObject();
                begin = end;
            }

            json.WriteEndObject();
        }

        while (buffer.Length % 8 != 0)
        {
            buffer.WriteByte((byte)' ');
        }

        if (buffer.Length > SafetensorsFile.LongestHeader)
        {
            throw new ArgumentException(
                $"The header has {buffer.Length} bytes; at most {SafetensorsFile.LongestHeader} are allowed.", nameof(metadata));
        }

        return buffer.ToArray();
    }

    /// <summary>The tensors in the order of their numbers, which together cover the data exactly, and the metadata.</summary>
    public static (ImmutableArray<Entry> Entries, ImmutableSortedDictionary<string, string> Metadata) Parse(
        byte[] header, string path, long dataBytes)
    {
        if (header.Length == 0 || header[0] != (byte)'{')
        {
            throw Damaged(path, "the header does not begin with '{'");
        }

        if (!Utf8.IsValid(header))
        {
            throw Damaged(path, "the header is not UTF-8 text");
        }

        try
        {
            using var document = JsonDocument.Parse(header, s_strict);
            var metadata = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
            var entries = new List<Entry>();
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (property.Name == MetadataKey)
                {
                    AddMetadata(metadata, property.Value, path);
                }
                else
                {
                    entries.Add(ParseEntry(property.Name, property.Value, path));
                }
            }

            entries = [.. entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End)];
            CheckCover(entries, path, dataBytes);
            return ([.. entries], metadata.ToImmutable());
        }
        catch (JsonException e)
        {
            throw new SafetensorsException($"{path}: the header is not valid JSON: {e.Message} {Capitalised(Remedy)}", e);
        }
        catch (InvalidOperationException e)
        {
            // Half a surrogate pair, written as an escape, is JSON but no text; System.Text.Json then says InvalidOperation.
            throw new SafetensorsException($"{path}: a text of the header is not Unicode: {e.Message} {Capitalised(Remedy)}", e);
        }
    }

    private static void AddMetadata(ImmutableSortedDictionary<string, string>.Builder metadata, JsonElement element, string path)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Damaged(path, $"{MetadataKey} is {element.ValueKind}, not an object of texts");
        }

        foreach (var property in element.EnumerateObject())
        {
            var key = property.Name;
            if (property.Value.ValueKind != JsonValueKind.String)
            {
                throw Damaged(path, $"{MetadataKey} '{RecipeText.Shown(key)}' is {property.Value.ValueKind}, not a text");
            }

            metadata.Add(key, property.Value.GetString()!);
        }
    }

    private static Entry ParseEntry(string name, JsonElement element, string path)
    {
        var tensor = $"tensor '{RecipeText.Shown(name)}'";
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Damaged(path, $"{tensor} is {element.ValueKind}, not an object");
        }

        foreach (var property in element.EnumerateObject())
        {
            if (property.Name is not ("dtype" or "shape" or "data_offsets"))
            {
                throw Damaged(path, $"{tensor} has the unknown key '{RecipeText.Shown(property.Name)}'");
            }
        }

        if (!element.TryGetProperty("dtype", out var type) || type.ValueKind != JsonValueKind.String)
        {
            throw Damaged(path, $"{tensor} has no dtype");
        }

        if (type.GetString()! is var typeName && typeName != Type)
        {
            throw new SafetensorsException($"{path}: {tensor} has dtype '{RecipeText.Shown(typeName)}'; only {Type} can be read, "
                + "convert the tensor to float32");
        }

        var shape = Numbers(element, "shape", int.MaxValue, tensor, path);
        var offsets = Numbers(element, "data_offsets", long.MaxValue, tensor, path);
        if (offsets is not [var begin, var end] || begin > end)
        {
            throw Damaged(path, $"{tensor} has data_offsets [{string.Join(", ", offsets)}]; they must be [begin, end]");
        }

        ImmutableArray<int> lengths = [.. shape.Select(length => (int)length)];
        if (Product(lengths) is not { } count || count > Array.MaxLength)
        {
            throw Damaged(path, $"{tensor} has shape ({string.Join(", ", lengths)}), above the limit of {Array.MaxLength} numbers");
        }

        if (end - begin != count * sizeof(float))
        {
            throw Damaged(path, $"{tensor} has shape ({string.Join(", ", lengths)}), which takes {count * sizeof(float)} bytes, "
                + $"but data_offsets [{begin}, {end}] give it {end - begin}");
        }

        return new(name, lengths, (int)count, begin, end);
    }

    private static long[] Numbers(JsonElement element, string key, long high, string tensor, string path)
    {
        if (!element.TryGetProperty(key, out var list) || list.ValueKind != JsonValueKind.Array)
        {
            throw Damaged(path, $"{tensor} has no list {key}");
        }

        return [.. list.EnumerateArray().Select(item =>
            item.ValueKind == JsonValueKind.Number && item.TryGetInt64(out var number) && number >= 0 && number <= high
                ? number
                : throw Damaged(path, $"{tensor} has {RecipeText.Shown(item.GetRawText())} in {key}; "
                    + $"allowed: whole numbers from 0 to {high}"))];
    }

    private static void CheckCover(List<Entry> entries, string path, long dataBytes)
    {
        var covered = 0L;
        foreach (var entry in entries)
        {
            if (entry.Begin != covered)
            {
                throw Damaged(path, $"tensor '{RecipeText.Shown(entry.Name)}' begins at byte {entry.Begin} of the data, but the one before "
                    + $"it ends at {covered}; tensors must neither overlap nor leave gaps");
            }

            covered = entry.End;
        }

        if (covered == dataBytes)
        {
            return;
        }

        var how = covered > dataBytes ? "it is truncated" : "something is appended";
        throw Damaged(path, $"the tensors take {covered} bytes of data, but the file has {dataBytes}: {how}");
    }

    /// <summary>The product of the lengths; null when it does not fit.</summary>
    private static long? Product(ImmutableArray<int> shape)
    {
        if (shape.Contains(0))
        {
            return 0;
        }

        var product = 1L;
        foreach (var length in shape)
        {
            if (length < 0 || product > int.MaxValue)
            {
                return null;
            }

            product *= length;
        }

        return product;
    }

    private static SafetensorsException Damaged(string path, string problem) => new($"{path}: {problem}; {Remedy}");

    private static string Capitalised(string sentence) => char.ToUpperInvariant(sentence[0]) + sentence[1..] + ".";
}
