using System.Collections.Immutable;

namespace ClusterTrain.Learning;

/// <summary>Makes the columns of dates of their tree.</summary>
internal static class DateBinder
{
    private const string Key = "dates";

    private static readonly ImmutableArray<DatePart> s_usual = [DatePart.Year, DatePart.Month, DatePart.Day, DatePart.Weekday];

    /// <summary>
    /// The columns under the key <c>dates</c>: a list of names, or for each name a format, parts, or both. What cannot be used is a problem and left
    /// out.
    /// </summary>
    public static ImmutableArray<DateColumn> Dates(RecipeSection source, RecipeProblems problems)
    {
        if (source.Node(Key) is not RecipeMapping mapping)
        {
            return source.Has(Key)
                ? [.. (source.Texts(Key) ?? []).Order(StringComparer.Ordinal).Select(name => new DateColumn(name, DateCell.DefaultFormat, s_usual))]
                : [];
        }

        var dates = ImmutableArray.CreateBuilder<DateColumn>();
        foreach (var (column, entry) in mapping.Entries.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            // A list alone is the parts, a word alone the format.
            var node = entry.Value switch
            {
                RecipeList list => RecipeMapping.Of(list.Place, "parts", list),
                RecipeScalar scalar => RecipeMapping.Of(scalar.Place, "format", scalar),
                var other => other,
            };
            if (RecipeSection.Of(node, $"{source.PathOf(Key)}.{column}", problems) is { } section)
                dates.Add(Date(column, section));
        }

        return dates.ToImmutable();
    }

    private static DateColumn Date(string column, RecipeSection section)
    {
        var format = section.Text("format") ?? DateCell.DefaultFormat;
        if (!DateCell.Formats.Contains(format))
            section.Problem("format", $"is '{RecipeText.Shown(format)}'; allowed: {string.Join(", ", DateCell.Formats)}");
        var parts = ImmutableArray.CreateBuilder<DatePart>();
        foreach (var word in section.Texts("parts") ?? [])
        {
            if (RecipeWords.DatePart.Find(word) is { } part)
                parts.Add(part);
            else
                section.Problem("parts", $"has '{RecipeText.Shown(word)}'; allowed: {string.Join(", ", RecipeWords.DatePart.Words)}");
        }

        if (section.Has("parts") && parts.Count == 0)
            section.Problem("parts", $"has none; allowed: {string.Join(", ", RecipeWords.DatePart.Words)}");
        section.Finish();
        return new DateColumn(column, format, parts.Count == 0 ? s_usual : [.. parts.Distinct()]);
    }
}
