using System.Collections.Immutable;
using System.Text;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tests;

/// <summary>Whatever is wrong with a file, the message names the file, the place, the value and the way on.</summary>
public sealed class BadDataTests
{
    private static readonly byte[] s_pixels = [1, 2, 3, 4, 5, 6, 7, 8];
    private static readonly byte[] s_images = TempFolder.Idx(8, [2, 2, 2], s_pixels);
    private static readonly byte[] s_labels = TempFolder.Idx(8, [2], [0, 1]);

    public static TheoryData<string, byte[], byte[], string[]> BadIdx => new()
    {
        { "empty", [], s_labels, ["images: the file is empty"] },
        { "magic", [0x50, 0x4B, 3, 5, 0], s_labels, ["images: not an IDX file", "50 4B 03 05", "00 00 08 03"] },
        { "zip", [0x50, 0x4B, 3, 4, 0], s_labels, ["images: is a zip archive; unpack it"] },
        { "short magic", [0, 0], s_labels, ["images: not an IDX file", "begins with 00 00 "] },
        { "type", TempFolder.Idx(0x0C, [2, 1], s_pixels), s_labels, ["images", "0x0C (32-bit integers)", "byte 2", "Convert"] },
        { "header cut off", s_images[..10], s_labels, ["images: the file is cut off", "16 bytes", "10"] },
        { "values cut off", s_images[..^1], s_labels, ["images: the file is cut off", "24 bytes", "23"] },
        { "gzip of values cut off", TempFolder.Gzip(s_images[..^1]), s_labels, ["images: the file is cut off", "24 bytes", "23"] },
        { "continues", [.. s_images, 9], s_labels, ["images: the file continues after byte 24", "2 x 2 x 2"] },
        { "packed continues", TempFolder.Gzip([.. s_images, 9]), s_labels, ["images: the file continues after byte 24"] },
        { "no rows", TempFolder.Idx(8, [0, 2, 2], []), s_labels, ["images: dimension 0 at byte 4 is 0"] },
        { "no columns", TempFolder.Idx(8, [2, 0], []), s_labels, ["images: dimension 1 at byte 8 is 0"] },
        { "too many", TempFolder.Idx(8, [int.MaxValue, 1000], []), s_labels, ["images", "2147483647 x 1000", "at most"] },
        { "promises memory", TempFolder.Gzip(TempFolder.Idx(8, [1_000_000, 1000], [])), s_labels, ["images: the file is cut off"] },
        { "NaN", Floats(1, 2, 3, float.NaN), s_labels, ["images: row 1, value 1 is NaN"] },
        { "infinite", Floats(float.NegativeInfinity, 2, 3, 4), s_labels, ["images: row 0, value 0 is -Infinity"] },
        { "gzip cut off", TempFolder.Gzip(s_images)[..^12], s_labels, ["images", "Fetch it again"] },
        { "gzip damaged", Damaged(TempFolder.Gzip(s_images)), s_labels, ["images: the gzip file is damaged"] },
        { "labels for other rows", s_images, TempFolder.Idx(8, [3], [0, 1, 2]), ["labels: 3 labels for the 2 rows of ", "images"] },
        { "labels of two values", s_images, TempFolder.Idx(8, [2, 2], [0, 1, 2, 3]), ["labels", "2 a row"] },
        { "labels of floats", s_images, TempFolder.Idx(0x0D, [2], TempFolder.BigEndian(0, 1)), ["labels", "floats", "regression"] },
    };

    [Theory]
    [MemberData(nameof(BadIdx))]
    public void Idx_file_with_a_fault_is_refused(string fault, byte[] images, byte[] labels, string[] said)
    {
        using var folder = new TempFolder();
        folder.Write("images", images);
        folder.Write("labels", labels);

        var source = new IdxSource { Features = "images", Labels = "labels" };

        AssertSays(fault, said, () => Prepare(folder, source));
    }

    [Fact]
    public void Idx_test_rows_have_to_fit_the_training_rows()
    {
        using var folder = new TempFolder();
        folder.Write("images", s_images);
        folder.Write("labels", s_labels);
        folder.Write("wide", TempFolder.Idx(8, [1, 5], [1, 2, 3, 4, 5]));
        folder.Write("one", TempFolder.Idx(8, [1, 4], [1, 2, 3, 4]));
        folder.Write("seven", TempFolder.Idx(8, [1], [7]));
        var source = new IdxSource { Features = "images", Labels = "labels", TestFeatures = "wide", TestLabels = "seven" };

        AssertSays("width", ["wide: 5 features a row", "images has 4"], () => Prepare(folder, source));
        source = source with { TestFeatures = "one" };
        AssertSays("class", ["seven: row 0 has the label 7", "0 to 1"], () => Prepare(folder, source));
        AssertSays("half", ["one", "belong together"], () => Prepare(folder, source with { TestLabels = null }));
    }

    public static TheoryData<string, byte[], string[]> BadCsv => new()
    {
        { "empty", [], ["rows.csv: the file is empty"] },
        { "header only", Text("a,b,y\n"), ["rows.csv: a header but no rows"] },
        { "decimal commas between semicolons", Text("a;b;y\n1,5;2;3\n"),
            ["rows.csv: line 2, column 'a' is '1,5', not a number. Where the comma stands before decimals, set data.decimal: \",\""] },
        { "an unknown delimiter", Text("a:b:y\n1:2:3\n"),
            ["rows.csv: line 1 is one column: there is no comma in it. Set data.delimiter to what stands between the columns: comma, semicolon"] },
        { "a word for a missing value", Text("a,b,y\n1,N/A,3\n"),
            ["rows.csv: line 2, column 'b' is 'N/A', not a number.", "Where it stands for a missing value, set data.missing: [\"N/A\"]."] },
        { "another word for one", Text("a,b,y\n1,NaN,3\n"),
            ["rows.csv: line 2, column 'b' is 'NaN', not a finite 32-bit number.", "set data.missing: [\"NaN\"]."] },
        { "Excel's line in vain", Text("sep=ab\na,b,y\n1,2,3\n"), ["rows.csv: line 1 is one column"] },
        { "Excel's line of a letter", Text("sep=a\na,b,y\n1,2,3\n"),
            ["rows.csv: line 1 is 'sep=a', which does not say what stands between the columns. Write sep=; or"] },
        { "one class", Text("a,b,y\n1,2,ham\n3,4,ham\n"), ["rows.csv: all rows have the class 'ham'; a classification needs two classes at least."] },
        { "missing target", Text("a,b,why\n1,2,3\n"), ["rows.csv: there is no column 'y'", "a, b, why"] },
        { "word", Text("a,b,y\n1,2,0\n1,two,0\n"), ["rows.csv: line 3, column 'b' is 'two', not a number"] },
        { "empty cell", Text("a,b,y\n1,,0\n"), ["rows.csv: line 2, column 'b' is empty"] },
        { "NaN", Text("a,b,y\nNaN,1,0\n"), ["rows.csv: line 2, column 'a' is 'NaN'", "finite"] },
        { "too large", Text("a,b,y\n1,1e39,0\n"), ["rows.csv: line 2, column 'b' is '1e39'", "finite"] },
        { "no label", Text("a,b,y\n1,2, \n"), ["rows.csv: line 2, column 'y' is empty"] },
        { "short line", Text("a,b,y\n1,2,0\n\n1,2\n"), ["rows.csv: line 4 has 2 cells where there are 3 columns"] },
        { "long line", Text("a,b,y\n1,2,0,4\n"), ["rows.csv: line 2 has 4 cells where there are 3 columns"] },
        { "decimal commas", Text("a,b,y\n1,5,2,5,0\n"), ["rows.csv: line 2 has 5 cells"] },
        { "names twice", Text("a,a,y\n1,2,0\n"), ["rows.csv: line 1: two columns are named 'a'"] },
        { "no name", Text("a,,y\n1,2,0\n"), ["rows.csv: line 1: column 2 has no name"] },
        { "only targets", Text("y\n1\n"), ["rows.csv: all columns are targets"] },
        { "quote in a cell", Text("a,b,y\n1,2\"3,0\n"), ["rows.csv: line 2", "quote"] },
        { "a blank before a quote", Text("a,b,y\n1, \"2, 3\",0\n"),
            ["rows.csv: line 2: a space before a quote makes the quote part of the text. Remove the space."] },
        { "Excel's line of another delimiter", Text("sep=;\na,b,y\n1,2,3\n"),
            ["rows.csv: line 2 is one column: there is no semicolon in it, which line 1 says stands between the columns. Correct line 1, or"] },
        { "text after a quote", Text("a,b,y\n1,2,\"ca\"t\n"), ["rows.csv: line 2: a cell in quotes continues after the closing quote"] },
        { "quotes that open and double", Text("a,b,y\n1,2,\"cat\"\"\n3,4,dog\n"), ["rows.csv: line 2: the quote that opens a cell is never closed"] },
        { "three quotes", Text("a,b,y\n1,2,cat\n3,4,\"\"\""), ["rows.csv: line 3: the quote that opens a cell is never closed"] },
        { "zero characters after a number", Text("a,b,y\n1,2\0\0,0\n"), ["rows.csv: line 2 has a zero character"] },
        { "a number and more", Text("a,b,y\n1,2x,0\n"), ["rows.csv: line 2, column 'b' is '2x', not a number"] },
        { "digits of another script", Text("a,b,y\n1,\u0664,0\n"), ["rows.csv: line 2, column 'b' is '\u0664', not a number"] },
        { "thousands", Text("a,b,y\n1,\"2,000\",0\n"), ["rows.csv: line 2, column 'b' is '2,000', not a number"] },
        { "open quote", Text("a,b,y\n1,2,\"" + new string('x', 70_000)), ["rows.csv: line 2: in the row that begins there", "closing quote"] },
        { "quote never closed", Text("a,b,y\n1,2,\"cat\n3,4,dog\n"), ["rows.csv: line 2: the quote that opens a cell is never closed"] },
        { "not UTF-8", [.. Text("a,b,y\n1,2,"), 0xFF, 0xFE, 0xFF], ["rows.csv: not UTF-8"] },
        { "Excel", [.. Text("PK\x03\x04\x14"), .. Text("[Content_Types].xml xl/workbook.xml")],
            ["rows.csv: is an Excel workbook; save the sheet as CSV."] },
        { "old Excel", [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], ["rows.csv: is an old Excel workbook"] },
        { "Parquet", Text("PAR1\0\0"), ["rows.csv: the Parquet file is damaged, cut off, or of a kind that is not read: ", ". Write it again."] },
        { "web page", Text("\n<!DOCTYPE html><html>404</html>"), ["rows.csv: is a web page"] },
        { "JSON", Text(" [{ \"a\": 1, \"y\": 2 }]"), ["rows.csv: is JSON; write its rows as CSV"] },
        { "no line of names", Text("1,2,3\n4,5,6\n"),
            ["rows.csv: there is no column 'y'. The columns are 1, 2, 3. Where line 1 is a row and names no columns, set csv.header: false and name "
                + "columns by their places, c0 to c2,"] },
        { "a mark twice", Text("\ufeff\ufeffa,b,why\n1,2,3\n"), ["rows.csv: there is no column 'y'.", "\\ufeffa, b, why."] },
        { "a blank that does not break", Text("a,b,y\n1,2\u00a0000,0\n"), ["rows.csv: line 2, column 'b' is '2\\u00a0000', not a number."] },
        { "gzip and more", [.. TempFolder.Gzip(Text("a,b,y\n1,2,0\n1,3,1\n")), .. Text("<html>")], ["rows.csv: the gzip file is damaged"] },
        { "gzip and much more", [.. TempFolder.Gzip(Text("a,b,y\n1,2,0\n1,3,1\n")), .. new byte[20_000], 1], ["rows.csv: the gzip file is damaged"] },
        { "gzip damaged", Damaged(TempFolder.Gzip(Text("a,b,y\n1,2,0\n1,3,1\n"))), ["rows.csv: the gzip file is damaged"] },
    };

    [Fact]
    public void Packed_csv_file_that_is_cut_off_anywhere_is_refused()
    {
        using var folder = new TempFolder();
        var whole = TempFolder.Gzip(Text(string.Concat(Enumerable.Range(0, 200).Select(row => $"{row},{row * 7},{row % 2}\n"))));
        for (var length = 2; length < whole.Length; length++)
        {
            folder.Write("rows.csv", whole[..length]);
            AssertSays(
                $"{length} bytes of {whole.Length}",
                ["rows.csv: the gzip file is damaged, cut off, or continues with bytes that are not gzip. Fetch it again."],
                () => Prepare(folder, new CsvSource { File = "rows.csv", Targets = ["c2"], Header = false }));
        }
    }

    [Theory]
    [MemberData(nameof(BadCsv))]
    public void Csv_file_with_a_fault_is_refused(string fault, byte[] content, string[] said)
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", content);

        AssertSays(fault, said, () => Prepare(folder, new CsvSource { File = "rows.csv", Targets = ["y"] }));
    }

    [Fact]
    public void Gzip_files_one_after_the_other_and_zeros_at_their_end_are_whole()
    {
        using var folder = new TempFolder();
        byte[] packed = [.. TempFolder.Gzip(Text("a,b,y\n1,2,0\n")), .. TempFolder.Gzip(Text("1,3,1\n"))];
        folder.Write("rows.csv", [.. packed, .. new byte[9000]]);

        var recipe = new DataRecipe { Source = new CsvSource { File = "rows.csv", Targets = ["y"] } };
        Assert.Equal(2, DataPreparation.Prepare(recipe, 1, folder.Locations).Train.Rows);
    }

    [Fact]
    public void Names_where_none_are_expected_are_told()
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", "a,b,y\n1,2,0\n");

        AssertSays(
            "a header", ["rows.csv: line 1, column 'c0' is 'a', not a number.", "Where the first line names the columns, set csv.header: true."],
            () => Prepare(folder, new CsvSource { File = "rows.csv", Targets = ["c2"], Header = false }));
    }

    [Fact]
    public void A_folder_in_place_of_a_file_is_told()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(Path.Combine(folder.Path, "tables"));

        AssertSays("a folder", ["tables: this is a folder. Name a file in it in the recipe, or all of a kind, such as tables/*.csv."],
            () => Prepare(folder, new CsvSource { File = "tables", Targets = ["y"] }));
    }

    [Theory]
    [InlineData("x,y,note\n1,a,\"ok\n2,b,ok\n3,a,ok\n", 2)]
    [InlineData("x,y,note\n1,a,ok\n2,b,\"two\nlines\",\"", 4)]
    [InlineData("x,y,note\n1,a,ok\n2,b,\"ok\n3,a,\"ok\"\n", 3)]
    [InlineData("x,y,note\n1,a,\"two\nlines\"\n2,b,o\"k\n", 4)]
    [InlineData("x,y,note\n1,a,ok\n2,b,o\0k\n", 3)]
    public void Damage_in_a_column_that_is_not_used_is_refused_too(string content, int line)
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", content);
        var recipe = RecipeTexts.Parse("""
            data: { csv: { file: rows.csv, target: y, features: [x] } }
            layers: [{ units: 2, activation: softmax }]
            loss: categorical-cross-entropy
            """);
        string[] said = [$"rows.csv: line {line}"];

        AssertSays("training", said, () => DataPreparation.Prepare(recipe, folder.Locations));
        AssertSays("file", said, () => DataPreparation.PrepareToFile(recipe, folder.Locations, Path.Combine(folder.Path, "rows.ctdata")));
    }

    [Fact]
    public void An_empty_line_in_a_file_of_one_column_is_an_empty_cell()
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", "x,y\n1,a\n2,b\n");
        var recipe = RecipeTexts.Parse("""
            data: { csv: { file: rows.csv, target: y } }
            layers: [{ units: 2, activation: softmax }]
            loss: categorical-cross-entropy
            """);
        var layout = new NetworkLayout(1, recipe.Layers);
        var model = new Model(recipe, layout, TestNetworks.Start(layout), DataPreparation.Prepare(recipe, folder.Locations));

        var error = Assert.Throws<DataException>(() => model.ReadFeatures(folder.Write("one.csv", "x\n1\n\n2\n")));

        Assert.EndsWith("one.csv: line 3, column 'x' is empty. Fill the gap, leave the row out, or train with data.impute: { x: median }.",
            error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Misspelt_column_is_answered_with_the_nearest_one()
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", "petal_length,petal_width,species\n1,2,a\n");

        AssertSays(
            "feature",
            ["rows.csv: there is no column 'petal_lenght'", "Did you mean 'petal_length'?"],
            () => Prepare(folder, new CsvSource { File = "rows.csv", Targets = ["species"], Features = ["petal_lenght"] }));
        AssertSays(
            "used twice",
            ["rows.csv: column 'species' is used twice"],
            () => Prepare(folder, new CsvSource { File = "rows.csv", Targets = ["species"], Features = ["species"] }));
        AssertSays(
            "two labels",
            ["one target column", "2 are named"],
            () => Prepare(folder, new CsvSource { File = "rows.csv", Targets = ["species", "petal_width"] }));
        AssertSays(
            "names without header",
            ["line 1 has 3 columns and the recipe names 2"],
            () => Prepare(folder, new CsvSource { File = "rows.csv", Targets = ["y"], Header = false, Columns = ["x", "y"] }));
    }

    [Fact]
    public void Csv_test_file_has_to_fit_the_training_file()
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", "a,b,y\n1,2,cat\n3,4,dog\n");
        folder.Write("test.csv", "a,b,y\n1,2,cat\n3,4,cow\n");
        folder.Write("narrow.csv", "a,y\n1,cat\n");
        var source = new CsvSource { File = "rows.csv", TestFile = "test.csv", Targets = ["y"] };

        AssertSays("class", ["test.csv: line 3, column 'y' is 'cow'"], () => Prepare(folder, source));
        source = source with { TestFile = "narrow.csv" };
        AssertSays("width", ["narrow.csv: there is no column 'b'"], () => Prepare(folder, source));
    }

    public static TheoryData<string, float[][], float[][], string[]> BadInline => new()
    {
        { "none", [], [], ["there are none"] },
        { "fewer targets", [[1], [2]], [[0]], ["2 rows of features and 1 of targets"] },
        { "ragged", [[1, 2], [3]], [[0], [1]], ["row 1 has 1 features where row 0 has 2"] },
        { "no features", [[]], [[0]], ["row 0 has no features"] },
        { "NaN", [[1, float.NaN]], [[0]], ["row 0, value 1 of the features is NaN"] },
        { "no class index", [[1]], [[0.5f]], ["row 0 has the label 0.5"] },
        { "negative class", [[1], [2]], [[0], [-1]], ["row 1 has the label -1"] },
        { "two classes", [[1]], [[0, 1]], ["2 targets a row"] },
    };

    [Theory]
    [MemberData(nameof(BadInline))]
    public void Inline_rows_with_a_fault_are_refused(string fault, float[][] features, float[][] targets, string[] said)
    {
        using var folder = new TempFolder();
        var source = new InlineSource { Features = Rows(features), Targets = Rows(targets) };

        AssertSays(fault, ["the recipe's rows", .. said], () => Prepare(folder, source));
    }

    [Fact]
    public void Missing_file_is_answered_with_the_folders_looked_in()
    {
        using var folder = new TempFolder();
        var locations = new DataLocations(folder.Path, ["/data/one"], "/data/cache");
        var recipe = new DataRecipe { Source = new CsvSource { File = "rows.csv", Targets = ["y"] } };

        AssertSays(
            "relative",
            ["rows.csv", folder.Path, "one", "cache", "CLUSTERTRAIN_DATA"],
            () => DataPreparation.Prepare(recipe, 1, locations));

        var rooted = Path.Combine(folder.Path, "none.csv");
        recipe = new DataRecipe { Source = new CsvSource { File = rooted, Targets = ["y"] } };
        AssertSays("rooted", [rooted, "no such file"], () => DataPreparation.Prepare(recipe, 1, locations));
    }

    [Fact]
    public void Preparation_that_cannot_work_is_refused()
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", "a,y\n1,0\n2,1\n1e38,0\n");
        var source = new CsvSource { File = "rows.csv", Targets = ["y"] };
        var recipe = new DataRecipe { Source = source };

        AssertSays("scale 0", ["data.scale is 0"], () => Prepare(folder, recipe with { Scale = 0 }));
        AssertSays("overflow", ["rows.csv: line 4: feature 0"], () => Prepare(folder, recipe with { Scale = 100 }));
        AssertSays(
            "all held back",
            ["rows.csv: 2 rows for testing and 1 for validation", "3"],
            () => Prepare(folder, recipe with { Test = new SplitSize(2, null), Validation = new SplitSize(1, null) }));
        AssertSays("name", ["no data set 'minst'", "mnist"], () => Prepare(folder, new NamedSource("minst")));
        recipe = new DataRecipe { Source = new NamedSource("digits"), Task = TaskKind.Regression };
        AssertSays("task", ["digits", "classification"], () => Prepare(folder, recipe));
    }

    private static ImmutableArray<ImmutableArray<float>> Rows(float[][] rows) => [.. rows.Select(row => row.ToImmutableArray())];

    private static byte[] Floats(params float[] values) =>
        TempFolder.Idx(0x0D, [2, values.Length / 2], TempFolder.BigEndian(values));

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    private static byte[] Damaged(byte[] packed)
    {
        // The checksum of the content lies eight bytes before the end.
        packed[^8] ^= 0xFF;
        return packed;
    }

    private static void Prepare(TempFolder folder, DataSource source) => Prepare(folder, new DataRecipe { Source = source });

    private static void Prepare(TempFolder folder, DataRecipe recipe) => DataPreparation.Prepare(recipe, 1, folder.Locations);

    private static void AssertSays(string fault, string[] said, Action prepare)
    {
        var message = Assert.Throws<DataException>(prepare).Message;
        foreach (var words in said)
        {
            Assert.True(message.Contains(words, StringComparison.Ordinal), $"{fault}: '{words}' is not in: {message}");
        }
    }
}
