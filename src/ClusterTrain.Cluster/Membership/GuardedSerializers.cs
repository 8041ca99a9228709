using System.Collections.Frozen;
using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Dispatch.SysMsg;
using Akka.Remote.Serialization;
using Akka.Serialization;

namespace ClusterTrain.Cluster.Membership;

/// <summary>
/// Akka's serializer of miscellaneous messages, for those alone that a cluster needs: no Kill or PoisonPill, no exceptions, which are created from a
/// type's name, no deployments.
/// </summary>
public sealed class GuardedMiscSerializer : SerializerWithStringManifest
{
    // Identify, ActorIdentity, a reference, and the heartbeats of remote watching.
    private static readonly FrozenSet<string> s_allowed = FrozenSet.Create(StringComparer.Ordinal, "ID", "AID", "AR", "RWHB", "RWHR");

    private readonly MiscMessageSerializer _inner;

    /// <summary>Creates the serializer; Akka does it.</summary>
    /// <param name="system">The actor system.</param>
    public GuardedMiscSerializer(ExtendedActorSystem system)
        : base(system) => _inner = new MiscMessageSerializer(system);

    /// <inheritdoc/>
    public override int Identifier => 16;

    /// <inheritdoc/>
    public override string Manifest(object o) => _inner.Manifest(o);

    /// <inheritdoc/>
    public override byte[] ToBinary(object obj) =>
        s_allowed.Contains(_inner.Manifest(obj)) ? _inner.ToBinary(obj) : throw Guard.Refusal(obj?.GetType().Name);

    /// <inheritdoc/>
    public override object FromBinary(byte[] bytes, string manifest) =>
        s_allowed.Contains(manifest) ? _inner.FromBinary(bytes, manifest) : throw Guard.Refusal(manifest);
}

/// <summary>Akka's serializer of system messages, for watching actors alone; a type is never looked up by a name from the network.</summary>
public sealed class GuardedSystemMessageSerializer : SerializerWithStringManifest
{
    private static readonly FrozenDictionary<string, Type> s_allowed =
        new[] { typeof(Watch), typeof(Unwatch), typeof(DeathWatchNotification) }.ToFrozenDictionary(type => type.Name, StringComparer.Ordinal);

    private readonly SystemMessageSerializer _inner;

    /// <summary>Creates the serializer; Akka does it.</summary>
    /// <param name="system">The actor system.</param>
    public GuardedSystemMessageSerializer(ExtendedActorSystem system)
        : base(system) => _inner = new SystemMessageSerializer(system);

    /// <inheritdoc/>
    public override int Identifier => 22;

    /// <inheritdoc/>
    public override string Manifest(object o) => o?.GetType().Name ?? "";

    /// <inheritdoc/>
    public override byte[] ToBinary(object obj) => s_allowed.ContainsKey(Manifest(obj)) ? _inner.ToBinary(obj) : throw Guard.Refusal(Manifest(obj));

    /// <inheritdoc/>
    public override object FromBinary(byte[] bytes, string manifest) =>
        s_allowed.TryGetValue(manifest, out var type) ? _inner.FromBinary(bytes, type) : throw Guard.Refusal(manifest);
}

/// <summary>Stands in for a serializer that a cluster does not need.</summary>
/// <param name="system">The actor system.</param>
/// <param name="identifier">The number of the serializer it stands in for.</param>
public abstract class RefusingSerializer(ExtendedActorSystem system, int identifier) : SerializerWithStringManifest(system)
{
    /// <inheritdoc/>
    public override int Identifier => identifier;

    /// <inheritdoc/>
    public override string Manifest(object o) => throw Guard.Refusal(o?.GetType().Name);

    /// <inheritdoc/>
    public override byte[] ToBinary(object obj) => throw Guard.Refusal(obj?.GetType().Name);

    /// <inheritdoc/>
    public override object FromBinary(byte[] bytes, string manifest) => throw Guard.Refusal(manifest);
}

/// <summary>No Protobuf messages, which are found by their types' names.</summary>
/// <param name="system">The actor system.</param>
public sealed class NoProtobuf(ExtendedActorSystem system) : RefusingSerializer(system, 2);

/// <summary>No remote deployment.</summary>
/// <param name="system">The actor system.</param>
public sealed class NoDeployment(ExtendedActorSystem system) : RefusingSerializer(system, 3);

/// <summary>What the guards say.</summary>
internal static class Guard
{
    private const int MostShown = 64;

    public static SerializationException Refusal(string? what)
    {
        var shown = what is { Length: > MostShown } ? what[..MostShown] : what;
        return new SerializationException($"a message '{shown}' is not allowed between nodes");
    }
}
