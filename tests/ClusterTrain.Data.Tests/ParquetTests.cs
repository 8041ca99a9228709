using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Tables;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using Parquet;
using Parquet.Schema;

namespace ClusterTrain.Data.Tests;

/// <summary>A Parquet file is read as the CSV file of the same cells, and what cannot be read is told.</summary>
public sealed class ParquetTests
{
    private const string Csv = """
        n,x,f,w,t,d,when,y
        1,0.1,1.5,u,true,2024-02-29,2024-02-29 10:05:00,a
        2,,-0.25,,false,2023-12-31,2023-12-31 00:00:01,b
        4294967296,1E-09,3.4E+38,v,,,2020-01-01,a
        -4,12345678.123456789,0,u,true,1999-01-01,1999-01-01 23:00:00,b
        """;

    private const string Rest = """
        layers: [{ units: 2, activation: softmax }]
        loss: categorical-cross-entropy
        """;

    private const string Keys = "categorical: [w], booleans: [t], dates: { d: [year, month, day], when: [hour, days] }";
    private const string Fills = "scaling: robust, impute: { x: mean, w: category, t: median, d: median }";

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public async Task The_same_cells_give_the_same_bits(int rowsOfAGroup)
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", Csv);
        folder.Write("rows.parquet", await Rows(rowsOfAGroup));

        var csv = DataPreparation.Prepare(Recipe("csv", "rows.csv", Keys, Fills), folder.Locations);
        var parquet = DataPreparation.Prepare(Recipe("parquet", "rows.parquet", Keys, Fills), folder.Locations);
        var both = DataPreparation.Prepare(Recipe("csv", "rows.*", Keys, Fills), folder.Locations);

        Assert.Equal(csv.Fingerprint, parquet.Fingerprint);
        Assert.Equal(csv.Encoding.ToJson(), parquet.Encoding.ToJson());
        Assert.Equal(8, both.Train.Rows);
        Assert.Equal($"{Path.Combine(folder.Path, "rows.parquet")}: row 2", both.Train.Place(5));
    }

    [Fact]
    public async Task A_model_of_decimal_commas_reads_a_Parquet_file()
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", Csv.Replace(',', ';').Replace('.', ','));
        folder.Write("rows.parquet", await Rows(4));
        var recipe = Recipe("csv", "rows.csv", Keys, $"decimal: ',', {Fills}");
        var data = DataPreparation.Prepare(recipe, folder.Locations);
        var layout = new NetworkLayout(data.Train.Features, recipe.Layers);

        var read = new Model(recipe, layout, TestNetworks.Start(layout), data).ReadRows(Path.Combine(folder.Path, "rows.parquet"));

        Assert.True(read.HasTargets);
        Assert.Equal(data.Train.Fingerprint, read.Rows.Fingerprint);
    }

    [Fact]
    public async Task A_draft_of_a_recipe_is_made_of_a_Parquet_file()
    {
        using var folder = new TempFolder();
        var path = folder.Write("rows.parquet", await Rows(3));
        var draft = RecipeDraft.Of(path, "y", "r", "rows.parquet");
        Assert.Contains("\n    booleans: [t]\n    dates:  ", draft.Text, StringComparison.Ordinal);
        Assert.Equal(4, DataPreparation.Prepare(RecipeReader.Parse(draft.Text, "r.yaml", []), folder.Locations).Train.Rows);
    }

    [Theory]
    [InlineData("file: rows.parquet, target: z", ": there is no column 'z'. The columns are n, x, f, w, t, d, when, y.")]
    [InlineData("file: rows.parquet, target: y, features: [n, x]", ": row 2, column 'x' is empty. Fill the gap")]
    [InlineData("file: rows.parquet, target: y, features: [n, w]", ": row 1, column 'w' is 'u', not a number. Write numbers as 1234.5")]
    [InlineData("file: rows.parquet, target: y, features: [d]",
        ": row 1, column 'd' is '2024-02-29', not a number. It looks like a date: name the column under dates")]
    public async Task What_is_wrong_is_told_with_its_row(string source, string message)
    {
        using var folder = new TempFolder();
        var path = folder.Write("rows.parquet", await Rows(3));
        var error = Assert.Throws<DataException>(() =>
            DataPreparation.Prepare(RecipeTexts.Parse($"data: {{ parquet: {{ {source} }} }}\n{Rest}"), folder.Locations));
        Assert.StartsWith(path + message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Any_damage_is_an_error_that_names_the_file()
    {
        using var folder = new TempFolder();
        var whole = await Rows(4);
        var recipe = Recipe("csv", "rows.parquet", Keys, Fills);
        folder.Write("rows.parquet", whole);
        var expected = DataPreparation.Prepare(recipe, folder.Locations).Fingerprint;
        for (var length = 8; length < whole.Length; length += 97)
        {
            var path = folder.Write("rows.parquet", whole[..length]);
            Assert.StartsWith($"{path}: the Parquet file is damaged",
                Assert.Throws<DataException>(() => DataPreparation.Prepare(recipe, folder.Locations)).Message, StringComparison.Ordinal);
        }

        for (var at = 4; at < whole.Length; at += 31)
        {
            byte[] damaged = [.. whole[..at], (byte)~whole[at], .. whole[(at + 1)..]];
            var path = folder.Write("rows.parquet", damaged);
            var error = Record.Exception(() => Assert.NotEqual("", DataPreparation.Prepare(recipe, folder.Locations).Fingerprint));
            Assert.True(error is null or DataException, $"byte {at}: {error}");
        }

        Assert.NotEmpty(expected);
    }

    [Fact]
    public async Task A_Parquet_file_cannot_come_through_a_pipe()
    {
        using var stream = new MemoryStream(await Rows(4));
        using var pipe = new CountedStream(stream, _ => { });
        var error = Assert.Throws<DataException>(() => DataFile.Over("standard input", pipe));
        Assert.Equal("standard input: is Parquet, which cannot be read from a pipe. Name a file.",
            error.Message);
    }

    private static Recipe Recipe(string source, string file, string keys, string data) =>
        RecipeTexts.Parse($"data: {{ {source}: {{ file: {file}, target: y, {keys} }}, {data} }}\n{Rest}");

    private static async Task<byte[]> Rows(int rowsOfAGroup)
    {
        var schema = new ParquetSchema(
            new DataField<long>("n"), new DataField<double>("x", nullable: true), new DataField<float>("f"),
                new DataField("w", typeof(string), isNullable: true),
            new DataField<bool>("t", nullable: true), new DataField<DateTime>("d", nullable: true), new DataField<DateTime>("when"),
                new DataField("y", typeof(string), isNullable: true));
        var fields = schema.DataFields;
        using var file = new MemoryStream();
        await using (var writer = await ParquetWriter.CreateAsync(schema, file))
        {
            for (var start = 0; start < 4; start += rowsOfAGroup)
            {
                var rows = start..Math.Min(4, start + rowsOfAGroup);
                using var group = writer.CreateRowGroup();
                await group.WriteAsync<long>(fields[0], new long[] { 1, 2, 4294967296, -4 }[rows]);
                await group.WriteAsync<double>(fields[1], new double?[] { 0.1, null, 1e-9, 12345678.123456789 }[rows]);
                await group.WriteAsync<float>(fields[2], new[] { 1.5f, -0.25f, 3.4e38f, 0 }[rows]);
                await group.WriteAsync(fields[3], new[] { "u", null!, "v", "u" }[rows]);
                await group.WriteAsync<bool>(fields[4], new bool?[] { true, false, null, true }[rows]);
                await group.WriteAsync<DateTime>(fields[5], new DateTime?[] { Utc(2024, 2, 29), Utc(2023, 12, 31), null, Utc(1999, 1, 1) }[rows]);
                await group.WriteAsync<DateTime>(fields[6],
                    new[] { Utc(2024, 2, 29, 10, 5), Utc(2023, 12, 31, 0, 0, 1), Utc(2020, 1, 1), Utc(1999, 1, 1, 23) }[rows]);
                await group.WriteAsync(fields[7], new[] { "a", "b", "a", "b" }[rows]);
            }
        }

        return file.ToArray();
    }

    private static DateTime Utc(int year, int month, int day, int hour = 0, int minute = 0, int second = 0) =>
        new(year, month, day, hour, minute, second, DateTimeKind.Utc);
}
