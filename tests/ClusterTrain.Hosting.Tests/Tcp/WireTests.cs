using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting.Tests;

/// <summary>The bytes on the wire are those of docs/protocol.md, and are read back as what was sent.</summary>
public sealed partial class WireTests
{
    [Fact]
    public void The_protocols_page_shows_the_bytes_that_are_sent()
    {
        var page = File.ReadAllText(Path.Combine(Root(), "docs", "protocol.md"));
        var shown = Sample().Matches(page).ToDictionary(match => match.Groups["name"].Value, match => match.Groups["bytes"].Value.Replace(" ", "", StringComparison.Ordinal));

        foreach (var (name, bytes) in WireSamples.All())
        {
            Assert.True(shown.TryGetValue(name, out var golden), $"docs/protocol.md has no sample of {name}; it is {Convert.ToHexStringLower(bytes)}");
            Assert.True(
                golden == Convert.ToHexStringLower(bytes),
                $"the bytes of {name} changed: a new protocol version is needed.\nshown: {golden}\nsent:  {Convert.ToHexStringLower(bytes)}");
        }

        Assert.Contains($"Protocol version {Protocol.Version}", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_message_is_read_back_as_it_was_sent()
    {
        var writer = new WireWriter();
        foreach (var message in WireSamples.Messages)
        {
            writer.Clear();
            MessageCodec.Write(writer, message);
            var read = MessageCodec.Read(writer.Written, new LinkLimits());
            var again = new WireWriter();
            MessageCodec.Write(again, read);
            Assert.Equal(message.GetType(), read.GetType());
            Assert.Equal(writer.Written.ToArray(), again.Written.ToArray());
        }
    }

    [Fact]
    public void Every_message_that_can_cross_a_link_has_a_sample()
    {
        // These stay in their process: the host's word to an actor, the actor's own, and the ledger's.
        Type[] local =
        [
            typeof(MemberLost), typeof(StopRequested), typeof(Tick), typeof(WorkFailed), typeof(LinkRestored),
        ];
        var all = typeof(IMessage).Assembly.GetTypes().Where(type => type.IsPublic && type.IsAssignableTo(typeof(IMessage)) && !type.IsInterface);

        Assert.Equal(
            all.Except(local).Select(type => type.Name).Order(StringComparer.Ordinal),
            WireSamples.Messages.Select(message => message.GetType().Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_message_cut_off_anywhere_is_garbage_and_so_is_one_that_is_too_long()
    {
        var writer = new WireWriter();
        foreach (var message in WireSamples.Messages)
        {
            writer.Clear();
            MessageCodec.Write(writer, message);
            var bytes = writer.Written.ToArray();
            for (var length = 0; length < bytes.Length; length++)
                Assert.Throws<LinkException>(() => MessageCodec.Read(bytes.AsSpan(0, length), new LinkLimits()));

            Assert.Throws<LinkException>(() => MessageCodec.Read([.. bytes, 0], new LinkLimits()));
        }
    }

    [Fact]
    public void Hello_and_welcome_are_read_back()
    {
        var hello = WireSamples.Hello.Write(new byte[Protocol.NonceBytes]);
        Assert.Equal(WireSamples.Hello, Hello.Read(hello.AsSpan(Protocol.HelloHeaderBytes), new LinkLimits()));
        var writer = new WireWriter();
        WireSamples.Welcome.Write(writer);
        var welcome = Welcome.Read(writer.Written, new LinkLimits());
        Assert.Equal(WireSamples.Welcome.Servers.ToArray(), welcome.Servers.ToArray());
        Assert.Equal(WireSamples.Welcome, welcome with { Servers = WireSamples.Welcome.Servers });
    }

    [Theory]
    [InlineData("10.0.0.5:7071", "10.0.0.5", 7071)]
    [InlineData("coordinator", "coordinator", 7070)]
    [InlineData("[::1]:80", "::1", 80)]
    [InlineData("::1", "::1", 7070)]
    [InlineData("[::1]", "::1", 7070)]
    public void An_address_is_read(string text, string host, int port) =>
        Assert.Equal(new NodeEndpoint(host, port), NodeEndpoint.Parse(text, 7070));

    [Theory]
    [InlineData("")]
    [InlineData(":7070")]
    [InlineData("host:")]
    [InlineData("host:70000")]
    [InlineData("host:-1")]
    [InlineData("a b:7070")]
    public void What_is_no_address_is_refused(string text) =>
        Assert.Contains("HOST:PORT", Assert.Throws<ClusterException>(() => NodeEndpoint.Parse(text, 7070)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_parameter_servers_id_says_where_it_is()
    {
        var id = MemberIds.ParameterServer("ps", "ab12", new NodeEndpoint("fe80::1", 7071));
        Assert.Equal("ps/ab12@[fe80::1]:7071", id.Name);
        Assert.Equal(new NodeEndpoint("fe80::1", 7071), MemberIds.Endpoint(id));
        Assert.Null(MemberIds.Endpoint(MemberIds.Worker("w", "1")));
    }

    [GeneratedRegex(@"^- `(?<name>\w+)`: `(?<bytes>[0-9a-f ]+)`", RegexOptions.Multiline)]
    private static partial Regex Sample();

    private static string Root([CallerFilePath] string path = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "..", "..", ".."));
}
