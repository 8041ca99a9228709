namespace ClusterTrain.Cli.Tests;

/// <summary>A folder for the files of one test, gone after it.</summary>
public sealed class RunDirectory : IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("clustertrain cli ").FullName;

    /// <summary>The path of a file or folder in it.</summary>
    public string this[string name] => Path.Combine(Folder, name);

    /// <summary>Writes a file and gives its path.</summary>
    public string Write(string name, string content)
    {
        File.WriteAllText(this[name], content);
        return this[name];
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
