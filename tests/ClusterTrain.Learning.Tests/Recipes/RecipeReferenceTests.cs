using System.Runtime.CompilerServices;
using System.Text.Json;
using ClusterTrain.Data.Store;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using Json.Schema;

namespace ClusterTrain.Learning.Tests;

/// <summary>The page and the schema of recipes say what the reader does.</summary>
public sealed class RecipeReferenceTests
{
    private static readonly JsonSchema s_schema = JsonSchema.FromText(RecipeReference.Schema());

    /// <summary>Recipes that are wrong by one key.</summary>
    public static TheoryData<string> Wrong =>
    [
        RecipeTexts.Short + "\nepoch: 3",
        RecipeTexts.Short + "\nepochs: 0",
        RecipeTexts.Short + "\nepochs: ten",
        RecipeTexts.Short + "\nbatch: all",
        RecipeTexts.Short + "\nclip_norm: 0",
        RecipeTexts.Short + "\nl2: 2/x",
        RecipeTexts.Short + "\noptimiser: newton",
        RecipeTexts.Short + "\noptimiser: { kind: sgd, momentum: 0.9 }",
        RecipeTexts.Short + "\noptimiser: { memory: 5 }",
        RecipeTexts.Short + "\nschedule: { kind: exponential }",
        RecipeTexts.Short + "\nearly_stopping: 3",
        RecipeTexts.Short + "\nname: ../x",
        RecipeTexts.Short.Replace("set: digits", "set: digist", StringComparison.Ordinal),
        RecipeTexts.Short.Replace("set: digits", "set: digits, prepared: rows", StringComparison.Ordinal),
        RecipeTexts.Short.Replace("set: digits", "validation: 0.1", StringComparison.Ordinal),
        RecipeTexts.Short.Replace("set: digits", "set: digits, validation: 1.5", StringComparison.Ordinal),
        RecipeTexts.Short.Replace("set: digits", "csv: { file: a }", StringComparison.Ordinal),
        RecipeTexts.Short.Replace("units: 10, ", "", StringComparison.Ordinal),
        RecipeTexts.Short.Replace("units: 10, ", "units: 10, slope: 0.1, ", StringComparison.Ordinal),
        RecipeTexts.Short.Replace("units: 10, ", "units: 10, biases: he, ", StringComparison.Ordinal),
        RecipeTexts.Short.Replace("units: 10, ", "units: 10, weights: { scale: 1 }, ", StringComparison.Ordinal),
        RecipeTexts.Short.Replace("loss: ", "# ", StringComparison.Ordinal),
    ];

    public static TheoryData<string> Parts => [.. RecipeNames.Tables().DistinctBy(part => part.Table).Select(part => part.Path)];

    public static TheoryData<string> Configs => [.. Directory.GetFiles(Path.Combine(Root(), "configs"), "*.yaml").Select(path =>
        Path.GetFileName(path)!).Order()];

    [Theory]
    [InlineData("recipe.md")]
    [InlineData(RecipeReference.SchemaFile)]
    public void The_documents_are_those_that_the_command_writes(string file)
    {
        var expected = file == RecipeReference.SchemaFile ? RecipeReference.Schema() : RecipeReference.Markdown();
        var option = file == RecipeReference.SchemaFile ? "--schema" : "--markdown";
        Assert.True(
            expected == File.ReadAllText(Path.Combine(Root(), "docs", file)),
            $"docs/{file} is out of date: ./clustertrain help recipe {option} > docs/{file}");
    }

    [Theory]
    [MemberData(nameof(Configs))]
    public void Every_recipe_that_comes_with_the_program_is_valid(string file)
    {
        var text = File.ReadAllText(Path.Combine(Root(), "configs", file));
        Assert.StartsWith($"# yaml-language-server: $schema=../docs/{RecipeReference.SchemaFile}\n", text,
            StringComparison.Ordinal);
        Assert.Equal("", Faults(text));
    }

    [Theory]
    [MemberData(nameof(RecipeWriterTests.Recipes), MemberType = typeof(RecipeWriterTests))]
    public void Every_recipe_in_full_is_valid(string yaml) =>
        Assert.Equal("", Faults(RecipeWriter.Write(RecipeTexts.Parse(yaml))));

    [Theory]
    [MemberData(nameof(Wrong))]
    public void An_editor_refuses_what_the_reader_refuses(string yaml)
    {
        Assert.Throws<RecipeException>(() => RecipeTexts.Parse(yaml));
        Assert.NotEqual("", Faults(yaml));
    }

    [Theory]
    [MemberData(nameof(Parts))]
    public void The_example_of_every_key_is_right(string path)
    {
        const string Csv = "{ file: f, target: price, categorical: [city] }";
        var table = RecipeNames.Tables().First(part => part.Path == path).Table;
        foreach (var key in table.Keys)
        {
            var kind = table.Kinds.FirstOrDefault(kind => table.KeysOf(kind).Contains(key));
            var decider = path == "layers[0]" ? "activation" : "kind";
            var besides = key.Name switch
            {
                "target_scale" => "task: regression, ",
                "columns" => "header: false, ",
                "test_features" => "test_labels: t, ",
                "test_labels" => "test_features: t, ",
                _ => "",
            };
            besides += kind is not null && key.Name != decider ? $"{decider}: {kind}, "
                : path == "data" && !table.Choices[0].Contains(key.Name) ? $"csv: {Csv}, " : "";
            var node = (RecipeMapping)RecipeYaml.Parse($"{{ {besides}{key.Name}: {key.Example} }}", _ => default,
                new RecipeProblems())!;
            var problems = new RecipeProblems();
            table.Check(node, new RecipeAt(problems));
            Assert.True(problems.IsSound(key.Name), $"{path}: {key.Name}: {key.Example}");
            Assert.Equal("", Faults(JsonSchema.FromText(key.Form.Schema().ToJsonString()), key.Example));
            Assert.EndsWith(".", key.About, StringComparison.Ordinal);
            Assert.Contains($"\n  example: {key.Name}: {key.Example}\n", RecipeReference.Explain(RecipeAt.PathOf(path, key.Name)),
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_data_sets_that_a_recipe_can_name_are_those_there_are() =>
        Assert.Equal(KnownDataSet.All.Select(set => set.Name), NamedSource.Known);

    private static string Faults(string yaml) => Faults(s_schema, yaml);

    private static string Faults(JsonSchema schema, string yaml)
    {
        var result = schema.Evaluate(JsonSerializer.SerializeToElement(RecipeYaml.Json(yaml)),
            new EvaluationOptions { OutputFormat = OutputFormat.List });
        return result.IsValid ? "" : string.Join('\n', result.Details!.Where(detail => detail.Errors is not null)
            .SelectMany(detail => detail.Errors!.Select(error => $"{detail.InstanceLocation}: {error.Value}")));
    }

    private static string Root([CallerFilePath] string thisFile = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", ".."));
}
