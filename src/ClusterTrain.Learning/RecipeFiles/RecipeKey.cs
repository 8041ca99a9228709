using System.Text.Json.Nodes;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>A row of a table of keys, as names, pages and editors see it.</summary>
internal abstract class RecipeKey
{
    public required string Name { get; init; }

    /// <summary>What it means.</summary>
    public required string About { get; init; }

    /// <summary>An example of its value, YAML.</summary>
    public required string Example { get; init; }

    /// <summary>What it is called elsewhere, without '-', '_' and capitals.</summary>
    public required string[] AlsoCalled { get; init; }

    /// <summary>The form of its value.</summary>
    public abstract IRecipeForm Form { get; }

    /// <summary>True: its default follows from the keys before it.</summary>
    public abstract bool HasUsual { get; }
}

/// <summary>A row of a table of the keys of a record.</summary>
internal abstract class RecipeKey<T> : RecipeKey
{
    /// <summary>True: it is written although it has its default.</summary>
    public required bool IsAlwaysWritten { get; init; }

    /// <summary>When it must be given; null: never.</summary>
    public required Func<T, bool>? Required { get; init; }

    /// <summary>When it has a meaning; null: always.</summary>
    public required Func<T, bool>? When { get; init; }

    /// <summary>Why it has no meaning; null: it has one.</summary>
    public required Func<T, string?>? Unless { get; init; }

    /// <summary>The record with the value that is written in the section, or its default.</summary>
    public abstract T Read(RecipeSection section, T record);

    /// <summary>The value of a record as it is written; null: it is not.</summary>
    public abstract RecipeNode? Write(T record);

    /// <summary>The default in a record, as it would be written; null: there is none.</summary>
    public abstract RecipeNode? Default(T record);

    /// <summary>A JSON Schema with what an editor shows.</summary>
    public abstract JsonObject Schema();
}

/// <summary>A row of a table of the keys of a record.</summary>
internal sealed class RecipeKey<T, TValue>(
    T blank, Func<T, RecipeForm<TValue>> form, Func<T, TValue> get, Func<T, TValue, T> set, Func<T, TValue>? usual) : RecipeKey<T>
{
    public override IRecipeForm Form => form(blank);

    public override bool HasUsual => usual is not null;

    public override T Read(RecipeSection section, T record)
    {
        if (usual is not null)
        {
            record = set(record, usual(record));
        }

        if (section.Value(Name, Required?.Invoke(record) == true) is not { } node)
        {
            return record;
        }

        var of = form(record);
        return of.TryRead(node, section.At.Key(Name, of.Allowed), out var value) ? set(record, value) : record;
    }

    public override RecipeNode? Write(T record)
    {
        var written = form(record).Write(get(record));
        return IsAlwaysWritten || written is null || Default(record) is not { } plain
            || RecipeWriter.Flow(plain) != RecipeWriter.Flow(written)
            ? written
            : null;
    }

    public override RecipeNode? Default(T record) =>
        Required?.Invoke(record) == true ? null : form(record).Write(usual is null ? get(blank) : usual(record));

    public override JsonObject Schema()
    {
        var schema = Form.Schema();
        schema["description"] = About;
        schema["examples"] = new JsonArray(RecipeYaml.Json(Example));
        if (usual is null && Default(blank) is RecipeScalar { Text.Length: > 0 } plain)
        {
            schema["default"] = RecipeYaml.Json(plain);
        }

        return schema;
    }
}
