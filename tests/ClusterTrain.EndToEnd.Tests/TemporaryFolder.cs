namespace ClusterTrain.EndToEnd.Tests;

/// <summary>A folder for the files of one test, gone after it. Its path holds a space, as a user's may.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("clustertrain end to end ").FullName;

    /// <summary>The path of a file or folder in it.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
