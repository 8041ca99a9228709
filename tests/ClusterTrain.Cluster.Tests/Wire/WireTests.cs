using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using ClusterTrain.Cluster.Data;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Cluster.Tests;

/// <summary>The bytes on the wire are those of docs/cluster.md, and are read back as what was sent.</summary>
public sealed partial class WireTests
{
    [Fact]
    public void The_protocols_page_shows_the_bytes_that_are_sent()
    {
        var page = File.ReadAllText(Path.Combine(Root(), "docs", "cluster.md"));
        var shown = Shown().Matches(page)
            .ToDictionary(match => match.Groups["name"].Value, match => match.Groups["bytes"].Value.Replace(" ", "", StringComparison.Ordinal));

        foreach (var (name, bytes) in WireSamples.All())
        {
            Assert.True(shown.TryGetValue(name, out var golden), $"docs/cluster.md has no sample of {name}; it is {Convert.ToHexStringLower(bytes)}");
            Assert.True(
                golden == Convert.ToHexStringLower(bytes),
                $"the bytes of {name} changed: a new protocol version is needed.\nshown: {golden}\nsent:  {Convert.ToHexStringLower(bytes)}");
        }

        Assert.Contains($"Protocol version {Protocol.Version}", page, StringComparison.Ordinal);
    }

    public static TheoryData<string> Names => [.. WireSamples.Messages.Select(sample => sample.GetType().Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_message_is_read_back_as_it_was_sent(string name)
    {
        var bytes = MessageCodec.Bytes(Sample(name));
        var read = MessageCodec.Read(bytes);
        Assert.Equal(Sample(name).GetType(), read.GetType());
        Assert.Equal(bytes, MessageCodec.Bytes(read));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_message_that_is_cut_off_anywhere_or_too_long_is_garbage(string name)
    {
        var bytes = MessageCodec.Bytes(Sample(name));
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Throws<LinkException>(() => MessageCodec.Read(bytes.AsMemory(0, length)));
        }

        Assert.Throws<LinkException>(() => MessageCodec.Read((byte[])[.. bytes, 0xc0]));
    }

    [Fact]
    public void Every_message_that_can_cross_a_network_has_a_sample()
    {
        // These stay in their process: the host's word to an actor, the actor's own, and the ledger's.
        Type[] local =
        [
            typeof(MemberLost), typeof(StopRequested), typeof(Tick), typeof(WorkFailed), typeof(LinkRestored),
        ];
        var messages = typeof(IMessage).Assembly.GetTypes()
            .Where(type => type.IsPublic && type.IsAssignableTo(typeof(IMessage)) && !type.IsInterface);
        var samples = WireSamples.Messages.Select(message => message.GetType()).ToHashSet();

        Assert.Empty(messages.Except(local).Except(samples));
        Assert.Equal(MessageCodec.Types.Select(type => type.Name).Order(StringComparer.Ordinal), samples.Select(type => type.Name)
            .Order(StringComparer.Ordinal));
    }

    [Fact]
    public void An_unknown_message_type_and_a_count_beyond_the_bytes_are_refused()
    {
        Assert.Contains("unknown message type 99", Refused([0x92, 99, 0x90]), StringComparison.Ordinal);

        // A topology with 2^32 - 1 servers.
        Assert.Contains("cannot be read", Refused([0x92, 14, 0x92, 0x01, 0xdd, 0xff, 0xff, 0xff, 0xff]), StringComparison.Ordinal);

        static string Refused(byte[] bytes) => Assert.Throws<LinkException>(() => MessageCodec.Read(bytes)).Message;
    }

    [Theory]
    [InlineData(TensorKind.GradientSum, 1, true, null)]
    [InlineData(TensorKind.GradientSum, 1, false, "encoding 1")]
    [InlineData(TensorKind.GradientSum, 2, true, "encoding 2")]
    [InlineData(TensorKind.Weights, 1, true, "encoding 1")]
    [InlineData(TensorKind.OptimiserState, 1, true, "encoding 1")]
    public void Only_gradient_sums_of_a_run_that_rounds_them_come_in_half_the_bytes(
        TensorKind kind, byte encoding, bool packsGradients, string? refusal)
    {
        var key = WireSamples.Tensor(TensorEncoding.BFloat16).AsSpan(Protocol.FrameHeaderBytes, Protocol.TensorKeyBytes).ToArray();
        (key[0], key[1]) = ((byte)kind, encoding);
        if (refusal is null)
        {
            Assert.Equal((2, TensorEncoding.BFloat16), (Read(4).Floats, Read(4).Encoding));
            Assert.Throws<LinkException>(() => Read(8));
            Assert.Throws<LinkException>(() => Read(-1));
        }
        else
        {
            Assert.Contains(refusal, Assert.Throws<LinkException>(() => Read(4)).Message, StringComparison.Ordinal);
        }

        (TensorKey Key, double Loss, int Floats, TensorEncoding Encoding) Read(long contentBytes) =>
            TensorFrame.Read(key, contentBytes, 100, packsGradients);
    }

    [Fact]
    public void A_hello_is_read_back()
    {
        var hello = WireSamples.Hello.Write(new byte[Protocol.NonceBytes]);
        Assert.Equal(WireSamples.Hello, Hello.Read(hello.AsMemory(Protocol.HelloHeaderBytes)));
        Assert.Throws<LinkException>(() => Hello.Read(hello.AsMemory(Protocol.HelloHeaderBytes, 20)));
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
    private static partial Regex Shown();

    private static object Sample(string name) => WireSamples.Messages.Single(sample => sample.GetType().Name == name);

    private static string Root([CallerFilePath] string path = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "..", "..", ".."));
}
