using System.Buffers;
using System.Globalization;
using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
using Akka.Serialization;
using MessagePack;

namespace ClusterTrain.Akka;

/// <summary>
/// Turns what ClusterTrain says over Akka into MessagePack and back. The manifest names the message and the version of all of them; a
/// message is an array of its fields. Anything else is refused in both directions: nothing is created by a name that came over the network.
/// </summary>
public sealed class ControlSerializer : SerializerWithStringManifest
{
    /// <summary>The version of the messages: nodes of different ones do not understand each other.</summary>
    public const int Version = 1;

    /// <summary>Bytes of a message at most.</summary>
    public const int MostBytes = 64 * 1024;

    /// <summary>Creates the serializer; Akka does it.</summary>
    /// <param name="system">The actor system.</param>
    public ControlSerializer(ExtendedActorSystem system)
        : base(system)
    {
    }

    /// <summary>Creates the serializer where it stands in for Akka's JSON, which has settings that do not matter here.</summary>
    /// <param name="system">The actor system.</param>
    /// <param name="settings">Not used.</param>
    public ControlSerializer(ExtendedActorSystem system, Config settings)
        : this(system) => ArgumentNullException.ThrowIfNull(settings);

    /// <inheritdoc/>
    public override string Manifest(object o) =>
        ControlCodec.Find(o?.GetType() ?? typeof(object)) is { } entry ? ManifestOf(entry) : throw Unknown(o);

    /// <inheritdoc/>
    /// <exception cref="SerializationException">It is no message of ClusterTrain's, or larger than <see cref="MostBytes"/>.</exception>
    public override byte[] ToBinary(object obj)
    {
        var entry = ControlCodec.Find(obj?.GetType() ?? typeof(object)) ?? throw Unknown(obj);
        var buffer = new ArrayBufferWriter<byte>(256);
        var writer = new MessagePackWriter(buffer);
        entry.Write(ref writer, obj!);
        writer.Flush();
        return buffer.WrittenCount <= MostBytes
            ? buffer.WrittenSpan.ToArray()
            : throw new SerializationException(string.Create(
                CultureInfo.InvariantCulture,
                $"a message {entry.Name} has {buffer.WrittenCount} bytes; at most {MostBytes} are allowed. Use fewer nodes, or shorter names."));
    }

    /// <inheritdoc/>
    /// <exception cref="SerializationException">It is no message, or one of another version, or damaged.</exception>
    public override object FromBinary(byte[] bytes, string manifest)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        ArgumentNullException.ThrowIfNull(manifest);
        var slash = manifest.LastIndexOf('/');
        var entry = slash < 0 ? null : ControlCodec.Find(manifest[..slash]);
        if (entry is null || manifest != ManifestOf(entry))
        {
            throw new SerializationException(
                $"a message '{Shown(manifest)}' is not one of version {Version}: run the same version of ClusterTrain on all nodes");
        }

        if (bytes.Length > MostBytes)
            throw new SerializationException($"a message {entry.Name} has {bytes.Length} bytes; at most {MostBytes} are allowed");

        try
        {
            var reader = new MessagePackReader(bytes);
            var message = entry.Read(ref reader);
            return reader.End ? message : throw new SerializationException($"a message {entry.Name} has bytes left over");
        }
        catch (Exception error) when (error is MessagePackSerializationException or EndOfStreamException or OverflowException or ArgumentException)
        {
            throw new SerializationException($"a message {entry.Name} is damaged: {error.Message}", error);
        }
    }

    private static string ManifestOf(ControlCodec.Entry entry) => string.Create(CultureInfo.InvariantCulture, $"{entry.Name}/{Version}");

    private static string Shown(string manifest) => manifest.Length > 64 ? manifest[..64] : manifest;

    private static SerializationException Unknown(object? o) => new($"{o?.GetType().FullName ?? "null"} is not a message that crosses the network");
}
