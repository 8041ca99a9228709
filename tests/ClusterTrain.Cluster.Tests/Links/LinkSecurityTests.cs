using ClusterTrain.Cluster.Links;

namespace ClusterTrain.Cluster.Tests;

public sealed class LinkSecurityTests
{
    [Theory]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite, false)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.GroupRead, true)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.OtherRead, true)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.OtherWrite, true)]
    public void A_secret_file_that_others_may_read_or_change_is_told_from_one_that_is_private(UnixFileMode mode, bool othersMay)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var folder = new TemporaryFolder();
        var file = folder.File("secret");
        File.WriteAllText(file, "a secret of sixteen bytes or more");
        File.SetUnixFileMode(file, mode);

        Assert.Equal(othersMay, LinkSecurity.OthersMayRead(file));
    }

    [Fact]
    public void What_a_container_engine_mounts_is_not_warned_of() => Assert.False(LinkSecurity.OthersMayRead("/run/secrets/cluster"));
}
