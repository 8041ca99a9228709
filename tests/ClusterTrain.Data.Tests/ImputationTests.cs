using System.Globalization;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tests;

/// <summary>Missing values and unseen categories: what is learnt from the training rows, and kept for every file that is read later.</summary>
public sealed class ImputationTests
{
    private const string Rest = """
        layers: [{ units: 2, activation: softmax }]
        loss: categorical-cross-entropy
        """;

    private const string Homes = "rooms,age,city,y\n1,10,york,a\n,30,,b\n4,NA,bath,a\n4,20,bath,b\n7,NA,york,a\n";

    [Theory]
    [InlineData("{ rooms: mean, age: mean }", 4, 20)]
    [InlineData("{ rooms: median, age: median }", 4, 20)]
    [InlineData("{ rooms: { kind: constant, value: -2.5 }, age: { kind: constant, value: 0 } }", -2.5, 0)]
    public void Missing_numbers_are_filled(string impute, double rooms, double age)
    {
        using var folder = new TempFolder();
        var data = Train(folder, Homes, "features: [rooms, age]", $"missing: [NA], impute: {impute}").Data;

        Assert.Equal([1, 10, (float)rooms, 30, 4, (float)age, 4, 20, 7, (float)age], Features(data.Train));
        Assert.Equal<string>(["rooms", "age"], data.FeatureNames);
    }

    [Fact]
    public void The_median_of_an_even_number_of_values_is_the_mean_of_the_middle_two()
    {
        using var folder = new TempFolder();
        var data = Train(folder, "x,y\n1,a\n,b\n9,a\n2.5,b\n3,a\n", "", "impute: { x: median }").Data;
        Assert.Equal(2.75, data.Encoding.Fills.Single().Number);
    }

    [Fact]
    public void An_indicator_says_what_was_missing_in_a_column_that_misses_something()
    {
        using var folder = new TempFolder();
        var data = Train(
            folder,
            Homes,
            "categorical: [city], features: [city, age, rooms]",
            "missing: [NA], impute: { rooms: { kind: mean, indicator: true }, age: { kind: median, indicator: true }, city: { kind: most-frequent, "
                + "indicator: true } }").Data;

        Assert.Equal<string>(["city=bath", "city=york", "age", "rooms", "city is missing", "age is missing", "rooms is missing"], data.FeatureNames);
        Assert.Equal([0, 1, 10, 1, 0, 0, 0], Features(data.Train)[..7]);
        Assert.Equal([1, 0, 30, 4, 1, 0, 1], Features(data.Train)[7..14]);
        var none = Train(folder, Homes.Replace(",,", ",bath,", StringComparison.Ordinal)
            .Replace("\n,", "\n3,", StringComparison.Ordinal), "features: [rooms]", "impute: { rooms: { kind: mean, indicator: true } }").Data;
        Assert.Equal<string>(["rooms"], none.FeatureNames);
    }

    [Theory]
    [InlineData("category", "bath,york,(missing)", "0,0,1")]
    [InlineData("most-frequent", "bath,york", "1,0")]
    [InlineData("{ kind: constant, value: york }", "bath,york", "0,1")]
    [InlineData("{ kind: constant, value: else where }", "bath,else where,york", "0,1,0")]
    public void Missing_categories_are_filled(string policy, string names, string second)
    {
        using var folder = new TempFolder();
        var data = Train(folder, Homes, "categorical: [city], features: [city]", $"impute: {{ city: {policy} }}").Data;

        Assert.Equal<string>([.. names.Split(',').Select(name => $"city={name}")], data.FeatureNames);
        var width = data.Train.Features;
        Assert.Equal(second.Split(',').Select(value => float.Parse(value, CultureInfo.InvariantCulture)), Features(data.Train)[width..(2 * width)]);
    }

    [Theory]
    [InlineData("own-code", "0,0")]
    [InlineData("most-frequent", "1,0")]
    public void A_category_that_training_did_not_see_becomes_what_the_recipe_says(string policy, string expected)
    {
        using var folder = new TempFolder();
        folder.Write("test.csv", "city,y\nleeds,a\nbath,b\n");
        var (model, data) = Train(folder, "city,y\nbath,a\nbath,b\nyork,a\n", "categorical: [city], test_file: test.csv",
            $"unseen: {{ city: {policy} }}");

        float[] features = [.. expected.Split(',').Select(value => float.Parse(value, CultureInfo.InvariantCulture)), 1, 0];
        Assert.Equal(features, Features(data.Test!));
        Assert.Equal(features, Features(Again(folder, model).ReadRows(Path.Combine(folder.Path, "test.csv")).Rows));
    }

    [Fact]
    public void Everything_is_learnt_from_the_training_rows_alone()
    {
        using var folder = new TempFolder();
        // Of each of ten rows the number and the category are its own, so that what is held back would show.
        var content = "x,w,y\n" + string.Concat(Enumerable.Range(0, 40)
            .Select(i => i % 4 == 0 ? $",k{i % 8},a\n" : $"{Math.Pow(3, i % 20):F0},k{i},b\n"));
        var (_, data) = Train(folder, content, "categorical: [w]",
            "impute: { x: mean }, unseen: { w: most-frequent }, split: random, validation: 0.3, test: 0.2");

        var split = RowSplit.Draw(40, new SplitSize(null, 0.2), new SplitSize(null, 0.3), 1, "rows");
        var known = split.Train.Where(i => i % 4 != 0).Select(i => Math.Round(Math.Pow(3, i % 20))).ToList();
        var sum = known.Aggregate(0.0, (sum, value) => sum + (value - known[0]));
        Assert.Equal(known[0] + (sum / known.Count), data.Encoding.Fills.Single().Number);
        var words = split.Train.Select(i => i % 4 == 0 ? $"k{i % 8}" : $"k{i}").ToList();
        Assert.Equal<string>([.. words.Distinct().Order(StringComparer.Ordinal)], data.Encoding.Categories.Single().Names);
        Assert.Equal(words.GroupBy(word => word).OrderByDescending(group => group.Count()).ThenBy(group => group.Key, StringComparer.Ordinal)
            .First().Key, data.Encoding.Unseen.Single().Category);
    }

    [Fact]
    public void Ratios_and_products_are_computed_of_filled_columns()
    {
        using var folder = new TempFolder();
        var data = Train(
            folder, "a,b,y\n1,2,a\n3,,b\n,4,a\n", "derive: [{ name: r, ratio: [a, b] }, { name: p, cross: [a, b] }], features: [p, r]",
                "impute: { a: mean, b: mean }").Data;
        Assert.Equal([2, 0.5f, 9, 1, 8, 0.5f], Features(data.Train));
    }

    [Fact]
    public void A_model_and_a_prepared_file_read_as_training_did()
    {
        using var folder = new TempFolder();
        var (trained, data) = Train(
            folder,
            Homes.Replace("4,20", "5,20", StringComparison.Ordinal),
            "categorical: [city]",
            "missing: [NA], impute: { rooms: { kind: mean, indicator: true }, age: median, city: category }, unseen: { city: "
                + "own-code }, validation: 1");
        var model = Again(folder, trained);

        Assert.True(model.Encoding.FillsAs(data.Encoding));
        Assert.Equal(data.Encoding.ToJson(), model.Encoding.ToJson());
        var rows = Features(model.ReadRows(Path.Combine(folder.Path, "rows.csv")).Rows);
        Assert.Contains(Features(data.Validation!), rows.Chunk(data.Train.Features));
        Assert.Equal(Features(data.Train).Chunk(data.Train.Features), rows.Chunk(data.Train.Features)
            .Where(row => !row.SequenceEqual(Features(data.Validation!))));
        var prepared = Path.Combine(folder.Path, "rows.ctdata");
        DataPreparation.PrepareToFile(trained.Recipe, folder.Locations, prepared);
        Assert.Equal(data.Fingerprint, PreparedDataFile.Open(prepared).Fingerprint);
        Assert.Equal(data.Encoding.ToJson(), PreparedDataFile.Open(prepared).Encoding.ToJson());
    }

    [Fact]
    public void Rows_of_bytes_are_the_same_in_a_prepared_file()
    {
        using var folder = new TempFolder();
        var (model, data) = Train(folder, "x,w,y\n1,a,a\n,b,b\n3,,a\n", "categorical: [w]", "impute: { x: mean, w: category }");
        var prepared = Path.Combine(folder.Path, "rows.ctdata");

        DataPreparation.PrepareToFile(model.Recipe, folder.Locations, prepared);

        Assert.Equal(RowForm.Bytes, data.Train.Form);
        Assert.Equal(data.Fingerprint, PreparedDataFile.Open(prepared).Fingerprint);
    }

    [Fact]
    public void The_fingerprints_tell_what_was_filled_by_what()
    {
        using var folder = new TempFolder();
        var mean = Train(folder, "x,y\n1,a\n,b\n9,a\n2,b\n", "", "impute: { x: mean }");
        var median = Train(folder, "x,y\n1,a\n,b\n9,a\n2,b\n", "", "impute: { x: median }");
        Assert.NotEqual(mean.Data.Fingerprint, median.Data.Fingerprint);
        Assert.NotEqual(mean.Model.Recipe.FingerprintOfData(), median.Model.Recipe.FingerprintOfData());
        Assert.False(mean.Data.Encoding.FillsAs(median.Data.Encoding));
    }

    [Theory]
    [InlineData("x,y\n,a\n,b\n", "", "impute: { x: mean }", ": column 'x' has no value in any training row, so there is nothing to fill it by.")]
    [InlineData("x,y\n1,a\n,b\n", "", "impute: { z: mean }", ": data.impute fills the column 'z', which is not among those that features need.")]
    [InlineData("x,z,y\n1,1,a\n1,,b\n", "derive: [{ name: r, ratio: [x, z] }], features: [r]", "impute: { z: { kind: mean, indicator: true } }",
        ": data.impute asks for an indicator of 'z', which is not a feature itself.")]
    [InlineData("x,x is missing,y\n1,1,a\n,1,b\n", "", "impute: { x: { kind: mean, indicator: true } }",
        ": there is a feature 'x is missing' already")]
    [InlineData("x,z,y\n1,1,a\n,,b\n", "", "impute: { x: mean }",
        ": line 3, column 'z' is empty. Fill the gap, leave the row out, or train with data.impute: { z: median }.")]
    [InlineData("w w,y\nu,a\n,b\n", "categorical: [w w]", "",
        ": line 3, column 'w w' is empty. Fill the gap, leave the row out, or train with data.impute: { \"w w\": category }.")]
    [InlineData("x,y\n1,a\n2,\n", "", "impute: { x: mean }", ": line 3, column 'y' is empty. Give the row a label or leave it out.")]
    [InlineData("w,x,y\nu,1,a\nu,2,b\n", "categorical: [w], features: [x, w]", "unseen: { w: own-code }, impute: { x: { kind: mean } }", null)]
    [InlineData("x,z,y\n1,1,a\n2,0,b\n,1,b\n", "derive: [{ name: r, ratio: [x, z] }]", "impute: { x: mean }",
        ": line 3: the derived feature 'r' divides 'x' (2) by 'z' (0), which has no value.")]
    public void What_cannot_be_filled_is_refused(string content, string csv, string keys, string? message)
    {
        using var folder = new TempFolder();
        if (message is null)
        {
            Assert.Equal(2, Train(folder, content, csv, keys).Data.Train.Rows);
            return;
        }

        var error = Assert.Throws<DataException>(() => Train(folder, content, csv, keys));
        Assert.StartsWith(Path.Combine(folder.Path, "rows.csv") + message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("impute: { w: category }", "w,y\n,a\n",
        "line 2, column 'w' has no value, and every training row has one, so nothing was learnt for it.")]
    [InlineData("impute: { w: category }", "w,y\nq,a\n",
        "line 2, column 'w' is 'q', a category that no training row has. Known categories: 'u', 'v'. "
        + "Correct it, or train with rows of this category, or with data.unseen: { w: own-code }.")]
    [InlineData("unseen: { w: own-code }", "w,y\n,a\n",
        "line 2, column 'w' is empty. Fill the gap, leave the row out, or train with data.impute: { w: category }.")]
    [InlineData("unseen: { w: own-code }, impute: { w: category }", "w,y\n,a\n", null)]
    [InlineData("impute: { w: most-frequent }", "w,y\n,a\n", null)]
    public void What_was_not_learnt_is_refused_in_a_new_file(string keys, string content, string? message)
    {
        using var folder = new TempFolder();
        var (model, _) = Train(folder, "w,y\nu,a\nv,b\nv,a\n", "categorical: [w]", keys);
        var file = folder.Write("new.csv", content);

        if (message is null)
        {
            Assert.Equal(1, model.ReadRows(file).Rows.Rows);
        }
        else
        {
            Assert.StartsWith($"{file}: {message}", Assert.Throws<DataException>(() => model.ReadRows(file)).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("""{"column":"b","number":1,"category":null,"hasIndicator":false}""")]
    [InlineData("""{"column":"a","number":null,"category":null,"hasIndicator":false}""")]
    [InlineData("""{"column":"a","number":1,"category":"x","hasIndicator":false}""")]
    public void An_encoding_that_fills_nonsense_is_refused(string fill)
    {
        var error = Assert.Throws<DataException>(() => FeatureEncoding.FromJson(
            """{"columns":["a"],"categories":[],"derived":[],"features":["a"],"scaling":{"features":1,"factors":[1],"shifts":[0]},"fills":[""" + fill
                + "]}"));
        Assert.Contains("each filled column is a column", error.Message, StringComparison.Ordinal);
    }

    private static float[] Features(DataSet rows)
    {
        var features = new float[rows.Rows * rows.Features];
        rows.Gather(0, (int)rows.Rows, features, new float[rows.Rows * rows.Outputs]);
        return features;
    }

    private static Model Again(TempFolder folder, Model model)
    {
        model.Write(Path.Combine(folder.Path, "m.safetensors"));
        return Model.Read(Path.Combine(folder.Path, "m.safetensors"));
    }

    private static (Model Model, PreparedData Data) Train(TempFolder folder, string content, string csv, string keys)
    {
        folder.Write("rows.csv", content);
        var recipe = RecipeTexts.Parse($"data: {{ csv: {{ file: rows.csv, target: y, {csv} }}, scaling: none, {keys} }}\n{Rest}");
        var data = DataPreparation.Prepare(recipe, folder.Locations);
        var layout = new NetworkLayout(data.Train.Features, recipe.Layers);
        return (new Model(recipe, layout, TestNetworks.Start(layout), data), data);
    }
}
