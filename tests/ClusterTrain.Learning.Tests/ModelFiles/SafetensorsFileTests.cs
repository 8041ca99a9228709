using System.Buffers.Binary;
using System.Text;
using ClusterTrain.Learning.ModelFiles;

namespace ClusterTrain.Learning.Tests;

public sealed class SafetensorsFileTests : IDisposable
{
    private const string GoldenHeader =
        """{"__metadata__":{"a":"1","recipe":"name: \"é\"\n"},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}"""
        + ""","b":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}""";

    private static readonly NamedTensor[] s_golden =
    [
        new("w", [2, 1], new float[] { 1, -2.5f }),
        new("b", [], new float[] { float.NaN }),
    ];

    private static readonly Dictionary<string, string> s_goldenMetadata = new() { ["recipe"] = "name: \"é\"\n", ["a"] = "1" };

    private readonly TemporaryFolder _folder = new();

    private string File1 => _folder.File("m.safetensors");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_bytes_are_golden()
    {
        SafetensorsFile.Write(File1, s_golden, s_goldenMetadata);
        var header = Encoding.UTF8.GetBytes(GoldenHeader);
        byte[] padded = [.. header, .. Enumerable.Repeat((byte)' ', (8 - (header.Length % 8)) % 8)];
        byte[] expected = [(byte)padded.Length, 0, 0, 0, 0, 0, 0, 0, .. padded, 0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0, 0, 0, 0xC0, 0xFF];
        Assert.Equal(expected, File.ReadAllBytes(File1));
    }

    [Fact]
    public void What_is_written_reads_back_bit_for_bit()
    {
        var values = new float[40_000];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = BitConverter.UInt32BitsToSingle((uint)i * 107_374u);
        }

        SafetensorsFile.Write(File1, [.. s_golden, new("large", [200, 200], values), new("none", [0, 3], default)], s_goldenMetadata);
        var file = SafetensorsFile.Read(File1);
        Assert.Equal(["w", "b", "large", "none"], file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([2, 1], file.Tensors[0].Shape.ToArray());
        Assert.Empty(file.Tensors[1].Shape);
        Assert.Equal(values.Select(BitConverter.SingleToUInt32Bits), file.Tensors[2].Values.ToArray().Select(BitConverter.SingleToUInt32Bits));
        Assert.Equal(s_goldenMetadata.OrderBy(pair => pair.Key), file.Metadata);
    }

    [Fact]
    public void Tensors_are_found_in_the_order_of_their_bytes()
    {
        WriteRaw("""{"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 8);
        Assert.Equal(["a", "b"], SafetensorsFile.Read(File1).Tensors.Select(tensor => tensor.Name));
    }

    public static TheoryData<string, int, string> WrongHeaders => new()
    {
        { "", 0, "the header does not begin with '{'" },
        { " {}", 0, "the header does not begin with '{'" },
        { "{", 0, "the header is not valid JSON" },
        { "{} x", 0, "the header is not valid JSON" },
        { "{/**/}", 0, "the header is not valid JSON" },
        { """{"a":1,}""", 0, "the header is not valid JSON" },
        { """{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}""", 0, "not valid JSON" },
        { """{"\ud800":1}""", 0, "a text of the header is not Unicode" },
        { """{"a":1}""", 0, "tensor 'a' is Number, not an object" },
        { """{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}""", 2,
            "tensor 'a' has dtype 'F16'; only F32 can be read, convert the tensor to float32" },
        { """{"a":{"shape":[1],"data_offsets":[0,4]}}""", 4, "tensor 'a' has no dtype" },
        { """{"a":{"dtype":"F32","data_offsets":[0,4]}}""", 4, "tensor 'a' has no list shape" },
        { """{"a":{"dtype":"F32","shape":[1]}}""", 4, "tensor 'a' has no list data_offsets" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}""", 4, "tensor 'a' has the unknown key 'x'" },
        { """{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "tensor 'a' has -1 in shape; allowed: whole numbers from 0" },
        { """{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "tensor 'a' has 1.5 in shape" },
        { """{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", 4, "in shape; allowed: whole numbers" },
        { """{"a":{"dtype":"F32","shape":[65536,65536,65536,65536],"data_offsets":[0,4]}}""", 4, "above the limit of 2147483591 numbers" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "has shape (2), which takes 8 bytes, but data_offsets [0, 4] give it 4" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "has data_offsets [4, 0]; they must be [begin, end]" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[4]}}""", 4, "has data_offsets [4]; they must be [begin, end]" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "begins at byte 4 of the data, but the one before it ends at 0" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4,
            "tensor 'b' begins at byte 0 of the data, but the one before it ends at 4" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 3, "the tensors take 4 bytes of data, but the file has 3: it is truncated" },
        { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 5,
            "the tensors take 4 bytes of data, but the file has 5: something is appended" },
        { """{"a":{"dtype":"F32","shape":[536870912],"data_offsets":[0,2147483648]}}""", 4, "it is truncated" },
        { """{"__metadata__":[]}""", 0, "__metadata__ is Array, not an object of texts" },
        { """{"__metadata__":{"a":1}}""", 0, "__metadata__ 'a' is Number, not a text" },
        { """{"__metadata__":{"a":"\ud800"}}""", 0, "not Unicode" },
    };

    [Theory]
    [MemberData(nameof(WrongHeaders))]
    public void A_wrong_header_is_named(string header, int dataBytes, string expected)
    {
        WriteRaw(header, dataBytes);
        var error = Assert.Throws<SafetensorsException>(() => SafetensorsFile.Read(File1));
        Assert.StartsWith(File1 + ": ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { }, "0 bytes are not a safetensors file")]
    [InlineData(new byte[] { 1, 2, 3 }, "3 bytes are not a safetensors file")]
    [InlineData(new byte[] { 3, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}' }, "given as 3 bytes, but only 2 bytes follow")]
    [InlineData(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255 }, "given as 18446744073709551615 bytes, above the limit of 100000000")]
    [InlineData(new byte[] { 3, 0, 0, 0, 0, 0, 0, 0, (byte)'{', 255, (byte)'}' }, "the header is not UTF-8 text")]
    public void A_wrong_beginning_is_named(byte[] bytes, string expected)
    {
        File.WriteAllBytes(File1, bytes);
        Assert.Contains(expected, Assert.Throws<SafetensorsException>(() => SafetensorsFile.Read(File1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_and_a_folder_are_named()
    {
        Assert.Contains("there is no such file", Assert.Throws<SafetensorsException>(() => SafetensorsFile.Read(File1)).Message,
            StringComparison.Ordinal);
        Assert.Contains("cannot be read", Assert.Throws<SafetensorsException>(() => SafetensorsFile.Read(_folder.Path)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>A truncated file is refused; a flipped byte of the header is refused or changes what is read, never the program's course.</summary>
    [Fact]
    public void A_damaged_file_is_refused_or_read_whole()
    {
        SafetensorsFile.Write(File1, s_golden, s_goldenMetadata);
        var good = File.ReadAllBytes(File1);
        for (var length = 0; length < good.Length; length++)
        {
            File.WriteAllBytes(File1, good[..length]);
            Assert.Throws<SafetensorsException>(() => SafetensorsFile.Read(File1));
        }

        var headerEnd = 8 + BinaryPrimitives.ReadInt32LittleEndian(good);
        var refused = 0;
        for (var i = 0; i < headerEnd; i++)
        {
            foreach (var flip in new byte[] { 0x01, 0x02, 0x10, 0x20, 0x80, 0xFF })
            {
                var bad = good.ToArray();
                bad[i] ^= flip;
                File.WriteAllBytes(File1, bad);
                refused += IsRefused() ? 1 : 0;
            }
        }

        Assert.InRange(refused, headerEnd * 3, headerEnd * 6);

        // What is not refused (a letter of a name or of the metadata) still has every number.
        bool IsRefused()
        {
            try
            {
                var tensors = SafetensorsFile.Read(File1).Tensors;
                Assert.Equal([1, -2.5f, float.NaN], tensors.SelectMany(tensor => tensor.Values.ToArray()));
                return false;
            }
            catch (SafetensorsException)
            {
                return true;
            }
        }
    }

    [Fact]
    public void Tensors_that_cannot_be_written_leave_no_file()
    {
        Assert.Throws<ArgumentException>(() => SafetensorsFile.Write(File1, [s_golden[0], s_golden[0]], s_goldenMetadata));
        Assert.Throws<ArgumentException>(() => SafetensorsFile.Write(File1, [new("a", [3], new float[2])], s_goldenMetadata));
        Assert.Throws<ArgumentException>(() => SafetensorsFile.Write(File1, [new("__metadata__", [0], default)], s_goldenMetadata));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    private void WriteRaw(string header, int dataBytes)
    {
        var bytes = Encoding.UTF8.GetBytes(header);
        var prefix = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(prefix, bytes.Length);
        File.WriteAllBytes(File1, [.. prefix, .. bytes, .. new byte[dataBytes]]);
    }
}
