using ClusterTrain.Cli.Output;

namespace ClusterTrain.Cli.Commands;

/// <summary>Keeps a command from writing over what it reads.</summary>
internal static class OutputFile
{
    // What a run cannot be read without.
    private static readonly string[] s_ofRun = ["model.safetensors", "recipe.yaml", "run.json", "receipt.jsonl", "epochs.csv", "log.jsonl"];

    /// <summary>Refuses a file to be written that is one of those read, or a file of a run folder that is.</summary>
    /// <param name="option">The option that names it.</param>
    /// <param name="path">The file to be written; null: none.</param>
    /// <param name="inputs">What is read: files, run folders, or null.</param>
    /// <exception cref="UsageException">It is one of them.</exception>
    public static void RefuseInput(string option, string? path, params ReadOnlySpan<string?> inputs)
    {
        if (path is null || !File.Exists(path))
        {
            return;
        }

        var whole = Whole(path);
        foreach (var input in inputs)
        {
            if (input is not null && IsOf(whole, input))
            {
                throw new UsageException($"{option} is '{path}', which this command reads and would overwrite; name another file.");
            }
        }
    }

    private static bool IsOf(string whole, string input) => Directory.Exists(input)
        ? Array.Exists(s_ofRun, name => File.Exists(Path.Combine(input, name)) && Whole(Path.Combine(input, name)) == whole)
        : File.Exists(input) && Whole(input) == whole;

    private static string Whole(string path) => new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? Path.GetFullPath(path);
}
