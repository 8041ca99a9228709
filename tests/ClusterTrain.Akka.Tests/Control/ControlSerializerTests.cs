using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.Serialization;
using Akka.Configuration;
using Akka.TestKit.Xunit2;
using ClusterTrain.Numerics;
using ClusterTrain.Training;

namespace ClusterTrain.Akka.Tests;

/// <summary>What crosses an Akka connection: the bytes are fixed, everything there is has a sample, and nothing else is let in.</summary>
public sealed class ControlSerializerTests : TestKit
{
    private static readonly object[] s_samples =
    [
        new Join(NodeRole.ParameterServer, [new SegmentPosition(1, 2, 1048577, 300, 250)]),
        new Leave(),
        new MemberFailed(new ActorId("worker-2/7f31c0"), "out of memory"),
        new StepReport(1048577, 0, 1234, 0.5),
        new Held(1048577, 1, 1235),
        new ComputeReport(4096, TimeSpan.FromMilliseconds(125)),
        new NotFinite(77, "the loss (NaN)"),
        new Serve(1048577, 1, 2, 300, 1000, 100),
        new Training.Subscribe(1048577, 1),
        new Advance(1048577, 5000, 4000),
        new Hold(1048577),
        new SnapshotAt(1048577, 1236),
        new NormPart(1048577, 1234, 1, [0.25, 1.5]),
        new Topology(1048577, [new ActorId("ps-1/ab12@10.0.0.5:7071")]),
        new Assignment(1048577, 3, [new ActorId("worker-1/aa"), new ActorId("worker-2/bb")]),
        new Training.Stop(),
        new LateShare(1048577, 1234, new TreeNode(4, 3), new ActorId("worker-1/aa"), new ActorId("worker-2/bb")),
        new Recompute(1048577, 1234, new TreeNode(4, 3), new ActorId("worker-2/bb")),
        new Answer(1048577, 1234, 1, new TreeNode(4, 2), new ActorId("worker-2/bb"), "0123abcd", 0.75),
        new Exclude("a wrong sum"),
        new LinkMessage(-5, new ActorId("coordinator"), 7, new Hold(1048577)),
        new LinkConfirmed(-5, new ActorId("worker-1/aa"), 7),
        new Register(NodeRole.ParameterServer, "parameter-server-1", "10.0.0.5:7071"),
        new Registered("10.0.0.1:7070", 3),
        new RunNotice("{\"event\":\"checkpoint\",\"step\":300}"),
        new RunOver(new RunCompleted(10, 4300, "ab12", false)),
        new StatusRequest(),
        new StatusReport("{}"),
    ];

    public ControlSerializerTests()
        : base(ConfigurationFactory.ParseString("akka.actor.provider = local\nakka.loggers = []").WithFallback(AkkaConfiguration.BuiltIn()))
    {
    }

    private ControlSerializer Serializer => Assert.IsType<ControlSerializer>(Sys.Serialization.FindSerializerFor(new Hold(1)));

    public static TheoryData<string> Names => [.. s_samples.Select(sample => sample.GetType().Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_engines_page_shows_the_bytes_that_are_sent(string name)
    {
        var page = File.ReadAllText(Path.Combine(Root(), "docs", "akka.md"));
        var (manifest, bytes) = (Serializer.Manifest(Sample(name)), Convert.ToHexStringLower(Serializer.ToBinary(Sample(name))));
        Assert.True(
            page.Contains($"- `{manifest}`: `{bytes}`\n", StringComparison.Ordinal),
            $"the bytes of {name} changed, so the version must too; docs/akka.md would say\n- `{manifest}`: `{bytes}`");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_message_is_read_back_as_it_was_sent(string name)
    {
        var bytes = Serializer.ToBinary(Sample(name));
        var read = Serializer.FromBinary(bytes, Serializer.Manifest(Sample(name)));
        Assert.Equal(Sample(name).GetType(), read.GetType());
        Assert.Equal(bytes, Serializer.ToBinary(read));
        Assert.InRange(bytes.Length, 1, ControlSerializer.MostBytes);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_message_cut_off_anywhere_or_too_long_is_refused(string name)
    {
        var (bytes, manifest) = (Serializer.ToBinary(Sample(name)), Serializer.Manifest(Sample(name)));
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<SerializationException>(() => Serializer.FromBinary(bytes[..length], manifest));

        Assert.Throws<SerializationException>(() => Serializer.FromBinary([.. bytes, 0xc0], manifest));
    }

    [Fact]
    public void Every_message_that_can_cross_a_network_has_a_sample()
    {
        // These stay in their process: the host's word to an actor, the actor's own, and the ledger's.
        Type[] local = [typeof(MemberLost), typeof(StopRequested), typeof(Tick), typeof(WorkFailed), typeof(LinkRestored)];
        var messages = typeof(IMessage).Assembly.GetTypes().Where(type => type.IsPublic && type.IsAssignableTo(typeof(IMessage)) && !type.IsInterface);
        var ours = typeof(IControlMessage).Assembly.GetTypes().Where(type => type.IsAssignableTo(typeof(IControlMessage)) && !type.IsInterface);
        var expected = messages.Except(local).Concat(ours).Select(type => type.Name).Order(StringComparer.Ordinal).ToArray();

        Assert.Equal(expected, s_samples.Select(sample => sample.GetType().Name).Order(StringComparer.Ordinal));
        Assert.Equal(expected, ControlCodec.Types.Select(type => type.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Nothing_else_is_written_or_read_not_even_as_json()
    {
        Assert.IsType<ControlSerializer>(Sys.Serialization.FindSerializerFor(new Uri("http://localhost")));
        Assert.Throws<SerializationException>(() => Serializer.ToBinary(new Uri("http://localhost")));
        Assert.Throws<SerializationException>(() => Serializer.FromBinary([0x90], "System.Uri"));
        const int Json = 1;
        var error = Assert.ThrowsAny<Exception>(() => Sys.Serialization.Deserialize("{}"u8.ToArray(), Json, "System.Object"));
        Assert.Contains("serializer", error.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_message_of_another_version_is_refused_with_the_remedy()
    {
        var error = Assert.Throws<SerializationException>(() => Serializer.FromBinary([0x91, 0x01], $"Hold/{ControlSerializer.Version + 1}"));
        Assert.Contains("same version", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_message_beyond_the_bound_is_not_sent()
    {
        var workers = Enumerable.Range(0, 4000).Select(index => new ActorId($"worker-{index}/0123456789ab")).ToImmutableArray();
        var error = Assert.Throws<SerializationException>(() => Serializer.ToBinary(new Assignment(1, 1, workers)));
        Assert.Contains("65536", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_count_larger_than_what_follows_allocates_nothing()
    {
        // Topology with 2^32 - 1 servers.
        var error = Assert.Throws<SerializationException>(() => Serializer.FromBinary([0x92, 0x01, 0xdd, 0xff, 0xff, 0xff, 0xff], "Topology/1"));
        Assert.Contains("damaged", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_carries_messages_of_the_state_machines_alone()
    {
        // A LinkMessage whose content is a StatusRequest.
        var bytes = Serializer.ToBinary(new LinkMessage(1, new ActorId("a"), 1, new Leave()));
        var text = Convert.ToHexStringLower(bytes).Replace(Hex("Leave"), Hex("StatusRequest"), StringComparison.Ordinal);
        Assert.Throws<SerializationException>(() => Serializer.FromBinary(Convert.FromHexString(text), "LinkMessage/1"));

        static string Hex(string name) => Convert.ToHexStringLower([(byte)(0xa0 + name.Length), .. System.Text.Encoding.UTF8.GetBytes(name)]);
    }

    [Fact]
    public void A_reason_too_long_is_cut_and_the_message_still_arrives()
    {
        var bytes = Serializer.ToBinary(new MemberFailed(new ActorId("w"), new string('€', 100_000)));
        Assert.StartsWith("€€€", Assert.IsType<MemberFailed>(Serializer.FromBinary(bytes, "MemberFailed/1")).Reason, StringComparison.Ordinal);
    }

    private static string Root([CallerFilePath] string path = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "..", "..", ".."));

    private static object Sample(string name) => s_samples.Single(sample => sample.GetType().Name == name);
}
