using System.Diagnostics;
using System.Text.Json;

namespace ClusterTrain.Learning.Tests;

/// <summary>
/// ONNX Runtime, as Node.js loads it from the folder that CLUSTERTRAIN_ONNXRUNTIME names: one in which
/// <c>npm install --ignore-scripts onnxruntime-node</c> was run.
/// </summary>
internal static class OnnxRuntime
{
    private const string Variable = "CLUSTERTRAIN_ONNXRUNTIME";

    private const string Program = """
        const ort = require('onnxruntime-node');
        const [model, output, features] = process.argv.slice(1);
        const chunks = [];
        process.stdin.on('data', chunk => chunks.push(chunk)).on('end', async () => {
          const raw = Float32Array.from(JSON.parse(Buffer.concat(chunks).toString()));
          const session = await ort.InferenceSession.create(model);
          const input = new ort.Tensor('float32', raw, [raw.length / features, Number(features)]);
          const results = await session.run({ features: input });
          process.stdout.write(JSON.stringify(Array.from(results[output].data)));
        });
        """;

    public static string? Missing => Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } folder
        ? $"{Variable} does not name a folder with onnxruntime-node"
        : Directory.Exists(Path.Combine(folder, "node_modules", "onnxruntime-node"))
            ? null
            : $"{folder} (of {Variable}) has no node_modules/onnxruntime-node";

    public static float[] Run(string model, string output, float[] raw, int features)
    {
        using var node = Process.Start(new ProcessStartInfo("node", ["-e", Program, model, output, $"{features}"])
        {
            WorkingDirectory = Environment.GetEnvironmentVariable(Variable),
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var said = node.StandardError.ReadToEndAsync();
        node.StandardInput.Write(JsonSerializer.Serialize(raw));
        node.StandardInput.Close();
        var text = node.StandardOutput.ReadToEnd();
        node.WaitForExit();
        Assert.True(node.ExitCode == 0, said.Result);
        return JsonSerializer.Deserialize<float[]>(text)!;
    }
}

/// <summary>A theory that is skipped, with the reason, where ONNX Runtime is not at hand.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class OnnxRuntimeTheoryAttribute : TheoryAttribute
{
    public OnnxRuntimeTheoryAttribute() => Skip = OnnxRuntime.Missing;
}
