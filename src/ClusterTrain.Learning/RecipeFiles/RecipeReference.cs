using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>
/// What a recipe may contain, from the tables by which recipes are read: a page for people, a JSON Schema for editors.
/// </summary>
public static class RecipeReference
{
    /// <summary>The name of the schema's file.</summary>
    public const string SchemaFile = "recipe.schema.json";

    private const string Introduction = """
        # Recipes

        A recipe is a YAML file that says everything a run depends on. This page is written by
        `clustertrain help recipe --markdown` from the tables by which recipes are read.

        ```yaml
        name: houses
        data:
          csv: { file: houses.csv, target: price, categorical: [city] }
          impute: { rooms: median }
          task: regression
          standardise: true
          validation: 0.1
          test: 0.1
        layers:
          - { units: 32, activation: relu }
          - { units: 1 }
        loss: mean-squared-error
        optimiser: { kind: adam, rate: 0.003 }
        epochs: 50
        early_stopping: { patience: 5 }
        ```

        - A key that is unknown, given twice, of the wrong type or out of range is an error that names file, line, column, what is
          allowed and the nearest right word. Nothing is guessed.
        - `data`, `layers` and `loss` are required; every other key has a default. The recipe in a run folder has the defaults
          written out.
        - `--set optimiser.rate=0.05 --set layers[0].units=64` sets values for one run.
        - A number may be a fraction, such as `1/255`. `none` switches off what can be switched off.
        - Where a key has a `kind`, the kind alone may stand for the group: `optimiser: adam`.
        - Words are read in any case, and as other systems call them: `Adam`, `mse`, `cross_entropy`.

        ## Editors

        Editors with the YAML language server (VS Code with the extension YAML, Neovim) complete and check recipes that begin with

        ```yaml
        # yaml-language-server: $schema=PATH/recipe.schema.json
        ```

        `clustertrain init` writes this line. The file is [docs/recipe.schema.json](recipe.schema.json), lies beside the program,
        and is printed by `clustertrain help recipe --schema`. It knows each word in one
        spelling, so that editors complete that one; the others below, which are read all the same, they mark.
        `clustertrain help recipe optimiser.rate` explains a key in the terminal.

        """;

    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The page docs/recipe.md.</summary>
    public static string Markdown()
    {
        var text = new StringBuilder(Introduction.ReplaceLineEndings("\n"));
        foreach (var (path, table) in Sections())
        {
            Append(text, path, table);
        }

        return text.ToString();
    }

    /// <summary>A JSON Schema (draft 7) of recipes, docs/recipe.schema.json.</summary>
    public static string Schema()
    {
        var schema = new JsonObject
        {
            ["$schema"] = "http://json-schema.org/draft-07/schema#",
            ["title"] = "A recipe of ClusterTrain",
            ["description"] = RecipeKeys.Recipe.About,
        };
        foreach (var (key, value) in RecipeKeys.Recipe.Schema())
        {
            schema[key] = value?.DeepClone();
        }

        return schema.ToJsonString(s_json).ReplaceLineEndings("\n") + "\n";
    }

    /// <summary>What a key or a part of a recipe is, as text; null: there is none of this path.</summary>
    /// <param name="path">The path, such as <c>optimiser.rate</c> or <c>layers</c>; empty: the whole recipe.</param>
    public static string? Explain(string path)
    {
        var plain = Indices(path);
        var text = new StringBuilder();
        var (at, table) = Sections().FirstOrDefault(part => Indices(part.Path) == plain);
        foreach (var (outer, part) in Sections())
        {
            if (part.Keys.FirstOrDefault(key => plain.Length > 0
                && Indices(RecipeAt.PathOf(outer, key.Name)) == plain) is { } found)
            {
                Explain(text, RecipeAt.PathOf(outer, found.Name), part, found, withExample: true);
            }
        }

        if (table is not null)
        {
            text.Append(text.Length > 0 ? "\n" : "").Append(table.About).Append("\n\n");
            foreach (var key in table.Keys)
            {
                Explain(text, RecipeAt.PathOf(at, key.Name), table, key, withExample: false);
            }
        }

        return text.Length == 0 ? null : text.ToString();
    }

    // Each table at the first of its places, those of a key of the recipe together.
    private static IEnumerable<(string Path, RecipeTable Table)> Sections() =>
        RecipeNames.Tables().DistinctBy(part => part.Table).GroupBy(part => part.Path.Split('.', '[')[0]).SelectMany(part =>
            part);

    private static string Indices(string path) => path.Replace("[0]", "", StringComparison.Ordinal);

    private static void Explain(StringBuilder text, string path, RecipeTable table, RecipeKey key, bool withExample)
    {
        text.Append(path).Append("\n  ").Append(OnlyFor(table, key)).Append(key.About.Replace("`", "",
            StringComparison.Ordinal)).Append('\n');
        text.Append("  allowed: ").Append(key.Form.Allowed).Append("; default: ").Append(Default(table, key)).Append('\n');
        if (!withExample)
        {
            return;
        }

        text.Append("  example: ").Append(key.Name).Append(": ").Append(key.Example).Append('\n');
        foreach (var word in key.Form.Words)
        {
            text.Append("  ").Append(word.Word.PadRight(26)).Append(word.About.Replace("`", "",
                StringComparison.Ordinal)).Append('\n');
        }
    }

    private static void Append(StringBuilder text, string path, RecipeTable table)
    {
        text.Append($"\n## {(path.Length == 0 ? "The recipe" : path)}\n\n{table.About}\n");
        foreach (var keys in table.Choices)
        {
            text.Append($"Exactly one of {string.Join(", ", keys.Select(Code))} must be given.\n");
        }

        text.Append("\n| Key | Meaning | Allowed | Default | Example |\n|---|---|---|---|---|\n");
        foreach (var key in table.Keys)
        {
            var parts = key.Form.Parts.Select(part => (RecipeAt.PathOf(path, key.Name) + part.Step, part.Table)).ToList();
            var allowed = key.Form.Allowed + string.Concat(parts.Select(part => $": see {Link(part.Item1, part.Table)}"));
            text.Append($"| {Code(key.Name)} | {Cell(OnlyFor(table, key) + key.About)} | {Cell(allowed)} | "
                + $"{Cell(Default(table, key))} | {Code(Cell(key.Example))} |\n");
        }

        foreach (var key in table.Keys.Where(key => key.Form.Words.Count > 0))
        {
            text.Append($"\n| {Code(key.Name)} | Meaning | Also read |\n|---|---|---|\n");
            foreach (var word in key.Form.Words)
            {
                text.Append($"| {Code(word.Word)} | {Cell(word.About)} | {string.Join(", ", word.AlsoSaid)} |\n");
            }
        }
    }

    // The first place of a table has its section.
    private static string Link(string path, RecipeTable table)
    {
        var first = RecipeNames.Tables().FirstOrDefault(part => ReferenceEquals(part.Table, table)).Path ?? path;
        var anchor = first.ToLowerInvariant().Where(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-');
        return $"[{first}](#{string.Concat(anchor)})";
    }

    private static string OnlyFor(RecipeTable table, RecipeKey key)
    {
        var others = table.Kinds.Where(kind => !table.KeysOf(kind).Contains(key)).ToList();
        return others.Count switch
        {
            0 => "",
            1 => $"(not {others[0]}) ",
            _ => $"({string.Join(", ", table.Kinds.Except(others))}) ",
        };
    }

    // The default that most kinds have, then those of the others.
    private static string Default(RecipeTable table, RecipeKey key)
    {
        var kinds = table.Kinds.Where(kind => table.KeysOf(kind).Contains(key)).ToList();
        if (table.Kinds.Count == 0)
        {
            return key.HasUsual ? "-" : Shown(null);
        }

        var groups = kinds.GroupBy(Shown).OrderByDescending(group => group.Count()).ToList();
        return string.Join("; ", groups.Select((group, index) => index == 0 ? group.Key
            : $"{group.Key} for {string.Join(", ", group)}"));

        string Shown(string? kind)
        {
            if (table.IsRequired(key, kind))
            {
                return "required";
            }

            return table.DefaultOf(key, kind) is { } node && RecipeWriter.Flow(node) is var flow
                && flow is not ("\"\"" or "[]" or "{  }") ? flow : "-";
        }
    }

    private static string Code(string text) => $"`{text}`";

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);
}
