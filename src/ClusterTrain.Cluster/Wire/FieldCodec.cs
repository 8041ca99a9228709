using System.Collections.Immutable;
using System.Linq.Expressions;
using System.Reflection;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using MessagePack;

namespace ClusterTrain.Cluster.Wire;

/// <summary>
/// How a value of one type is written and read. Numbers, texts, ids and the like are MessagePack's; a record is the array of its constructor's
/// parameters, in their order; a list is an array. What comes from the network is untrusted: MessagePack's reader refuses a count that the bytes left
/// cannot hold before anything is allocated, names are bounded, enumerations and leaves are checked.
/// </summary>
internal abstract class FieldCodec
{
    /// <summary>UTF-8 bytes of an actor's id.</summary>
    public const int MostNameBytes = 255;

    private static readonly Dictionary<Type, FieldCodec> s_known = new()
    {
        [typeof(int)] = new Plain<int>(static (ref w, v) => w.Write(v), static (ref r) => r.ReadInt32()),
        [typeof(long)] = new Plain<long>(static (ref w, v) => w.Write(v), static (ref r) => r.ReadInt64()),
        [typeof(double)] = new Plain<double>(static (ref w, v) => w.Write(v), static (ref r) => r.ReadDouble()),
        [typeof(bool)] = new Plain<bool>(static (ref w, v) => w.Write(v), static (ref r) => r.ReadBoolean()),
        [typeof(string)] = new Plain<string>(
            static (ref w, v) => w.Write(v), static (ref r) => r.ReadString() ?? throw new MessagePackSerializationException("a text is missing")),
        [typeof(TimeSpan)] = new Plain<TimeSpan>(static (ref w, v) => w.Write(v.Ticks), static (ref r) => TimeSpan.FromTicks(r.ReadInt64())),
        [typeof(ActorId)] = new Plain<ActorId>(static (ref w, v) => w.Write(v.Name), ReadId),
        [typeof(TreeNode)] = new Plain<TreeNode>(WriteLeaves, ReadLeaves),
        [typeof(NodeRole)] = new Choice<NodeRole>(),
        [typeof(Lane)] = new Choice<Lane>(),
        [typeof(PeerRole)] = new Choice<PeerRole>(),
    };

    private delegate void Writer<in T>(ref MessagePackWriter writer, T value);

    private delegate T Reader<out T>(ref MessagePackReader reader);

    /// <summary>The codec of a type.</summary>
    public static FieldCodec Of(Type type)
    {
        if (s_known.TryGetValue(type, out var known))
        {
            return known;
        }

        return type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ImmutableArray<>)
            ? (FieldCodec)Activator.CreateInstance(typeof(ListOf<>).MakeGenericType(type.GetGenericArguments()))!
            : new Record(type);
    }

    public abstract void Write(ref MessagePackWriter writer, object value);

    public abstract object Read(ref MessagePackReader reader);

    private static ActorId ReadId(ref MessagePackReader reader)
    {
        var before = reader.Consumed;
        var name = reader.ReadString() ?? throw new MessagePackSerializationException("an id is missing");
        return reader.Consumed - before <= MostNameBytes + 2
            ? new ActorId(name)
            : throw new MessagePackSerializationException($"an id is longer than {MostNameBytes} bytes");
    }

    private static void WriteLeaves(ref MessagePackWriter writer, TreeNode leaves)
    {
        writer.WriteArrayHeader(2);
        writer.Write(leaves.Start);
        writer.Write(leaves.Count);
    }

    private static TreeNode ReadLeaves(ref MessagePackReader reader)
    {
        if (reader.ReadArrayHeader() != 2)
        {
            throw new MessagePackSerializationException("leaves are a start and a count");
        }

        var leaves = new TreeNode(reader.ReadInt32(), reader.ReadInt32());
        return leaves is { Start: >= 0, Count: > 0 } && leaves.Start <= int.MaxValue - leaves.Count
            ? leaves
            : throw new MessagePackSerializationException($"{leaves.Count} leaves from {leaves.Start} on do not exist");
    }

    private sealed class Plain<T>(Writer<T> write, Reader<T> read) : FieldCodec
        where T : notnull
    {
        public override void Write(ref MessagePackWriter writer, object value) => write(ref writer, (T)value);

        public override object Read(ref MessagePackReader reader) => read(ref reader);
    }

    private sealed class Choice<T> : FieldCodec
        where T : struct, Enum
    {
        public override void Write(ref MessagePackWriter writer, object value) => writer.Write(Convert.ToInt32(value, null));

        public override object Read(ref MessagePackReader reader)
        {
            var number = reader.ReadInt32();
            var value = Enum.ToObject(typeof(T), number);
            return Enum.IsDefined((T)value) ? value : throw new MessagePackSerializationException($"unknown {typeof(T).Name} {number}");
        }
    }

    private sealed class ListOf<T> : FieldCodec
    {
        private readonly FieldCodec _item = Of(typeof(T));

        public override void Write(ref MessagePackWriter writer, object value)
        {
            var items = (ImmutableArray<T>)value;
            writer.WriteArrayHeader(items.Length);
            foreach (var item in items)
            {
                _item.Write(ref writer, item!);
            }
        }

        public override object Read(ref MessagePackReader reader)
        {
            var items = ImmutableArray.CreateBuilder<T>(reader.ReadArrayHeader());
            for (var index = 0; index < items.Capacity; index++)
            {
                items.Add((T)_item.Read(ref reader));
            }

            return items.MoveToImmutable();
        }
    }

    private sealed class Record : FieldCodec
    {
        private readonly Type _type;
        private readonly (Func<object, object> Value, FieldCodec Codec)[] _fields;
        private readonly ConstructorInfo _constructor;

        public Record(Type type)
        {
            _type = type;
            _constructor = type.GetConstructors().OrderByDescending(constructor => constructor.GetParameters().Length).First();
            _fields = [.. _constructor.GetParameters()
                .Select(parameter => (Getter(type.GetProperty(parameter.Name!)!), Of(parameter.ParameterType)))];
        }

        public override void Write(ref MessagePackWriter writer, object value)
        {
            writer.WriteArrayHeader(_fields.Length);
            foreach (var (field, codec) in _fields)
            {
                codec.Write(ref writer, field(value));
            }
        }

        public override object Read(ref MessagePackReader reader)
        {
            var count = reader.ReadArrayHeader();
            if (count != _fields.Length)
            {
                throw new MessagePackSerializationException($"{_type.Name} has {count} fields instead of {_fields.Length}");
            }

            var values = new object[count];
            for (var index = 0; index < count; index++)
            {
                values[index] = _fields[index].Codec.Read(ref reader);
            }

            return _constructor.Invoke(values);
        }

        private Func<object, object> Getter(PropertyInfo property)
        {
            var record = Expression.Parameter(typeof(object));
            return Expression.Lambda<Func<object, object>>(
                Expression.Convert(Expression.Property(Expression.Convert(record, _type), property), typeof(object)), record).Compile();
        }
    }
}
