using System.Text.RegularExpressions;

namespace ClusterTrain.Cli.Tests;

/// <summary>The commands of docs/tutorial.md do what it says, and print what it shows.</summary>
public sealed partial class TutorialTests : IDisposable
{
    private readonly RunDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Every_command_of_the_tutorial_works_and_prints_what_is_shown()
    {
        var documents = Path.Combine(DocumentTests.Repository(), "docs");
        foreach (var file in Directory.GetFiles(Path.Combine(documents, "tutorial")))
        {
            File.Copy(file, _directory[Path.GetFileName(file)]);
        }

        var shown = File.ReadAllText(_directory["homes.csv"]).Split('\n').ToHashSet();
        var commands = 0;

        foreach (Match block in Block().Matches(File.ReadAllText(Path.Combine(documents, "tutorial.md")).ReplaceLineEndings("\n")))
        {
            var lines = block.Groups["lines"].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            if (block.Groups["kind"].Length > 0)
            {
                Assert.All(lines, line => Assert.Contains(line, shown));
                continue;
            }

            foreach (var line in lines)
            {
                var run = CommandRun.Of([.. line.Split(' ')[1..].Select(Placed)]);
                Assert.True(run.ExitCode == 0, $"{line}: {run.Error}");
                shown.UnionWith(run.Lines.Concat(run.ErrorLines).Select(said => said.Replace(_directory.Folder
                    + Path.DirectorySeparatorChar, "", StringComparison.Ordinal).Replace("\"", "", StringComparison.Ordinal)));
                if (commands++ == 0)
                {
                    shown.UnionWith(File.ReadAllLines(_directory["homes.yaml"]));
                }
            }
        }

        Assert.Equal(12, commands);
        Assert.All(["runs/homes/report.html", "compared/report.html", "homes.onnx", "predictions.csv"], file =>
            Assert.True(File.Exists(_directory[file]), file));
    }

    // The tutorial's reader is in the folder; the test's process is not.
    private string Placed(string word) => FileName().IsMatch(word) ? _directory[word] : word;

    [GeneratedRegex(@"^(compared|runs/[a-z]+|[a-z-]+\.(csv|yaml|onnx|html))\z")]
    private static partial Regex FileName();

    [GeneratedRegex("^```(?<kind>text)?\n(?<lines>.*?)^```\n", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Block();
}
