using System.Text.Json;
using ClusterTrain.Cli.Output;

namespace ClusterTrain.Cli.Tests;

public sealed class VerifyCommandTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("clustertrain-verify-");

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public void Runs_of_one_recipe_verify_and_compare_equal()
    {
        Train("one", "--workers", "1", "--checkpoint-steps", "20");
        Train("three", "--workers", "3");
        var alone = CommandRun.Of("verify", Folder("one"));
        Assert.Equal(0, alone.ExitCode);
        Assert.Contains("chain unbroken", alone.Out, StringComparison.Ordinal);
        var both = CommandRun.Of("verify", Folder("one"), Folder("three"));
        Assert.Equal(0, both.ExitCode);
        Assert.Contains("tensors equal to the last bit", both.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("DIFFERS", both.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_flipped_bit_and_another_recipe_are_told_with_exit_code_1()
    {
        Train("one", "--checkpoint-steps", "20");
        Train("other", "--set", "seed=2");
        var compared = CommandRun.Of("verify", Folder("one"), Folder("other"));
        Assert.Equal(1, compared.ExitCode);
        Assert.Contains("DIFFERS first difference: epoch 0, step 0", compared.Out, StringComparison.Ordinal);

        var file = Directory.GetFiles(Path.Combine(Folder("one"), "checkpoints"), "step-*").Max()!;
        var bytes = File.ReadAllBytes(file);
        bytes[^1] ^= 1;
        File.WriteAllBytes(file, bytes);
        var damaged = CommandRun.Of("verify", Folder("one"));
        Assert.Equal(1, damaged.ExitCode);
        Assert.Contains("tensor 'optimiser.0'", damaged.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Recipes_are_compared_by_their_keys_with_each_other_and_with_a_run()
    {
        Train("one");
        var recipe = Path.Combine(Folder("one"), "recipe.yaml");
        var other = Path.Combine(_root.FullName, "other.yaml");
        File.WriteAllText(other, File.ReadAllText(recipe).Replace("batch: ", "batch: 1", StringComparison.Ordinal)
            .Replace("seed: ", "seed: 1", StringComparison.Ordinal));

        var equal = CommandRun.Of("verify", Folder("one"), recipe);
        Assert.Equal((0, 1), (equal.ExitCode, equal.Lines.Length));
        Assert.StartsWith("ok      same recipe: ", equal.Out, StringComparison.Ordinal);

        var compared = CommandRun.Of("verify", Folder("one"), other);
        Assert.Equal((1, 3), (compared.ExitCode, compared.Lines.Length));
        Assert.StartsWith("DIFFERS recipe: seed is ", compared.Lines[1], StringComparison.Ordinal);
        Assert.StartsWith("DIFFERS recipe: batch is ", compared.Lines[2], StringComparison.Ordinal);
        Assert.Equal(compared.Out, CommandRun.Of("verify", recipe, other).Out);
    }

    [Fact]
    public void A_stretch_is_replayed_and_a_senseless_one_refused()
    {
        Train("one", "--checkpoint-steps", "20", "--receipt-steps", "10");
        var replayed = CommandRun.Of("replay", Folder("one"), "--from", "25", "--to", "35");
        Assert.Equal(0, replayed.ExitCode);
        Assert.Contains("step 30: weights sha256", replayed.Out, StringComparison.Ordinal);
        Assert.Equal(2, CommandRun.Of("replay", Folder("one"), "--from", "5", "--to", "3").ExitCode);
        Assert.Equal(2, CommandRun.Of("verify", Folder("nothing")).ExitCode);
    }

    [Fact]
    public void Json_says_the_same_in_one_object()
    {
        Train("one", "--checkpoint-steps", "20");
        Train("other", "--set", "seed=2");
        string[][] commands =
        [
            ["verify", Folder("one")],
            ["verify", Folder("one"), Folder("other")],
            ["replay", Folder("one"), "--from", "41", "--to", "41"],
        ];
        foreach (var command in commands)
        {
            var text = CommandRun.Of(command);
            var json = CommandRun.Of([.. command, "--json"]);
            var found = JsonDocument.Parse(Assert.Single(json.Lines)).RootElement;
            Assert.Equal(text.ExitCode, json.ExitCode);
            Assert.Equal(text.ExitCode == ExitCodes.Ok, found.GetProperty("agrees").GetBoolean());
            Assert.NotEmpty(text.Lines);
            Assert.Equal(
                text.Lines,
                found.GetProperty("checked").EnumerateArray().Select(line => $"ok      {line}")
                    .Concat(found.GetProperty("differences").EnumerateArray().Select(line => $"DIFFERS {line}")));
        }

        Assert.Equal(ExitCodes.Failed, CommandRun.Of([.. commands[1], "--json"]).ExitCode);
    }

    private string Folder(string name) => Path.Combine(_root.FullName, name);

    private void Train(string name, params string[] options) =>
        Assert.Equal(0, CommandRun.Of(["train", "--set", "epochs=2", "--out", Folder(name), "--quiet", .. options]).ExitCode);
}
