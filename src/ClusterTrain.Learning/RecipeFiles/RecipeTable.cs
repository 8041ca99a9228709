using System.Text.Json.Nodes;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>The keys of one part of a recipe.</summary>
/// <param name="about">What the part is, in a sentence or two.</param>
internal abstract class RecipeTable(string about)
{
    /// <summary>What the part is.</summary>
    public string About => about;

    /// <summary>The key whose value alone may stand for the part; null: none.</summary>
    public string? Short { get; init; }

    /// <summary>Groups of keys; of each group there must be exactly one.</summary>
    public List<string[]> Choices { get; } = [];

    /// <summary>The keys, in the order they are read and written.</summary>
    public abstract IReadOnlyList<RecipeKey> Keys { get; }

    /// <summary>The words that decide which keys have a meaning; empty: all always have one.</summary>
    public abstract IReadOnlyList<string> Kinds { get; }

    /// <summary>The keys that have a meaning for one of the kinds.</summary>
    public abstract IReadOnlyList<RecipeKey> KeysOf(string kind);

    /// <summary>
    /// The default of a key, as it is written, for one of the kinds or where there are none; null: it has none.
    /// </summary>
    public abstract RecipeNode? DefaultOf(RecipeKey key, string? kind);

    /// <summary>Whether a key must be given, for one of the kinds or where there are none.</summary>
    public abstract bool IsRequired(RecipeKey key, string? kind);

    /// <summary>Reads keys for their problems alone.</summary>
    public abstract void Check(RecipeMapping node, RecipeAt at);

    /// <summary>A JSON Schema.</summary>
    public abstract JsonObject Schema();
}

/// <summary>The keys of a record: one row says how each is read, checked, written, told and described.</summary>
/// <param name="blank">The record when no key is given.</param>
/// <param name="about">What the part is, in a sentence or two.</param>
internal sealed class RecipeTable<T>(T blank, string about) : RecipeTable(about)
{
    private readonly List<RecipeKey<T>> _keys = [];
    private readonly List<Action<T, RecipeSection>> _rules = [];

    /// <summary>The record when no key is given.</summary>
    public T Blank => blank;

    /// <summary>The key that decides which others have a meaning, and what messages call its value; null: none does.</summary>
    public (string Key, string Called)? Decider { get; init; }

    public override IReadOnlyList<RecipeKey> Keys => _keys;

    public override IReadOnlyList<string> Kinds => DecidingKey is { } key ? [.. key.Form.Words.Select(word => word.Word)] : [];

    private RecipeKey<T>? DecidingKey => Decider is var (name, _) ? _keys.Find(key => key.Name == name) : null;

    /// <summary>Adds a key.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="form">The form of its value.</param>
    /// <param name="get">Its value in a record; null: the record has none.</param>
    /// <param name="set">The record with another value.</param>
    /// <param name="about">What it means.</param>
    /// <param name="example">An example of its value, YAML.</param>
    /// <param name="also">What it is called elsewhere, in words without '-', '_' and capitals.</param>
    /// <param name="always">
    /// True: it is written although it has its default. Of a key that is new, only another value may be written: the recipes
    /// there are
    /// keep their fingerprints.
    /// </param>
    /// <param name="required">When it must be given; null: never.</param>
    /// <param name="when">When it has a meaning, with the keys before it read; null: always.</param>
    /// <param name="unless">Why it has no meaning, in words that follow its path; null: it has one.</param>
    /// <param name="usual">Its default, where that follows from the keys before it.</param>
    public RecipeTable<T> Key<TValue>(
        string name,
        RecipeForm<TValue> form,
        Func<T, TValue> get,
        Func<T, TValue, T> set,
        string about,
        string example,
        string also = "",
        bool always = false,
        Func<T, bool>? required = null,
        Func<T, bool>? when = null,
        Func<T, string?>? unless = null,
        Func<T, TValue>? usual = null) =>
        Key(name, _ => form, get, set, about, example, also, always, required, when, unless, usual);

    /// <summary>Adds a key whose form follows from the keys before it.</summary>
    public RecipeTable<T> Key<TValue>(
        string name,
        Func<T, RecipeForm<TValue>> form,
        Func<T, TValue> get,
        Func<T, TValue, T> set,
        string about,
        string example,
        string also = "",
        bool always = false,
        Func<T, bool>? required = null,
        Func<T, bool>? when = null,
        Func<T, string?>? unless = null,
        Func<T, TValue>? usual = null)
    {
        _keys.Add(new RecipeKey<T, TValue>(blank, form, get, set, usual)
        {
            Name = name,
            About = about,
            Example = example,
            AlsoCalled = also.Split(' ', StringSplitOptions.RemoveEmptyEntries),
            IsAlwaysWritten = always,
            Required = required,
            When = when,
            Unless = unless,
        });
        return this;
    }

    /// <summary>Of some keys there must be exactly one.</summary>
    /// <param name="what">What they are together, such as a source.</param>
    /// <param name="explained">What follows their names in the message; empty: nothing.</param>
    /// <param name="keys">The keys.</param>
    public RecipeTable<T> ExactlyOne(string what, string explained, params string[] keys) =>
        Choice(keys).Rule((_, section) =>
        {
            string[] given = [.. keys.Where(section.Has)];
            if (given.Length == 1)
            {
                return;
            }

            var found = given.Length == 0 ? "none is given" : $"given: {string.Join(", ", given)}";
            section.At.Tell(section.Node.Place, $"needs exactly one {what} of {string.Join(", ", keys)}{explained}; {found}");
        });

    /// <summary>Says for pages and editors that of some keys there must be exactly one; a rule checks it.</summary>
    /// <param name="keys">The keys.</param>
    public RecipeTable<T> Choice(params string[] keys)
    {
        Choices.Add(keys);
        return this;
    }

    /// <summary>Adds a condition on several keys, which is looked at when all of them have been read.</summary>
    public RecipeTable<T> Rule(Action<T, RecipeSection> rule)
    {
        _rules.Add(rule);
        return this;
    }

    /// <summary>Reads a record; what is wrong is added to the problems.</summary>
    /// <param name="node">The keys as written.</param>
    /// <param name="at">Their place.</param>
    /// <param name="record">The record when no key is given.</param>
    public T Read(RecipeMapping node, RecipeAt at, T record)
    {
        var section = new RecipeSection(node, at);
        foreach (var key in _keys)
        {
            // Of a part of an unknown kind, nothing can be said of the keys that some kinds have.
            if (key.When is not null && !section.Sound(Decider!.Value.Key))
            {
                continue;
            }

            if (Refusal(key, record) is not { } refusal)
            {
                record = key.Read(section, record);
            }
            else if (section.Has(key.Name))
            {
                Refuse(section, key, record, refusal);
            }
        }

        foreach (var (name, entry) in node.Entries)
        {
            // Finding a near word takes time, and beyond the limit nobody reads it.
            if (_keys.Exists(key => key.Name == name))
            {
                continue;
            }

            var what = at.Problems.IsFull ? "" : RecipeNames.Unknown(name, AllowedFor(record));
            at.Key(RecipeText.Shown(name), "").Tell(entry.KeyPlace, $"{what} Allowed: {string.Join(", ", AllowedFor(record))}");
        }

        foreach (var rule in _rules)
        {
            rule(record, section);
        }

        return record;
    }

    /// <summary>The keys of a record as they are written in full.</summary>
    public RecipeMapping Write(T record)
    {
        var entries = new OrderedDictionary<string, RecipeEntry>();
        foreach (var key in _keys)
        {
            if (Refusal(key, record) is null && key.Write(record) is { } value)
            {
                entries.Add(key.Name, new(default, value));
            }
        }

        return new(default, entries) { IsBlock = true };
    }

    public override IReadOnlyList<RecipeKey> KeysOf(string kind)
    {
        var record = OfKind(kind);
        return _keys.FindAll(key => Refusal(key, record) is null);
    }

    public override RecipeNode? DefaultOf(RecipeKey key, string? kind) =>
        ((RecipeKey<T>)key).Default(kind is null ? blank : OfKind(kind));

    public override void Check(RecipeMapping node, RecipeAt at) => Read(node, at, blank);

    public override bool IsRequired(RecipeKey key, string? kind) =>
        ((RecipeKey<T>)key).Required?.Invoke(kind is null ? blank : OfKind(kind)) == true;

    public override JsonObject Schema()
    {
        var properties = new JsonObject();
        foreach (var key in _keys)
        {
            properties[key.Name] = key.Schema();
        }

        var schema = new JsonObject { ["type"] = "object", ["properties"] = properties, ["additionalProperties"] = false };
        if (Needed(blank) is { Count: > 0 } required)
        {
            schema["required"] = required;
        }

        var all = new JsonArray();
        foreach (var keys in Choices)
        {
            all.Add(new JsonObject { ["oneOf"] = new JsonArray([.. keys.Select(key => (JsonNode)Requires(key))]) });
        }

        foreach (var kind in Kinds)
        {
            all.Add(OnlyFor(kind));
        }

        if (all.Count > 0)
        {
            schema["allOf"] = all;
        }

        if (Short is not { } name)
        {
            return schema;
        }

        return new() { ["anyOf"] = new JsonArray(_keys.Find(key => key.Name == name)!.Form.Schema(), schema) };
    }

    private static JsonObject Requires(string key) => new() { ["required"] = new JsonArray((JsonNode)key) };

    // Keys that a kind does not have are refused, and those that it needs are required.
    private JsonObject OnlyFor(string kind)
    {
        var (name, record) = (DecidingKey!.Name, OfKind(kind));
        var isThis = new JsonObject { ["properties"] = new JsonObject { [name] = new JsonObject { ["const"] = kind } } };
        if (DecidingKey.Write(blank) is not RecipeScalar usual || usual.Text != kind)
        {
            isThis["required"] = new JsonArray((JsonNode)name);
        }

        var then = new JsonObject();
        if (_keys.FindAll(key => Refusal(key, record) is not null) is { Count: > 0 } refused)
        {
            then["properties"] = new JsonObject(refused.Select(key => KeyValuePair.Create<string, JsonNode?>(key.Name, false)));
        }

        if (Needed(record) is { Count: > 0 } needed)
        {
            then["required"] = needed;
        }

        return new() { ["if"] = isThis, ["then"] = then };
    }

    private JsonArray Needed(T record) => new(
        [.. _keys.Where(key => Refusal(key, record) is null && key.Required?.Invoke(record) == true).Select(key =>
            (JsonNode)key.Name)]);

    // The record that has this kind, and all else by default.
    private T OfKind(string kind) =>
        Read(RecipeMapping.Of(default, Decider!.Value.Key, RecipeScalar.Plain(kind)), new RecipeAt(new RecipeProblems()), blank);

    private IReadOnlyList<string> AllowedFor(T record) =>
        [.. _keys.Where(key => Refusal(key, record) is null).Select(key => key.Name)];

    // Why a key has no meaning in a record; empty: for its kind; null: it has one.
    private static string? Refusal(RecipeKey<T> key, T record) => key.When?.Invoke(record) == false ? ""
        : key.Unless?.Invoke(record);

    private void Refuse(RecipeSection section, RecipeKey<T> key, T record, string refusal)
    {
        if (refusal.Length > 0)
        {
            section.Tell(key.Name, refusal);
            return;
        }

        var kind = ((RecipeScalar)DecidingKey!.Write(record)!).Text;
        section.At.Key(key.Name, "").Tell(section.Node.Entries[key.Name].KeyPlace,
            $"has no meaning for {Decider!.Value.Called} '{kind}'; remove it. Allowed: {string.Join(", ", AllowedFor(record))}");
    }
}
