using System.Collections.Immutable;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Checks;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tests;

/// <summary>Columns of words, derived features, and what becomes of targets.</summary>
public sealed class FeatureEncodingTests
{
    private const string Cars = "buying,doors,safety,class\nhigh,4,low,bad\nlow,2,high,good\nhigh,10,low,bad\nmed,2,low,good\n";

    private static readonly CsvSource s_carSource =
        new() { File = "cars.csv", Targets = ["class"], Categorical = ["buying", "doors", "safety"] };

    private static readonly CsvSource s_houseSource = new()
    {
        File = "houses.csv",
        Targets = ["value"],
        Features = ["age", "PerHouse", "x"],
        Derived = [new("PerHouse", DerivedKind.Ratio, "rooms", "houses"), new("x", DerivedKind.Cross, "rooms", "rooms")],
    };

    [Fact]
    public void Words_become_one_feature_for_each_category_in_sorted_order()
    {
        using var folder = new TempFolder();
        folder.Write("cars.csv", Cars);

        var data = Prepare(folder, s_carSource);

        Assert.Equal<string>(
            ["buying=high", "buying=low", "buying=med", "doors=2", "doors=4", "doors=10", "safety=high", "safety=low"], data.FeatureNames);
        Assert.Equal([1, 0, 0, 0, 1, 0, 0, 1], Features(data.Train, 0));
        Assert.Equal([0, 1, 0, 1, 0, 0, 1, 0], Features(data.Train, 1));
        Assert.Equal([1, 0, 0, 0, 0, 1, 0, 1], Features(data.Train, 2));
        Assert.Equal(RowForm.Bytes, data.Train.Form);
    }

    [Fact]
    public void Words_and_numbers_stand_in_the_order_of_the_features()
    {
        using var folder = new TempFolder();
        folder.Write("cars.csv", Cars);

        var data = Prepare(folder, s_carSource with { Features = ["safety", "doors"], Categorical = ["safety"] });

        Assert.Equal<string>(["safety=high", "safety=low", "doors"], data.FeatureNames);
        Assert.Equal([0, 1, 10], Features(data.Train, 2));
    }

    [Fact]
    public void Test_file_has_the_categories_of_the_training_file()
    {
        using var folder = new TempFolder();
        folder.Write("cars.csv", Cars);
        folder.Write("test.csv", "class,safety,doors,buying\ngood, high ,10,med\n");

        var data = Prepare(folder, s_carSource with { TestFile = "test.csv" });

        Assert.Equal([0, 0, 1, 0, 0, 1, 1, 0], Features(data.Test!, 0));
    }

    [Theory]
    [InlineData("vhigh,2,low,bad",
        "line 2, column 'buying' is 'vhigh', a category that no training row has. Known categories: 'high', 'low', 'med'.")]
    [InlineData("high,3,low,bad", "line 2, column 'doors' is '3', a category that no training row has. Known categories: '2', '4', '10'.")]
    [InlineData("high,,low,bad", "line 2, column 'doors' is empty")]
    [InlineData("high,2,low,worse", "line 2, column 'class' is 'worse', a class that no training row has. Known categories: 'bad', 'good'.")]
    public void Word_that_training_did_not_see_is_named_with_its_place(string row, string message)
    {
        using var folder = new TempFolder();
        folder.Write("cars.csv", Cars);
        var test = folder.Write("test.csv", "buying,doors,safety,class\n" + row + "\n");

        var error = Assert.Throws<DataException>(() => Prepare(folder, s_carSource with { TestFile = "test.csv" }));

        Assert.StartsWith($"{test}: {message}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Derived_features_are_ratios_and_products_of_columns()
    {
        using var folder = new TempFolder();
        folder.Write("houses.csv", "age,rooms,houses,value\n3,10,3,100000\n4,0.1,7,200000\n");

        var data = Prepare(folder, s_houseSource, TaskKind.Regression);

        Assert.Equal<string>(["age", "PerHouse", "x"], data.FeatureNames);
        Assert.Equal<string>(["age", "rooms", "houses"], data.Encoding.Columns);
        Assert.Equal([3, 10f / 3, 100], Features(data.Train, 0));
        Assert.Equal([4, (float)((double)0.1f / 7), (float)((double)0.1f * 0.1f)], Features(data.Train, 1));
    }

    [Theory]
    [InlineData("1,2,0,9", "line 3: the derived feature 'PerHouse' divides 'rooms' (2) by 'houses' (0), which has no value.")]
    [InlineData("1,1e30,1,9", "line 3: the derived feature 'x' multiplies 'rooms' (1E+30) with 'rooms' (1E+30), which is too large")]
    public void Derived_feature_without_a_value_is_named_with_its_row(string row, string message)
    {
        using var folder = new TempFolder();
        var file = folder.Write("houses.csv", "age,rooms,houses,value\n3,10,3,100000\n" + row + "\n");

        var error = Assert.Throws<DataException>(() => Prepare(folder, s_houseSource, TaskKind.Regression));

        Assert.StartsWith($"{file}: {message}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a,rooms,houses,value", "there is no column 'age'")]
    [InlineData("age,rooms,house,value", "there is no column 'houses'. Did you mean 'house'?")]
    [InlineData("age,rooms,houses,value,x", "there is a column 'x' already")]
    public void Derived_features_need_their_columns_and_names_of_their_own(string header, string message)
    {
        using var folder = new TempFolder();
        folder.Write("houses.csv", header + "\n");
        var error = Assert.Throws<DataException>(() => Prepare(folder, s_houseSource, TaskKind.Regression));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_of_a_recipe_have_derived_features_after_their_own()
    {
        using var folder = new TempFolder();
        var source = Inline([[0, 2], [3, 5]], [[0], [1]]) with { Derived = [new("x1x2", DerivedKind.Cross, "x1", "x2")] };

        var data = Prepare(folder, source);

        Assert.Equal<string>(["x1", "x2", "x1x2"], data.FeatureNames);
        Assert.Equal([3, 5, 15], Features(data.Train, 1));
    }

    [Fact]
    public void Encoding_comes_back_from_json()
    {
        using var folder = new TempFolder();
        folder.Write("cars.csv", Cars);
        var encoding = Prepare(folder, s_carSource).Encoding;

        var again = FeatureEncoding.FromJson(encoding.ToJson());

        Assert.Equal(encoding.ToJson(), again.ToJson());
        Assert.Equal<string>(encoding.FeatureNames, again.FeatureNames);
    }

    [Theory]
    [InlineData("null", "empty")]
    [InlineData("{}", "not valid")]
    [InlineData("""{"columns":["a"],"categories":[],"derived":[],"features":["b"],"scaling":{"features":1,"factors":[1],"shifts":[0]}}""",
        "each feature is a column")]
    [InlineData("""{"columns":["a"],"categories":[],"derived":[],"features":["a"],"scaling":{"features":2,"factors":[1],"shifts":[0]}}""",
        "the scaling is one of these")]
    [InlineData("""{"columns":["a","a"],"categories":[],"derived":[],"features":["a"],"scaling":{"features":1,"factors":[1],"shifts":[0]}}""",
        "have names, each once")]
    [InlineData("""{"columns":["a"],"categories":[{"column":"b","names":["x"]}],"derived":[],"features":["a"]"""
        + ""","scaling":{"features":1,"factors":[1],"shifts":[0]}}""",
        "each column of words is a column")]
    [InlineData("""{"columns":["a"],"categories":[],"derived":[{"name":"d","kind":"Ratio","left":"a","right":"b"}],"features":["d"]"""
        + ""","scaling":{"features":1,"factors":[1],"shifts":[0]}}""",
        "each derived feature is computed from columns")]
    public void Other_json_is_refused(string json, string message)
    {
        var error = Assert.Throws<DataException>(() => FeatureEncoding.FromJson(json));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Targets_of_a_regression_are_scaled_and_rounded_once()
    {
        using var folder = new TempFolder();
        var source = Inline([[0], [1]], [[452_600], [1.1f]]);
        var targets = new float[2];

        var data = DataPreparation.Prepare(
            new DataRecipe { Source = source, Task = TaskKind.Regression, TargetScale = 1 / 100_000.0 }, 1, folder.Locations);
        data.Train.Gather([0, 1], new float[2], targets);

        Assert.Equal([(float)(452_600 * (1 / 100_000.0)), (float)(1.1f * (1 / 100_000.0))], targets);
        Assert.Equal(1 / 100_000.0, data.TargetScale);
    }

    [Fact]
    public void Two_classes_have_one_target_when_the_last_layer_has_one_unit()
    {
        using var folder = new TempFolder();
        var recipe = RecipeTexts.Parse("""
            data: { inline: { features: [[0], [1]], targets: [[0], [1]] } }
            layers: [{ units: 1, activation: sigmoid }]
            loss: squared-error
            """);
        var targets = new float[2];

        var data = DataPreparation.Prepare(recipe, folder.Locations);
        data.Train.Gather([1, 0], new float[2], targets);
        RecipeChecks.CheckAgainst(recipe, data.Train.Features, data.Train.Outputs, data.Train.Rows);

        Assert.Equal([1, 0], targets);
        Assert.Equal((1, 2, 1), (data.Train.Outputs, data.Classes.Length, data.Train.Label(1)));
    }

    [Fact]
    public void Three_classes_need_three_units()
    {
        using var folder = new TempFolder();
        var recipe = RecipeTexts.Parse("""
            data: { inline: { features: [[0], [1], [2]], targets: [[0], [1], [2]] } }
            layers: [{ units: 1, activation: sigmoid }]
            loss: squared-error
            """);
        var data = DataPreparation.Prepare(recipe, folder.Locations);

        var error = Assert.Throws<RecipeException>(() => RecipeChecks.CheckAgainst(recipe, data.Train.Features, data.Train.Outputs, data.Train.Rows));

        Assert.Contains("r.yaml:2:19: key 'layers[0].units' is 1, but the data have 3 classes; allowed: 3", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Balanced_weights_make_all_classes_count_equally_in_training_alone()
    {
        using var folder = new TempFolder();
        var source = Inline([[0], [1], [2], [3]], [[0], [0], [0], [1]]);
        var recipe = new DataRecipe { Source = source, ClassWeights = new([]) };

        var data = DataPreparation.Prepare(recipe, 1, folder.Locations);
        var targets = new float[8];
        data.Train.Gather([0, 1, 2, 3], new float[4], targets);

        Assert.Equal([2 / 3f, 0, 2 / 3f, 0, 2 / 3f, 0, 0, 2], targets);
        Assert.NotEqual(DataPreparation.Prepare(recipe with { ClassWeights = null }, 1, folder.Locations).Fingerprint, data.Fingerprint);

        var split = DataPreparation.Prepare(recipe with { Validation = new SplitSize(1, null) }, 1, folder.Locations);
        split.Validation!.Gather([0], new float[1], targets.AsSpan(0, 2));
        Assert.Equal(1, targets[0] + targets[1]);
    }

    [Fact]
    public void Given_weights_go_by_the_name_of_the_class()
    {
        using var folder = new TempFolder();
        folder.Write("cars.csv", Cars);
        var recipe = new DataRecipe { Source = s_carSource, ClassWeights = new([new("good", 2.5)]) };

        Assert.Equal<float>([1, 2.5f], DataPreparation.Prepare(recipe, 1, folder.Locations).Train.ClassWeights);
        var error = Assert.Throws<DataException>(() => DataPreparation.Prepare(
            recipe with { ClassWeights = new([new("nice", 2)]) }, 1, folder.Locations));
        Assert.Contains("class_weights names the class 'nice', and there are 'bad', 'good'", error.Message, StringComparison.Ordinal);
    }

    private static PreparedData Prepare(TempFolder folder, DataSource source, TaskKind task = TaskKind.Classification) =>
        DataPreparation.Prepare(new DataRecipe { Source = source, Task = task }, 1, folder.Locations);

    private static float[] Features(DataSet data, long row)
    {
        var features = new float[data.Features];
        data.Gather([row], features, new float[data.Outputs]);
        return features;
    }

    private static InlineSource Inline(float[][] features, float[][] targets) => new()
    {
        Features = [.. features.Select(row => row.ToImmutableArray())],
        Targets = [.. targets.Select(row => row.ToImmutableArray())],
    };
}
