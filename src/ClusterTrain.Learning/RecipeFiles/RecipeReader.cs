using System.Text;
using System.Text.Unicode;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>
/// Reads recipes. Nothing is guessed: a key that is unknown, given twice, of the wrong type or out of range is an error that
/// names
/// file, line, column, key, value and what is allowed; all problems of a recipe are told at once.
/// </summary>
public static class RecipeReader
{
    private const string StandardInput = "-";

    private static readonly UTF8Encoding s_utf8WithoutMark = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>Reads a recipe file.</summary>
    /// <param name="path">
    /// <c>-</c> for standard input, or a YAML file of UTF-8 text, at most <see cref="RecipeLimits.FileBytes"/> long.
    /// </param>
    /// <param name="overrides">Texts <c>path=value</c>, applied in order before the recipe is checked; the value is YAML.</param>
    /// <returns>The recipe, with every default filled in.</returns>
    /// <exception cref="RecipeException">The file cannot be read, or the recipe cannot be used.</exception>
    public static Recipe Read(string path, IReadOnlyList<string> overrides) => Read(path, overrides, hashStart: null);

    /// <summary>Reads a recipe file, and completes what it says of its start file.</summary>
    /// <param name="path">
    /// <c>-</c> for standard input, or a YAML file of UTF-8 text, at most <see cref="RecipeLimits.FileBytes"/> long.
    /// </param>
    /// <param name="overrides">Texts <c>path=value</c>, applied in order before the recipe is checked; the value is YAML.</param>
    /// <param name="hashStart">
    /// The SHA-256 of a start file that the recipe names without one, for the file as named and the path of the recipe; a
    /// <see cref="RecipeException"/> where there is none. Null: the recipe must state it.
    /// </param>
    /// <returns>The recipe, with every default filled in.</returns>
    /// <exception cref="RecipeException">The file cannot be read, or the recipe cannot be used.</exception>
    public static Recipe Read(string path, IReadOnlyList<string> overrides, Func<string, string, string>? hashStart) =>
        Parse(Text(path), path, overrides, hashStart);

    /// <summary>Reads a recipe from text.</summary>
    /// <param name="yaml">The recipe.</param>
    /// <param name="name">
    /// Where the text comes from, for messages; without folder and extension it is the name of a recipe that gives itself none.
    /// </param>
    /// <param name="overrides">Texts <c>path=value</c>, applied in order before the recipe is checked; the value is YAML.</param>
    /// <returns>The recipe, with every default filled in.</returns>
    /// <exception cref="RecipeException">The recipe cannot be used.</exception>
    public static Recipe Parse(string yaml, string name, IReadOnlyList<string> overrides) =>
        Parse(yaml, name, overrides, hashStart: null);

    /// <summary>The path of the value that is called so here or in other systems, for an override; null: there is none.</summary>
    /// <param name="word">A key, such as <c>epochs</c>, or another word for one, such as <c>learning-rate</c>.</param>
    public static string? PathOf(string word) => RecipeNames.Meant(word, []);

    private static Recipe Parse(string yaml, string name, IReadOnlyList<string> overrides, Func<string, string,
        string>? hashStart)
    {
        var problems = new RecipeProblems();
        var root = RecipeYaml.Parse(yaml, mark => new(name, mark.Line, mark.Column), problems)
            ?? throw new RecipeException($"{name}: the recipe is empty; it needs at least the keys data, layers and loss");
        if (root is not RecipeMapping mapping)
        {
            throw new RecipeException(
                $"{root.Place}: the recipe is {RecipeText.Shown(root)}; it must be keys with values, such as 'epochs: 10'");
        }

        foreach (var text in overrides)
        {
            RecipeOverride.Apply(mapping, text, problems);
        }

        var section = new RecipeSection(mapping, new RecipeAt(problems));
        var recipe = RecipeKeys.Recipe.Read(mapping, section.At, RecipeKeys.Recipe.Blank with { Name = NameOf(name) });
        if (recipe.Start is { Sha256.Length: 0 } start && section.Sound("start"))
        {
            recipe = recipe with { Start = start with { Sha256 = HashStart(start.File, name, hashStart, section) } };
        }

        problems.ThrowIfAny();
        if (overrides.Count == 0)
        {
            recipe = AsWritten(recipe, yaml);
        }

        RefuseUnwritable(recipe, name);
        return recipe with { PlaceOf = path => RecipeOverride.PlaceOf(mapping, path).ToString() };
    }

    // A text that is what a former version wrote into a run folder or a model means what it meant then, see IsSplitUnsaid.
    private static Recipe AsWritten(Recipe recipe, string yaml)
    {
        if (recipe.Data.Split != SplitKind.Stratified)
        {
            return recipe;
        }

        var former = recipe with { Data = recipe.Data with { Split = SplitKind.Random, IsSplitUnsaid = true } };
        return RecipeWriter.Write(former) == yaml ? former : recipe;
    }

    private static string HashStart(string file, string name, Func<string, string, string>? hashStart, RecipeSection section)
    {
        try
        {
            if (hashStart is not null)
            {
                return hashStart(file, name);
            }

            section.Tell("start.file", "needs its sha256 beside it, because this recipe is not read from a file; write sha256: "
                + "DIGITS");
        }
        catch (RecipeException error)
        {
            section.Tell("start.file", $"cannot be read: {error.Message}");
        }

        return "";
    }

    /// <summary>A run keeps its recipe written out in full; that text must be readable again.</summary>
    private static void RefuseUnwritable(Recipe recipe, string name)
    {
        var bytes = Encoding.UTF8.GetByteCount(RecipeWriter.Write(recipe));
        if (bytes > RecipeLimits.FileBytes)
        {
            throw new RecipeException($"{name}: the recipe written out in full has {bytes} bytes; at most "
                + $"{RecipeLimits.FileBytes} "
                + "are allowed, put its rows into a CSV file");
        }
    }

    /// <summary>The name that a recipe in a file has when it gives itself none.</summary>
    /// <param name="path">The file.</param>
    public static string NameOf(string path)
    {
        var file = Path.GetFileNameWithoutExtension(path);
        var plain = string.Concat(file.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-')).TrimStart('-',
            '_');
        return plain.Length == 0 ? "recipe" : plain[..Math.Min(plain.Length, RecipeLimits.NameCharacters)];
    }

    private static string Text(string path)
    {
        var bytes = Bytes(path);
        var text = bytes.AsSpan();
        if (FileKind.Of(text) is { } kind)
        {
            throw new RecipeException($"{path}: is {kind}. A recipe is a YAML file of text");
        }

        if (Path.GetExtension(path) is ".csv" or ".tsv")
        {
            throw new RecipeException($"{path}: is a file of rows; a recipe is a YAML file that names it, data: {{ csv: {{ file: "
                + $"{Path.GetFileName(path)}, target: COLUMN }} }}");
        }

        if (text.StartsWith(Encoding.UTF8.Preamble))
        {
            text = text[Encoding.UTF8.Preamble.Length..];
        }

        if (!Utf8.IsValid(text))
        {
            throw new RecipeException($"{path}:{LineOfInvalid(text)}: not UTF-8 text; save the file as "
            + "UTF-8");
        }

        return s_utf8WithoutMark.GetString(text);
    }

    private static byte[] Bytes(string path)
    {
        try
        {
            if (Directory.Exists(path))
            {
                throw new RecipeException($"{path}: this is a folder; name a recipe file in it");
            }

            using var file = path == StandardInput ? Console.OpenStandardInput() : File.OpenRead(path);
            // A pipe has no length to ask for: the limit is met by reading one byte beyond it.
            var bytes = new byte[RecipeLimits.FileBytes + 1];
            var length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > RecipeLimits.FileBytes)
            {
                throw new RecipeException($"{path}: the file is too large; a recipe has at most {RecipeLimits.FileBytes} bytes, "
                    + "put its rows into a CSV file");
            }

            return bytes[..length];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new RecipeException($"{path}: there is no such file; check the path (from {Directory.GetCurrentDirectory()})",
                e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new RecipeException($"{path}: the file cannot be read: {e.Message}", e);
        }
    }

    private static int LineOfInvalid(ReadOnlySpan<byte> text)
    {
        var line = 1;
        while (Rune.DecodeFromUtf8(text, out var rune, out var length) == System.Buffers.OperationStatus.Done)
        {
            if (rune.Value == '\n')
            {
                line++;
            }

            text = text[length..];
        }

        return line;
    }
}
