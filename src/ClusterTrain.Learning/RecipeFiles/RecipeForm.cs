using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>
/// A form that values of a recipe have: how one is read and checked, written, told, and described to an editor.
/// </summary>
internal interface IRecipeForm
{
    /// <summary>What is allowed, in words.</summary>
    public string Allowed { get; }

    /// <summary>The keys of the parts in it, with the step from its path to theirs, such as <c>[0]</c>.</summary>
    public IEnumerable<(string Step, RecipeTable Table)> Parts { get; }

    /// <summary>The words it may be; empty: it is no enumeration.</summary>
    public IReadOnlyList<RecipeWord> Words { get; }

    /// <summary>A JSON Schema.</summary>
    public JsonObject Schema();
}

/// <summary>A form that values of a type have.</summary>
internal abstract class RecipeForm<T> : IRecipeForm
{
    public abstract string Allowed { get; }

    public virtual IEnumerable<(string Step, RecipeTable Table)> Parts => [];

    public virtual IReadOnlyList<RecipeWord> Words { get; init; } = [];

    /// <summary>Reads a value; false, and a problem, when it is not of this form.</summary>
    public abstract bool TryRead(RecipeNode node, RecipeAt at, out T value);

    /// <summary>The value as it is written; null: it is not, since there is none.</summary>
    public abstract RecipeNode? Write(T value);

    public abstract JsonObject Schema();

    /// <summary>The same in a recipe, another type in the program.</summary>
    public RecipeForm<TOther> As<TOther>(Func<T, TOther> to, Func<TOther, T> from) =>
        new ConvertedForm<T, TOther>(this, to, from);

    /// <summary>This form, or a word that stands for a value of its own.</summary>
    public RecipeForm<T> Or(string word, T value) => new WordOrForm<T>(this, word, value);

    /// <summary>This form, or a list that stands for a value.</summary>
    public RecipeForm<T> OrList<TItem>(RecipeForm<ImmutableArray<TItem>> list, Func<ImmutableArray<TItem>, T> to) =>
        new ListOrForm<T, TItem>(this, list, to);

    /// <summary>This form, where further conditions hold.</summary>
    /// <param name="problem">What is wrong with a value, in words that follow its key; null: nothing.</param>
    public RecipeForm<T> Where(Func<T, string?> problem) => new CheckedForm<T>(this, problem);
}

/// <summary>Why a single value is not of a form; null: it is.</summary>
/// <param name="node">The value as written.</param>
/// <param name="value">The value.</param>
internal delegate string? ScalarReader<T>(RecipeNode node, out T value);

/// <summary>A form of single values.</summary>
/// <param name="allowed">What is allowed.</param>
/// <param name="read">Reads one.</param>
/// <param name="write">Writes one.</param>
/// <param name="schema">A JSON Schema.</param>
/// <param name="near">What may have been meant by a text.</param>
internal sealed class ScalarForm<T>(
    string allowed, ScalarReader<T> read, Func<T, RecipeScalar> write, Func<JsonObject> schema,
    Func<string, string?>? near = null) : RecipeForm<T>
{
    public override string Allowed => allowed;

    public override bool TryRead(RecipeNode node, RecipeAt at, out T value)
    {
        if (read(node, out value) is not { } problem)
        {
            return true;
        }

        at.Refuse(node, problem, problem.Length == 0 && node is RecipeScalar scalar ? near?.Invoke(scalar.Text) : null);
        return false;
    }

    public override RecipeNode? Write(T value) => value is null ? null : write(value);

    public override JsonObject Schema() => schema();
}

/// <summary>A form of lists.</summary>
/// <param name="item">The form of an item.</param>
/// <param name="allowed">What is allowed.</param>
internal sealed class ListForm<T>(RecipeForm<T> item, string allowed) : RecipeForm<ImmutableArray<T>>
{
    /// <summary>True: an item comes at most once.</summary>
    public bool IsSet { get; init; }

    /// <summary>True: each item is written on a line of its own.</summary>
    public bool IsBlock { get; init; }

    public override string Allowed => allowed;

    public override IEnumerable<(string Step, RecipeTable Table)> Parts =>
        item.Parts.Select(part => ("[0]" + part.Step, part.Table));

    public override bool TryRead(RecipeNode node, RecipeAt at, out ImmutableArray<T> value)
    {
        value = [];
        if (node is not RecipeList list)
        {
            at.Refuse(node);
            return false;
        }

        var items = ImmutableArray.CreateBuilder<T>(list.Items.Count);
        var seen = new HashSet<T>();
        var isGood = true;
        foreach (var (index, inner) in list.Items.Index())
        {
            if (!item.TryRead(inner, at.Item(index, item.Allowed), out var read))
            {
                isGood = false;
            }
            else if (IsSet && !seen.Add(read))
            {
                at.Tell(inner.Place, $"has '{RecipeText.Shown(((RecipeScalar)inner).Text)}' twice; keep one");
                isGood = false;
            }

            items.Add(read);
        }

        value = items.MoveToImmutable();
        return isGood;
    }

    public override RecipeNode Write(ImmutableArray<T> value) =>
        new RecipeList(default, [.. value.Select(inner => item.Write(inner)!)]) { IsBlock = IsBlock };

    public override JsonObject Schema()
    {
        var schema = new JsonObject { ["type"] = "array", ["items"] = item.Schema() };
        if (IsSet)
        {
            schema["uniqueItems"] = true;
        }

        return schema;
    }
}

/// <summary>A form of keys that the user chooses, such as columns; values are in ordinal order of their keys.</summary>
/// <param name="form">The form of the value of a key.</param>
/// <param name="keyOf">The key of a value.</param>
/// <param name="allowed">What is allowed.</param>
internal sealed class MapForm<T>(Func<string, RecipeForm<T>> form, Func<T, string> keyOf, string allowed)
    : RecipeForm<ImmutableArray<T>>
{
    private const string AnyKey = "COLUMN";

    /// <summary>True: each key is written on a line of its own.</summary>
    public bool IsBlock { get; init; }

    public override string Allowed => allowed;

    public override IEnumerable<(string Step, RecipeTable Table)> Parts =>
        form(AnyKey).Parts.Select(part => ($".{AnyKey}{part.Step}", part.Table));

    public override bool TryRead(RecipeNode node, RecipeAt at, out ImmutableArray<T> value)
    {
        value = [];
        if (node is not RecipeMapping mapping)
        {
            at.Refuse(node);
            return false;
        }

        var values = new List<T>();
        foreach (var (key, entry) in mapping.Entries.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            var of = form(key);
            if (of.TryRead(entry.Value, at.Key(RecipeText.Shown(key), of.Allowed), out var read))
            {
                values.Add(read);
            }
        }

        value = [.. values];
        return values.Count == mapping.Entries.Count;
    }

    public override RecipeNode Write(ImmutableArray<T> value)
    {
        var entries = value.Select(item =>
            KeyValuePair.Create(keyOf(item), new RecipeEntry(default, form(keyOf(item)).Write(item)!)));
        return new RecipeMapping(default, new(entries)) { IsBlock = IsBlock };
    }

    public override JsonObject Schema() => new() { ["type"] = "object", ["additionalProperties"] = form(AnyKey).Schema() };
}

/// <summary>A form of the keys of a table.</summary>
/// <param name="table">The table.</param>
/// <param name="blank">What the values of missing keys are; null: as the table says.</param>
internal sealed class PartForm<T>(RecipeTable<T> table, Func<T>? blank = null) : RecipeForm<T>
{
    /// <summary>True: each key is written on a line of its own.</summary>
    public bool IsBlock { get; init; }

    public override string Allowed => table.Short is null ? "a group of keys" : $"a group of keys, or its {table.Short} alone";

    public override IEnumerable<(string Step, RecipeTable Table)> Parts => [("", table)];

    public override bool TryRead(RecipeNode node, RecipeAt at, out T value)
    {
        value = blank is null ? table.Blank : blank();
        if (table.Short is { } key && node is RecipeScalar scalar)
        {
            node = RecipeMapping.Of(scalar.Place, key, scalar);
        }

        if (node is RecipeMapping mapping)
        {
            value = table.Read(mapping, at, value);
            return true;
        }

        var none = at.Allowed.EndsWith(", or none", StringComparison.Ordinal) ? ", or none" : "";
        at.With($"a group of keys, {at.Path}: {{ key: value, ... }}{none}").Refuse(node);
        return false;
    }

    public override RecipeNode? Write(T value)
    {
        if (value is null)
        {
            return null;
        }

        var written = table.Write(value);
        return written.Entries.Count == 1 && table.Short is { } key && written.Entries.TryGetValue(key, out var only)
            ? only.Value
            : written with { IsBlock = IsBlock };
    }

    public override JsonObject Schema() => table.Schema();
}

/// <summary>A form whose values are of another type in the program.</summary>
internal sealed class ConvertedForm<TIn, TOut>(RecipeForm<TIn> inner, Func<TIn, TOut> to, Func<TOut, TIn> from) : RecipeForm<TOut>
{
    public override string Allowed => inner.Allowed;

    public override IEnumerable<(string Step, RecipeTable Table)> Parts => inner.Parts;

    public override IReadOnlyList<RecipeWord> Words => inner.Words;

    public override bool TryRead(RecipeNode node, RecipeAt at, out TOut value)
    {
        var isGood = inner.TryRead(node, at, out var read);
        value = isGood ? to(read) : default!;
        return isGood;
    }

    public override RecipeNode? Write(TOut value) => value is null ? null : inner.Write(from(value));

    public override JsonObject Schema() => inner.Schema();
}

/// <summary>A form, or a word.</summary>
internal sealed class WordOrForm<T>(RecipeForm<T> inner, string word, T value) : RecipeForm<T>
{
    public override string Allowed => inner.Allowed.Contains($"{word}, ", StringComparison.Ordinal) ? inner.Allowed
        : $"{inner.Allowed}, or {word}";

    public override IEnumerable<(string Step, RecipeTable Table)> Parts => inner.Parts;

    public override IReadOnlyList<RecipeWord> Words => inner.Words;

    public override bool TryRead(RecipeNode node, RecipeAt at, out T read)
    {
        read = value;
        return node is RecipeScalar { IsPlain: true } scalar && Spelling.Plain(scalar.Text) == word
            || inner.TryRead(node, at, out read);
    }

    public override RecipeNode? Write(T written) =>
        EqualityComparer<T>.Default.Equals(written, value) ? RecipeScalar.Plain(word) : inner.Write(written);

    public override JsonObject Schema()
    {
        var schema = inner.Schema();
        var choice = new JsonObject { ["const"] = word };
        if (schema["anyOf"] is not JsonArray choices)
        {
            return new() { ["anyOf"] = new JsonArray(choice, schema) };
        }

        choices.Insert(0, choice);
        return schema;
    }
}

/// <summary>A form, or a list that is short for one of its values; it is written in full.</summary>
internal sealed class ListOrForm<T, TItem>(
    RecipeForm<T> inner, RecipeForm<ImmutableArray<TItem>> list, Func<ImmutableArray<TItem>, T> to) : RecipeForm<T>
{
    public override string Allowed => inner.Allowed;

    public override IEnumerable<(string Step, RecipeTable Table)> Parts => inner.Parts;

    public override bool TryRead(RecipeNode node, RecipeAt at, out T value)
    {
        if (node is not RecipeList)
        {
            return inner.TryRead(node, at, out value);
        }

        var isGood = list.TryRead(node, at, out var items);
        value = isGood ? to(items) : default!;
        return isGood;
    }

    public override RecipeNode? Write(T value) => inner.Write(value);

    public override JsonObject Schema()
    {
        var schema = inner.Schema();
        if (schema["anyOf"] is not JsonArray choices)
        {
            return new() { ["anyOf"] = new JsonArray(list.Schema(), schema) };
        }

        choices.Insert(0, list.Schema());
        return schema;
    }
}

/// <summary>A form with further conditions.</summary>
internal sealed class CheckedForm<T>(RecipeForm<T> inner, Func<T, string?> problem) : RecipeForm<T>
{
    public override string Allowed => inner.Allowed;

    public override IEnumerable<(string Step, RecipeTable Table)> Parts => inner.Parts;

    public override IReadOnlyList<RecipeWord> Words => inner.Words;

    public override bool TryRead(RecipeNode node, RecipeAt at, out T value)
    {
        if (!inner.TryRead(node, at, out value))
        {
            return false;
        }

        if (problem(value) is not { } what)
        {
            return true;
        }

        at.Tell(node.Place, what);
        return false;
    }

    public override RecipeNode? Write(T value) => inner.Write(value);

    public override JsonObject Schema() => inner.Schema();
}
