using System.Globalization;
using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
using Akka.Serialization;
using ClusterTrain.Cluster.Wire;

namespace ClusterTrain.Cluster.Membership;

/// <summary>
/// What ClusterTrain says over Akka, in the bytes of every message between nodes. The manifest is their version. Anything else is refused in both
/// directions: nothing is created by a name that came over the network.
/// </summary>
public sealed class ClusterSerializer : SerializerWithStringManifest
{
    /// <summary>Bytes of a message at most.</summary>
    public const int MostBytes = 64 * 1024;

    private static readonly string s_manifest = Protocol.Version.ToString(CultureInfo.InvariantCulture);

    /// <summary>Creates the serializer; Akka does it.</summary>
    /// <param name="system">The actor system.</param>
    public ClusterSerializer(ExtendedActorSystem system)
        : base(system)
    {
    }

    /// <summary>Creates the serializer where it stands in for Akka's JSON, which has settings that do not matter here.</summary>
    /// <param name="system">The actor system.</param>
    /// <param name="settings">Not used.</param>
    public ClusterSerializer(ExtendedActorSystem system, Config settings)
        : this(system) => ArgumentNullException.ThrowIfNull(settings);

    /// <inheritdoc/>
    public override string Manifest(object o) => s_manifest;

    /// <inheritdoc/>
    /// <exception cref="SerializationException">It is no message between nodes, or larger than <see cref="MostBytes"/>.</exception>
    public override byte[] ToBinary(object obj)
    {
        if (obj is null || !MessageCodec.Knows(obj))
        {
            throw new SerializationException($"{obj?.GetType().FullName ?? "null"} is not a message between nodes");
        }

        var bytes = MessageCodec.Bytes(obj);
        return bytes.Length <= MostBytes
            ? bytes
            : throw new SerializationException($"{obj.GetType().Name} has {bytes.Length} bytes; at most {MostBytes} are allowed over Akka");
    }

    /// <inheritdoc/>
    /// <exception cref="SerializationException">It is no message, or one of another version, or damaged.</exception>
    public override object FromBinary(byte[] bytes, string manifest)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        if (manifest != s_manifest)
        {
            throw new SerializationException(
                $"a message of protocol version '{manifest?[..Math.Min(16, manifest.Length)]}', this node speaks {s_manifest}: "
                + "run the same version of ClusterTrain on all nodes");
        }

        if (bytes.Length > MostBytes)
        {
            throw new SerializationException($"a message of {bytes.Length} bytes; at most {MostBytes} are allowed over Akka");
        }

        try
        {
            return MessageCodec.Read(bytes);
        }
        catch (LinkException error)
        {
            throw new SerializationException($"the peer {error.Message}", error);
        }
    }
}
