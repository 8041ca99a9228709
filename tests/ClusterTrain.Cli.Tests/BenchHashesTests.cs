using System.Text.RegularExpressions;

namespace ClusterTrain.Cli.Tests;

/// <summary>docs/hashes.md holds what recipes come to, here as on the machine that wrote it.</summary>
public sealed partial class BenchHashesTests
{
    private static readonly string s_page = Path.Combine(DocumentTests.Repository(), "docs", "hashes.md");

    [Theory]
    [InlineData("or-gate")]
    [InlineData("xor")]
    [InlineData("xor-feature-cross")]
    [InlineData("xor-3-4-1")]
    [InlineData("digits")]
    [InlineData("car")]
    [InlineData("california")]
    [InlineData("mnist-50")]
    public void A_recipe_comes_to_the_weights_of_the_page(string name)
    {
        var data = Environment.GetEnvironmentVariable("CLUSTERTRAIN_DATA") ?? "";
        var variables = new Dictionary<string, string> { ["CLUSTERTRAIN_DATA"] = data };
        var run = CommandRun.With(
            variables, "bench", "hashes", Path.Combine(DocumentTests.Repository(), "configs", name + ".yaml"));
        Assert.Equal(0, run.ExitCode);
        var rows = run.Lines.Where(line => Row().IsMatch(line)).ToList();
        if (rows.Count == 0)
        {
            // Data that are not on this machine.
            Assert.Contains($"note: {name} is left out", run.Error, StringComparison.Ordinal);
            Assert.Contains(name, (string[])["car", "california", "mnist-50"]);
            return;
        }

        Assert.Equal(
            [rows[0]], File.ReadAllLines(s_page).Where(line => line.StartsWith($"| [{name}]", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_page_names_recipes_that_are_there_and_the_commit()
    {
        var lines = File.ReadAllLines(s_page);
        Assert.Contains(lines, line => Computed().IsMatch(line));
        var rows = lines.Where(line => Row().IsMatch(line)).Select(line => Row().Match(line).Groups[1].Value).ToList();
        Assert.True(rows.Count >= 8, $"{rows.Count} rows");
        Assert.All(
            rows, name => Assert.True(File.Exists(Path.Combine(DocumentTests.Repository(), "configs", name + ".yaml")), name));
    }

    [Fact]
    public void A_recipe_that_is_not_there_is_a_mistake_that_names_it()
    {
        var run = CommandRun.Of("bench", "hashes", "no-such-recipe.yaml");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("no-such-recipe.yaml", run.Error, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^\| \[([a-z0-9-]+)\]\(\.\./configs/[a-z0-9-]+\.yaml\) \| [0-9]+ \| `[0-9a-f]{64}` \|$")]
    private static partial Regex Row();

    [GeneratedRegex(@"^Computed by clustertrain [0-9.]+\+[0-9a-f]{40} on [a-z0-9]+ with [a-z0-9]+ kernels\.$")]
    private static partial Regex Computed();
}
