using System.Security.Cryptography;
using ClusterTrain.Data.Common;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Tests;

public sealed class StartFileTests : IDisposable
{
    private readonly TrainedRun _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public void A_run_continues_from_the_weights_of_another_and_keeps_a_copy_of_them()
    {
        var former = Assert.IsType<RunCompleted>(_run.Train("former", TrainedRun.Recipe()));
        var file = Path.Combine(_run.Folder("former"), "model.safetensors");
        var recipe = FromFile(file);

        _run.Train("next", recipe);
        File.Delete(file);

        var receipt = Receipt.Read(Path.Combine(_run.Folder("next"), "receipt.jsonl"));
        Assert.Equal(former.WeightsSha256, receipt.Entries[0].WeightsSha256);
        Assert.NotEqual(TrainedRun.Recipe().Fingerprint(), recipe.Fingerprint());
        Assert.Empty(RunVerification.Verify(_run.Folder("next")).Differences);
        Assert.Contains(receipt.Epochs, epoch => epoch.Validation!.Loss > 0);
    }

    [Fact]
    public void A_start_file_that_is_not_the_one_meant_is_refused_before_anything_is_made()
    {
        _run.Train("former", TrainedRun.Recipe("epochs=1"));
        var file = Path.Combine(_run.Folder("former"), "model.safetensors");
        var recipe = FromFile(file);
        File.AppendAllText(file, " ");

        Assert.Throws<DataException>(() => RunFolder.Create(_run.Folder("next"), recipe));
        Assert.False(Directory.Exists(_run.Folder("next")));
    }

    private static Recipe FromFile(string file)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)));
        return TrainedRun.Recipe($"start={{ file: \"{file}\", sha256: \"{hash}\" }}");
    }
}
