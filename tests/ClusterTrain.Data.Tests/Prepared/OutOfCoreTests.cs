using System.Diagnostics;
using System.Text;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Learning.RecipeFiles;

namespace ClusterTrain.Data.Tests;

public sealed class OutOfCoreTests
{
    private const int Rows = 150_000;
    private const int Features = 64;

    // 12 MB, of which the runtime itself needs a few; the rows are 38 MB of floats, and 58 MB of text.
    private const string HeapBytes = "0xC00000";

    [Fact]
    public async Task Data_larger_than_the_memory_train_to_the_same_weights()
    {
        using var folder = new TempFolder();
        WriteRows(Path.Combine(folder.Path, "rows.csv"));
        folder.Write("recipe.yaml", """
            data: { csv: { file: rows.csv, target: label }, standardise: true, validation: 0.1, test: 1000 }
            layers: [{ units: 8, activation: relu }, { units: 3, activation: softmax }]
            loss: categorical-cross-entropy
            batch: 256
            """);

        var (exitCode, printed, error) = await RunWithLittleMemory(folder.Path, "file");
        Assert.True(exitCode == 0, error);
        var recipe = RecipeReader.Read(Path.Combine(folder.Path, "recipe.yaml"), []);
        var data = DataPreparation.Prepare(recipe, folder.Locations);
        Assert.Equal($"{data.Fingerprint} {OutOfCoreProgram.Train(recipe, data)}", printed.Trim());

        // The same without a file runs out of memory, and how the runtime then ends is its own affair.
        var (failure, nothing, _) = await RunWithLittleMemory(folder.Path, "memory");
        Assert.NotEqual(0, failure);
        Assert.Empty(nothing);
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunWithLittleMemory(string folder, string mode)
    {
        var runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        var dotnet = Path.GetFullPath(Path.Combine(runtime, "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));
        var start = new ProcessStartInfo(dotnet, ["exec", typeof(OutOfCoreProgram).Assembly.Location, folder, mode])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_GCHeapHardLimit"] = HeapBytes;
        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["DOTNET_gcConcurrent"] = "0";
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output, await error);
    }

    private static void WriteRows(string path)
    {
        var random = new Random(1);
        var numbers = Enumerable.Range(0, 1000).Select(i => Encoding.ASCII.GetBytes($"0.{i:000},")).ToArray();
        using var file = new BufferedStream(File.Create(path), 1 << 16);
        file.Write(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, Features).Select(i => $"f{i},")) + "label\n"));
        for (var row = 0; row < Rows; row++)
        {
            for (var i = 0; i < Features; i++)
            {
                file.Write(numbers[random.Next(numbers.Length)]);
            }

            file.Write([(byte)('a' + random.Next(3)), (byte)'\n']);
        }
    }
}
