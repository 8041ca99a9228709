using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tests;

public sealed class PreparedDataFileTests
{
    private const int HeaderAt = 56;

    public static TheoryData<string> Sources => [.. Recipes.Keys];

    private static Dictionary<string, DataRecipe> Recipes { get; } = new()
    {
        ["bytes, one factor"] = new() { Source = Digits, Scale = 1 / 16.0 },
        ["bytes, a factor for each feature, all parts"] = new()
        {
            Source = Digits,
            Scaling = ScalingKind.Standard,
            Validation = new SplitSize(100, null),
            Test = new SplitSize(null, 0.2),
        },
        ["floats, several numbers as targets"] = new()
        {
            Source = Inline([[0.5f, -1], [1e-30f, 2], [3, -0f]], [[1, 0.25f], [2, -3], [3, 4]]),
            Task = TaskKind.Regression,
            Test = new SplitSize(1, null),
        },
        ["scaled targets"] = new()
        {
            Source = Inline([[1], [2]], [[250_000], [400_000]]),
            Task = TaskKind.Regression,
            TargetScale = 1 / 100_000.0,
        },
        ["weighted classes"] = new()
        {
            Source = Digits,
            ClassWeights = new([]),
            Validation = new SplitSize(100, null),
        },
        ["one row"] = new() { Source = Inline([[7]], [[1]]) },
    };

    private static NamedSource Digits => new("digits");

    [Theory]
    [MemberData(nameof(Sources))]
    public void File_gives_back_the_same_rows_and_the_same_fingerprint(string source)
    {
        using var folder = new TempFolder();
        var data = DataPreparation.Prepare(Recipes[source], 1, folder.Locations);
        var path = Path.Combine(folder.Path, "rows.ctdata");

        PreparedDataFile.Write(data, path);
        var opened = PreparedDataFile.Open(path);

        Assert.Equal(data.Fingerprint, opened.Fingerprint);
        AssertSameRows(data.Train, opened.Train);
        AssertSameRows(data.Validation, opened.Validation);
        AssertSameRows(data.Test, opened.Test);
        Assert.Equal<string>(data.FeatureNames, opened.FeatureNames);
        Assert.Equal<string>(data.TargetNames, opened.TargetNames);
        Assert.Equal<string>(data.Classes, opened.Classes);
        Assert.Equal(data.Encoding.ToJson(), opened.Encoding.ToJson());
        Assert.Equal((data.Task, data.TargetScale, data.Shape), (opened.Task, opened.TargetScale, opened.Shape));
    }

    [Fact]
    public void Stream_and_file_hold_the_same_bytes_and_a_file_can_be_written_again_from_itself()
    {
        using var folder = new TempFolder();
        var (path, again) = (Path.Combine(folder.Path, "a"), Path.Combine(folder.Path, "b"));
        var data = DataPreparation.Prepare(Recipes["bytes, a factor for each feature, all parts"], 1, folder.Locations);
        using var stream = new MemoryStream();

        PreparedDataFile.Write(data, path);
        PreparedDataFile.Write(data, stream);
        PreparedDataFile.Write(PreparedDataFile.Open(path), again);

        Assert.Equal(stream.ToArray(), File.ReadAllBytes(path));
        Assert.Equal(stream.ToArray(), File.ReadAllBytes(again));
        Assert.Equal(stream.Length, PreparedDataFile.Length(data));
    }

    [Fact]
    public void Format_is_the_one_on_record()
    {
        using var stream = new MemoryStream();
        using var folder = new TempFolder();
        var recipe = new DataRecipe { Source = Inline([[1, 2], [3, 4]], [[0], [1]]), Scale = 0.5 };

        PreparedDataFile.Write(DataPreparation.Prepare(recipe, 1, folder.Locations), stream);
        var bytes = stream.ToArray();

        var headerBytes = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(12));
        Assert.Equal("ctdata\r\n", Encoding.ASCII.GetString(bytes, 0, 8));
        Assert.Equal(1, BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(8)));
        Assert.Equal(bytes.Length, BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(16)));
        Assert.StartsWith("{\"task\":\"classification\",", Encoding.UTF8.GetString(bytes, HeaderAt, headerBytes), StringComparison.Ordinal);
        var rows = (HeaderAt + headerBytes + 63) / 64 * 64;
        Assert.Equal([1, 2, 3, 4], bytes[rows..(rows + 4)]);
        Assert.Equal([0, 0, 1, 0], bytes[(rows + 64)..]);
    }

    [Fact]
    public void Progress_ends_at_the_length_of_the_file()
    {
        using var folder = new TempFolder();
        var data = DataPreparation.Prepare(Recipes["bytes, one factor"], 1, folder.Locations);
        var seen = new List<DataProgress>();

        PreparedDataFile.Write(data, Path.Combine(folder.Path, "a"), new Listener(seen.Add));

        Assert.Equal(PreparedDataFile.Length(data), seen[^1].Bytes);
        Assert.All(seen, report => Assert.Equal((DataActivity.Writing, (long?)PreparedDataFile.Length(data)), (report.Activity, report.TotalBytes)));
    }

    [Fact]
    public void Cancelled_writing_leaves_the_old_file()
    {
        using var folder = new TempFolder();
        var path = folder.Write("a", "old");
        var data = DataPreparation.Prepare(Recipes["bytes, one factor"], 1, folder.Locations);

        Assert.Throws<OperationCanceledException>(() => PreparedDataFile.Write(data, path, null, new CancellationToken(true)));

        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Theory]
    [InlineData("", "not a file of prepared data")]
    [InlineData("ctdata", "not a file of prepared data")]
    [InlineData("a,b,y\n1,2,3\n", "not a file of prepared data")]
    [InlineData("ctdata\r\n", "cut off: it has 8 bytes")]
    public void Other_files_are_refused(string content, string message)
    {
        using var folder = new TempFolder();
        AssertRefused(folder.Write("a", content), message);
    }

    [Fact]
    public void Missing_file_is_told()
    {
        using var folder = new TempFolder();
        AssertRefused(Path.Combine(folder.Path, "missing"), "cannot be opened");
    }

    [Theory]
    [InlineData(8, "version")]
    [InlineData(15, "damaged: it says that its header has")]
    [InlineData(16, "checksum")]
    [InlineData(30, "checksum")]
    [InlineData(HeaderAt + 20, "checksum")]
    public void Damaged_header_is_refused(int at, string message)
    {
        using var folder = new TempFolder();
        var bytes = Digit();
        bytes[at] ^= 0x80;
        AssertRefused(folder.Write("a", bytes), message);
    }

    [Fact]
    public void Every_cut_and_every_addition_is_refused()
    {
        using var folder = new TempFolder();
        var bytes = Digit();
        foreach (var length in Enumerable.Range(0, bytes.Length))
        {
            Assert.Throws<DataException>(() => PreparedDataFile.Open(folder.Write("a", bytes[..length])));
        }

        AssertRefused(folder.Write("a", bytes[..^1]), "cut off");
        AssertRefused(folder.Write("a", [.. bytes, 0]), "too long");
    }

    [Theory]
    [InlineData("\"classification\"", "\"classificatiom\"", "task")]
    [InlineData("\"rows\":3", "\"rows\":4", "asks for")]
    [InlineData("\"rows\":3", "\"rows\":0", "rows")]
    [InlineData("\"rows\":3", "\"rows\":9e9", "not valid")]
    [InlineData("\"rows\":3", "\"rows\":1000000000000", "asks for")]
    [InlineData("\"form\":\"bytes\"", "\"form\":\"words\"", "form")]
    [InlineData("\"outputs\":3", "\"outputs\":2", "outputs")]
    [InlineData("\"classes\":[\"0\",\"1\",\"2\"]", "\"classes\":[]", "classes")]
    [InlineData("\"features\":1", "\"features\":2", "encoding")]
    [InlineData("\"features\":1", "\"features\":0", "features")]
    [InlineData("\"targetScale\":1", "\"targetScale\":0", "targetScale")]
    [InlineData("\"classWeights\":[]", "\"classWeights\":[1,2]", "classWeights")]
    [InlineData("\"shape\":null", "\"shape\":{\"height\":2,\"width\":1}", "shape")]
    [InlineData("\"shape\":null", "\"shapes\":null", "not valid")]
    [InlineData("\"test\":null", "\"test\":{\"rows\":1,\"form\":\"bytes\",\"fingerprint\":\"\"}", "fingerprint")]
    public void Header_that_cannot_be_is_refused_although_its_checksum_is_right(string text, string instead, string message)
    {
        using var folder = new TempFolder();
        var bytes = Digit();
        var headerBytes = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(12));
        var header = Encoding.UTF8.GetString(bytes, HeaderAt, headerBytes);
        Assert.Contains(text, header, StringComparison.Ordinal);

        var changed = Encoding.UTF8.GetBytes(header.Replace(text, instead, StringComparison.Ordinal));
        byte[] rows = bytes[((HeaderAt + headerBytes + 63) / 64 * 64)..];
        byte[] file = [.. bytes[..HeaderAt], .. changed, .. new byte[(64 - ((HeaderAt + changed.Length) % 64)) % 64], .. rows];
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(12), changed.Length);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(16), file.Length);
        SHA256.HashData([.. file[..24], .. changed]).CopyTo(file, 24);

        AssertRefused(folder.Write("a", file), message);
    }

    [Fact]
    public void Damaged_rows_are_found_when_the_fingerprint_is_asked_for()
    {
        using var folder = new TempFolder();
        var bytes = Digit();
        bytes[^70] ^= 1;
        var path = folder.Write("a", bytes);
        var data = PreparedDataFile.Open(path);

        var error = Assert.Throws<DataException>(() => data.Fingerprint);

        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains("damaged", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_label_is_refused_when_it_is_read()
    {
        using var folder = new TempFolder();
        var bytes = Digit();
        bytes[^1] = 1;
        var data = PreparedDataFile.Open(folder.Write("a", bytes));

        Assert.Throws<DataException>(() => data.Train.Label(2));
        Assert.Throws<DataException>(() => data.Train.Gather([2], new float[1], new float[3]));
    }

    // Three rows of one feature, classes 0 to 2: the features are 64 bytes before the targets, the last 6 bytes.
    private static byte[] Digit()
    {
        using var folder = new TempFolder();
        using var stream = new MemoryStream();
        var recipe = new DataRecipe { Source = Inline([[10], [20], [30]], [[0], [1], [2]]) };
        PreparedDataFile.Write(DataPreparation.Prepare(recipe, 1, folder.Locations), stream);
        return stream.ToArray();
    }

    private static InlineSource Inline(float[][] features, float[][] targets) => new()
    {
        Features = [.. features.Select(row => row.ToImmutableArray())],
        Targets = [.. targets.Select(row => row.ToImmutableArray())],
    };

    private static void AssertRefused(string path, string message)
    {
        var error = Assert.Throws<DataException>(() => PreparedDataFile.Open(path));
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    private static void AssertSameRows(DataSet? expected, DataSet? actual)
    {
        Assert.Equal(expected?.Rows, actual?.Rows);
        if (expected is null || actual is null)
        {
            return;
        }

        Assert.Equal(expected.Fingerprint, actual.Fingerprint);
        Assert.Equal(Content(expected), Content(actual));
        if (!expected.Classes.IsEmpty)
        {
            Assert.Equal(expected.Label(expected.Rows - 1), actual.Label(actual.Rows - 1));
        }
    }

    private static uint[] Content(DataSet data)
    {
        var (features, targets) = (new float[data.Rows * data.Features], new float[data.Rows * data.Outputs]);
        data.Gather([.. Enumerable.Range(0, (int)data.Rows).Select(row => data.Rows - 1 - row)], features, targets);
        return [.. features.Concat(targets).Select(BitConverter.SingleToUInt32Bits)];
    }

    private sealed class Listener(Action<DataProgress> heard) : IProgress<DataProgress>
    {
        public void Report(DataProgress value) => heard(value);
    }
}
