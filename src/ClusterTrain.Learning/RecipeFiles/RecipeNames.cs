namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>Knows which key a user meant: by what other systems call it, by its place, or by its letters.</summary>
internal static class RecipeNames
{
    /// <summary>Every table with the path of its keys; those further in come later.</summary>
    public static IEnumerable<(string Path, RecipeTable Table)> Tables()
    {
        var found = new List<(string Path, RecipeTable Table)> { ("", RecipeKeys.Recipe) };
        for (var i = 0; i < found.Count; i++)
        {
            var (path, table) = found[i];
            found.AddRange(table.Keys.SelectMany(key => key.Form.Parts.Select(part => (RecipeAt.PathOf(path, key.Name)
                + part.Step, part.Table))));
        }

        return found;
    }

    /// <summary>What to say of an unknown key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="allowed">Those that are allowed where it stands.</param>
    public static string Unknown(string key, IReadOnlyList<string> allowed)
    {
        if (Meant(key, allowed) is not { } meant)
        {
            return "is unknown.";
        }

        return allowed.Contains(meant)
            ? $"is unknown; did you mean '{meant}'?"
            : $"is unknown here; did you mean "
            + $"{(meant.Contains('.', StringComparison.Ordinal) ? "" : "the top-level ")}'{meant}'?";
    }

    /// <summary>
    /// The key meant by an unknown one: another spelling of one allowed here, a key of another part (with its path), or the
    /// nearest
    /// by letters; null when nothing is near.
    /// </summary>
    public static string? Meant(string key, IReadOnlyList<string> allowed)
    {
        var plain = Spelling.Plain(key);
        var keys = Tables().SelectMany(part => part.Table.Keys.Select(inner => (Path: RecipeAt.PathOf(part.Path, inner.Name),
            Key: inner))).ToList();
        var called = keys.FindAll(row => row.Key.AlsoCalled.Contains(plain));
        return called.Find(row => allowed.Contains(row.Key.Name)).Key?.Name
            ?? allowed.FirstOrDefault(here => Spelling.Plain(here) == plain)
            ?? keys.Find(row => Spelling.Plain(row.Key.Name) == plain).Path
            ?? called.FirstOrDefault().Path
            ?? Spelling.Nearest(key, allowed);
    }
}
