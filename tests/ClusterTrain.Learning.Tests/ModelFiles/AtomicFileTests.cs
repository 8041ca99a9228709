using ClusterTrain.Learning.Files;

namespace ClusterTrain.Learning.Tests;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_written_and_then_replaced()
    {
        var path = _folder.File("a");
        AtomicFile.Write(path, stream => stream.Write("one"u8));
        AtomicFile.Write(path, stream => stream.Write("second"u8));
        Assert.Equal("second", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Until_the_content_is_whole_the_old_one_stays()
    {
        var path = _folder.File("a");
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
        var path = _folder.File("a");
        File.WriteAllText(path, "old");
        Assert.Throws<InvalidDataException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half"u8);
            throw new InvalidDataException("half");
        }));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_name_that_is_taken_by_a_folder_fails_and_leaves_nothing()
    {
        var path = _folder.File("a");
        Directory.CreateDirectory(path);
        var error = Assert.Throws<UnauthorizedAccessException>(() => AtomicFile.Write(path, stream => stream.Write("x"u8)));
        Assert.Equal($"{path}: this is a folder; name a file in it.", error.Message);
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_missing_folder_fails()
    {
        var path = _folder.File("none/a");
        var error = Assert.Throws<DirectoryNotFoundException>(() => AtomicFile.Write(path, stream => stream.Write("x"u8)));
        Assert.StartsWith($"{path}: there is no folder {_folder.File("none")}; make it", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_stays_and_the_file_it_leads_to_is_written()
    {
        var (real, link, chain) = (_folder.File("real"), _folder.File("link"), _folder.File("chain"));
        File.WriteAllText(real, "old");
        File.CreateSymbolicLink(link, "real");
        File.CreateSymbolicLink(chain, link);
        AtomicFile.Write(chain, stream => stream.Write("new"u8));
        Assert.Equal(("new", "real", link), (File.ReadAllText(real), new FileInfo(link).LinkTarget, new FileInfo(chain).LinkTarget));
    }

    [Theory]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)]
    public void Permissions_are_kept(UnixFileMode mode)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var path = _folder.File("a");
        File.WriteAllText(path, "old");
        File.SetUnixFileMode(path, mode);
        AtomicFile.Write(path, stream => stream.Write("new"u8));
        Assert.Equal((mode, "new"), (File.GetUnixFileMode(path), File.ReadAllText(path)));
    }

    [Fact]
    public void A_name_may_be_as_long_as_names_can_be()
    {
        var path = _folder.File(new string('n', 255));
        AtomicFile.Write(path, stream => stream.Write("x"u8));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task A_pipe_is_written_into_and_stays_one()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var pipe = Pipe.Create(_folder.File("pipe"));
        var read = Task.Run(() => File.ReadAllText(pipe));
        AtomicFile.Write(pipe, stream => stream.Write("through"u8));
        Assert.Equal("through", await read);
        Assert.True(SpecialFile.IsAt(pipe));
        Assert.Equal([pipe], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_device_is_written_into_and_stays_one()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        File.CreateSymbolicLink(_folder.File("null"), "/dev/null");
        AtomicFile.Write(_folder.File("null"), stream => stream.Write("x"u8));
        Assert.True(SpecialFile.IsAt(_folder.File("null")) && SpecialFile.IsAt("/dev/null"));
        Assert.False(SpecialFile.IsAt(_folder.Path) || SpecialFile.IsAt(_folder.File("none")));
    }
}
