using System.Text.RegularExpressions;
using ClusterTrain.Cli.Output;

namespace ClusterTrain.Cli.Tests;

/// <summary>What the documents tell a reader to type is what the command understands.</summary>
public sealed partial class DocumentTests
{
    public static TheoryData<string> Documents => ["README.md", "docs/cli.md", "docs/cluster.md", "docs/determinism.md", "docs/hashes.md",
        "docs/monitoring.md", "docs/recipe.md", "docs/reports.md", "docs/simulation.md", "docs/tutorial.md"];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_command_line_of_a_document_is_understood(string document)
    {
        using var interruption = new Interruption(_ => { });
        using var surroundings = new Surroundings
        {
            Out = TextWriter.Null,
            Error = TextWriter.Null,
            Variable = _ => null,
            Time = TimeProvider.System,
            Interruption = interruption,
        };
        var problems = new List<string>();
        foreach (var words in CommandLines(File.ReadAllText(Path.Combine(Repository(), document))))
        {
            var parsed = CommandLine.Root(surroundings).Parse(words);
            problems.AddRange(parsed.Errors.Select(error => $"{string.Join(' ', words)}: {error.Message}"));
            problems.AddRange(words.Where(word =>
                word.StartsWith("configs/", StringComparison.Ordinal) && !File.Exists(Path.Combine(Repository(), word)))
                .Select(word => $"{string.Join(' ', words)}: there is no {word}"));
        }

        Assert.Empty(problems);
    }

    [Fact]
    public void The_readme_names_the_two_commands_and_both_are_there()
    {
        var readme = File.ReadAllText(Path.Combine(Repository(), "README.md"));
        Assert.Contains("\n./clustertrain train configs/mnist.yaml\n", readme, StringComparison.Ordinal);
        Assert.Contains("\n./test\n", readme, StringComparison.Ordinal);
        Assert.All(["clustertrain", "test", "clustertrain.cmd", "test.cmd"], launcher =>
            Assert.True(File.Exists(Path.Combine(Repository(), launcher)), launcher));
    }

    // In fenced blocks; two or more spaces begin a remark.
    private static IEnumerable<string[]> CommandLines(string text) =>
        Fence().Matches(text).SelectMany(block => block.Value.Split('\n'))
            .Select(line => line.TrimEnd('\r'))
            .Where(line => line.StartsWith("clustertrain ", StringComparison.Ordinal) || line.StartsWith("./clustertrain ", StringComparison.Ordinal))
            .Select(line => Remark().Split(line)[0].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..]);

    [GeneratedRegex("^```\n.*?^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Fence();

    [GeneratedRegex(" {2,}")]
    private static partial Regex Remark();

    internal static string Repository()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "ClusterTrain.sln")))
            {
                return folder;
            }
        }

        throw new InvalidOperationException("The tests do not lie in the repository.");
    }
}
