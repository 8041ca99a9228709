namespace ClusterTrain.Learning.Tests;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_file_is_written_and_then_replaced()
    {
        var path = folder.File("a");
        AtomicFile.Write(path, stream => stream.Write("one"u8));
        AtomicFile.Write(path, stream => stream.Write("second"u8));
        Assert.Equal("second", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Until_the_content_is_whole_the_old_one_stays()
    {
        var path = folder.File("a");
        File.WriteAllText(path, "old");
        AtomicFile.Write(path, stream =>
        {
            stream.Write("new"u8);
            stream.Flush();
            Assert.Equal("old", File.ReadAllText(path));
        });
        Assert.Equal("new", File.ReadAllText(path));
    }

    [Fact]
    public void When_writing_fails_the_old_content_stays_and_nothing_is_left_over()
    {
        var path = folder.File("a");
        File.WriteAllText(path, "old");
        Assert.Throws<InvalidDataException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half"u8);
            throw new InvalidDataException("half");
        }));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_name_that_is_taken_by_a_folder_fails_and_leaves_nothing()
    {
        var path = folder.File("a");
        Directory.CreateDirectory(path);
        var error = Assert.Throws<UnauthorizedAccessException>(() => AtomicFile.Write(path, stream => stream.Write("x"u8)));
        Assert.Equal($"{path}: this is a folder; name a file in it.", error.Message);
        Assert.Equal([path], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_missing_folder_fails()
    {
        var path = folder.File("none/a");
        var error = Assert.Throws<DirectoryNotFoundException>(() => AtomicFile.Write(path, stream => stream.Write("x"u8)));
        Assert.StartsWith($"{path}: there is no folder {folder.File("none")}; make it", error.Message, StringComparison.Ordinal);
    }
}
