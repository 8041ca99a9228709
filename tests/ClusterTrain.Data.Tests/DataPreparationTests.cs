using System.Collections.Immutable;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Data.Store;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tests;

public sealed class DataPreparationTests
{
    [Fact]
    public void Digits_are_part_of_the_program()
    {
        using var folder = new TempFolder();
        var recipe = new DataRecipe { Source = new NamedSource("digits"), Scale = 1 / 16.0 };
        var prepared = DataPreparation.Prepare(recipe, 1, folder.Locations);

        Assert.Equal((1797, 64, 10), (prepared.Train.Rows, prepared.Train.Features, prepared.Train.Outputs));
        Assert.Equal<string>(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], prepared.Classes);
        Assert.Equal(new ImageShape(8, 8), prepared.Shape);
        Assert.Equal([0, 1, 2, 3, 4], Enumerable.Range(0, 5).Select(row => prepared.Train.Label(row)));
        Assert.Empty(new DataStore(folder.Locations).Get("digits").Files);
    }

    [Fact]
    public void Digits_have_the_fingerprint_on_record()
    {
        using var folder = new TempFolder();
        var recipe = new DataRecipe
        {
            Source = new NamedSource("digits"),
            Test = new SplitSize(null, 0.2),
            Validation = new SplitSize(null, 0.1),
        };

        Assert.Equal(
            "beea1d5388839d114ce6ee1b6b823636354c7b3cf72217fb97695d49c7687ced",
            DataPreparation.Prepare(recipe with { Scale = 1 / 16.0 }, 1, folder.Locations).Fingerprint);
        Assert.Equal(
            "f96eea79ee49bdc2a68f70d6b753d95b7f73e867df39ade445da7aba0f4f9d32",
            DataPreparation.Prepare(recipe with { Scaling = ScalingKind.Standard }, 1, folder.Locations).Fingerprint);
    }

    [Fact]
    public void Split_parts_are_disjoint_complete_and_of_the_size_asked_for()
    {
        var data = Numbered(1000, test: new SplitSize(null, 0.2), validation: new SplitSize(100, null), seed: 7);

        var (train, validation, test) = (Values(data.Train), Values(data.Validation!), Values(data.Test!));
        Assert.Equal((700, 100, 200), (train.Length, validation.Length, test.Length));
        Assert.Equal(Enumerable.Range(0, 1000).Select(i => (float)i), train.Concat(validation).Concat(test).Order());
        Assert.Equal(train.Order(), train);
        Assert.Equal(test.Order(), test);
    }

    [Fact]
    public void Split_follows_the_seed()
    {
        var half = new SplitSize(null, 0.5);

        Assert.Equal(Values(Numbered(1000, half, null, 7).Test!), Values(Numbered(1000, half, null, 7).Test!));
        Assert.NotEqual(Values(Numbered(1000, half, null, 7).Test!), Values(Numbered(1000, half, null, 8).Test!));
    }

    [Fact]
    public void Test_rows_do_not_change_when_validation_rows_are_held_back_too()
    {
        var fifth = new SplitSize(null, 0.2);

        Assert.Equal(Values(Numbered(1000, fifth, null, 7).Test!), Values(Numbered(1000, fifth, fifth, 7).Test!));
        Assert.Equal(160, Numbered(1000, fifth, fifth, 7).Validation!.Rows);
    }

    [Fact]
    public void Nothing_is_held_back_unasked()
    {
        var data = Numbered(10, null, null, 1);

        Assert.Null(data.Validation);
        Assert.Null(data.Test);
        Assert.Equal(10, data.Train.Rows);
    }

    [Fact]
    public void Source_with_test_rows_keeps_them_as_the_test()
    {
        using var folder = new TempFolder();
        folder.Write("train.csv", "a,b,y\n1,10,u\n2,20,v\n3,30,u\n4,40,v\n");
        folder.Write("test.csv", "y,b,a\nv,50,5\n");
        var recipe = new DataRecipe
        {
            Source = new CsvSource { File = "train.csv", TestFile = "test.csv", Targets = ["y"] },
            Test = new SplitSize(1, null),
            Validation = new SplitSize(1, null),
        };

        var data = DataPreparation.Prepare(recipe, 1, folder.Locations);

        Assert.Equal((3, 1, 1), (data.Train.Rows, data.Validation!.Rows, data.Test!.Rows));
        Assert.Equal([5, 50], Values(data.Test));
        Assert.Equal(1, data.Test.Label(0));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    public void Standardise_uses_the_statistics_of_the_training_rows_alone(double fraction)
    {
        // Once stored as bytes, once as floats.
        using var folder = new TempFolder();
        var lines = Enumerable.Range(0, 200)
            .Select(i => FormattableString.Invariant($"{((i * 37) % 101) + fraction},7,{i % 13},{i % 2}"));
        folder.Write("rows.csv", "a,same,b,y\n" + string.Join('\n', lines));
        var recipe = new DataRecipe
        {
            Source = new CsvSource { File = "rows.csv", Targets = ["y"] },
            Test = new SplitSize(60, null),
            Scaling = ScalingKind.Standard,
            Scale = 0.5,
        };

        var data = DataPreparation.Prepare(recipe, 3, folder.Locations);

        foreach (var feature in new[] { 0, 2 })
        {
            var train = Values(data.Train).Where((_, i) => i % 3 == feature).Select(value => (double)value).ToList();
            var mean = train.Average();
            Assert.Equal(0, mean, 1e-6);
            Assert.Equal(1, train.Average(value => (value - mean) * (value - mean)), 1e-6);
            Assert.NotEqual(0, Values(data.Test!).Where((_, i) => i % 3 == feature).Average(), 1e-3);
        }

        Assert.All(Values(data.Train).Where((_, i) => i % 3 == 1), value => Assert.Equal(0, value));
        Assert.Equal(0.5f, data.Scaling.Factors[1]);
    }

    [Fact]
    public void Scaling_survives_json_to_the_bit_and_prepares_other_rows_alike()
    {
        var data = Numbered(50, null, null, 1, standardise: true);
        var scaling = FeatureScaling.FromJson(data.Scaling.ToJson());
        var raw = Enumerable.Range(0, 50).Select(i => (float)i).ToArray();

        scaling.Apply(raw, raw);

        Assert.Equal(data.Scaling, scaling);
        Assert.Equal(Values(data.Train), raw);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("{\"features\":2,\"factors\":[1],\"shifts\":[]}")]
    [InlineData("{\"features\":3,\"factors\":[1,2],\"shifts\":[0,0]}")]
    public void Scaling_that_is_none_is_refused(string json) => Assert.Throws<DataException>(() => FeatureScaling.FromJson(json));

    [Fact]
    public void Idx_files_plain_or_packed_bytes_or_floats_give_the_same_rows()
    {
        using var folder = new TempFolder();
        byte[] pixels = [0, 50, 100, 150, 200, 250];
        folder.Write("images", TempFolder.Idx(8, [3, 1, 2], pixels));
        folder.Write("images.gz", TempFolder.Gzip(TempFolder.Idx(8, [3, 1, 2], pixels)));
        folder.Write("floats", TempFolder.Idx(0x0D, [3, 2], TempFolder.BigEndian([.. pixels.Select(pixel => (float)pixel)])));
        folder.Write("labels", TempFolder.Idx(8, [3], [2, 0, 1]));

        var data = new[] { "images", "images.gz", "floats" }
            .Select(name => new DataRecipe { Source = new IdxSource { Features = name, Labels = "labels" }, Scale = 0.01 })
            .Select(recipe => DataPreparation.Prepare(recipe, 1, folder.Locations))
            .ToList();

        Assert.Single(data.Select(prepared => prepared.Fingerprint).Distinct());
        Assert.Equal(pixels.Select(pixel => pixel * 0.01f), Values(data[0].Train));
        Assert.Equal<string>(["0", "1", "2"], data[0].Classes);
        Assert.Equal(new ImageShape(1, 2), data[0].Shape);
        Assert.Null(data[2].Shape);
    }

    [Fact]
    public void Idx_targets_of_a_regression_are_numbers()
    {
        using var folder = new TempFolder();
        folder.Write("x", TempFolder.Idx(8, [2, 1], [1, 2]));
        folder.Write("y", TempFolder.Idx(0x0D, [2, 2], TempFolder.BigEndian(0.5f, 1, 1.5f, 2)));
        var recipe = new DataRecipe { Source = new IdxSource { Features = "x", Labels = "y" }, Task = TaskKind.Regression };
        var (x, y) = (new float[1], new float[2]);

        DataPreparation.Prepare(recipe, 1, folder.Locations).Train.Gather([1], x, y);

        Assert.Equal([1.5f, 2], y);
    }

    [Fact]
    public void Csv_follows_rfc_4180_with_or_without_header_packed_or_not()
    {
        using var folder = new TempFolder();
        const string Rows = "\"1\", 2.5 ,\"big, \"\"red\"\"\"\r\n-3e-1,4,small\r\n";
        folder.Write("header.csv", "\uFEFFwidth,\"height\",kind\r\n" + Rows);
        folder.Write("plain.csv", Rows);
        folder.Write("packed.csv", TempFolder.Gzip(File.ReadAllBytes(folder.Write("again.csv", Rows))));
        CsvSource[] sources =
        [
            new() { File = "header.csv", Targets = ["kind"] },
            new() { File = "plain.csv", Targets = ["c2"], Header = false },
            new() { File = "packed.csv", Targets = ["kind"], Header = false, Columns = ["width", "height", "kind"] },
        ];

        var data = sources.Select(source => new DataRecipe { Source = source })
            .Select(recipe => DataPreparation.Prepare(recipe, 1, folder.Locations))
            .ToList();

        Assert.All(data, prepared => Assert.Equal([1, 2.5f, -0.3f, 4], Values(prepared.Train)));
        Assert.All(data, prepared => Assert.Equal<string>(["big, \"red\"", "small"], prepared.Classes));
        Assert.Equal<string>(["width", "height"], data[0].FeatureNames);
        Assert.Equal<string>(["c0", "c1"], data[1].FeatureNames);
    }

    [Theory]
    [InlineData("10 9 -1 9", "-1 9 10")]
    [InlineData("10 9 x", "10 9 x")]
    [InlineData("b B a", "B a b")]
    public void Csv_classes_stand_in_numeric_order_when_all_are_integers(string labels, string classes)
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", "a,y\n" + string.Join('\n', labels.Split(' ').Select(label => "1," + label)));

        var recipe = new DataRecipe { Source = new CsvSource { File = "rows.csv", Targets = ["y"] } };
        var data = DataPreparation.Prepare(recipe, 1, folder.Locations);

        Assert.Equal<string>(classes.Split(' '), data.Classes);
        Assert.Equal(labels.Split(' ')[0], data.Classes[data.Train.Label(0)]);
    }

    [Fact]
    public void Csv_features_are_those_chosen_in_the_order_chosen()
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", "a,note,b,y,z\n1,hello,2,3,4\n");
        var source = new CsvSource { File = "rows.csv", Features = ["b", "a"], Targets = ["z", "y"] };
        var (x, y) = (new float[2], new float[2]);

        var data = DataPreparation.Prepare(new DataRecipe { Source = source, Task = TaskKind.Regression }, 1, folder.Locations);
        data.Train.Gather([0], x, y);

        Assert.Equal([2, 1], x);
        Assert.Equal([4, 3], y);
    }

    [Fact]
    public void Files_are_looked_for_beside_the_recipe_then_in_the_data_folders_then_in_the_cache()
    {
        using var folder = new TempFolder();
        var (beside, one, two, cache) = ("recipe/f", "one/f", "two/f", "cache/f");
        foreach (var path in new[] { beside, one, two, cache })
        {
            folder.Write(path, "x");
        }

        var variables = new Dictionary<string, string>
        {
            [DataLocations.DataVariable] = In("one") + Path.PathSeparator + In("two"),
            [DataLocations.CacheVariable] = In("cache"),
        };
        var locations = DataLocations.FromEnvironment(In("recipe"), variables.GetValueOrDefault);

        foreach (var path in new[] { beside, one, two, cache })
        {
            Assert.Equal(In(path), locations.Find("f"));
            File.Delete(In(path));
        }

        Assert.Throws<DataException>(() => locations.Find("f"));

        string In(string path) => Path.GetFullPath(Path.Combine(folder.Path, path));
    }

    [Fact]
    public void Cache_lies_where_the_platform_keeps_caches()
    {
        var variables = new Dictionary<string, string> { ["HOME"] = "/home/ada", ["XDG_CACHE_HOME"] = "/fast/cache" };
        var cache = DataLocations.FromEnvironment(null, variables.GetValueOrDefault).Cache;

        if (OperatingSystem.IsLinux())
        {
            Assert.Equal("/fast/cache/clustertrain", cache);
        }
        else
        {
            Assert.EndsWith("clustertrain", cache, StringComparison.Ordinal);
        }
    }

    private static PreparedData Numbered(int rows, SplitSize? test, SplitSize? validation, ulong seed, bool standardise = false)
    {
        using var folder = new TempFolder();
        var source = new InlineSource
        {
            Features = [.. Enumerable.Range(0, rows).Select(i => ImmutableArray.Create((float)i))],
            Targets = [.. Enumerable.Range(0, rows).Select(i => ImmutableArray.Create((float)(i % 2)))],
        };
        var recipe = new DataRecipe
        {
            Source = source,
            Test = test,
            Validation = validation,
            Scaling = standardise ? ScalingKind.Standard
            : ScalingKind.None
        };
        return DataPreparation.Prepare(recipe, seed, folder.Locations);
    }

    private static float[] Values(DataSet data)
    {
        var values = new float[data.Rows * data.Features];
        data.Gather(0, (int)data.Rows, values, new float[data.Rows * data.Outputs]);
        return values;
    }
}
