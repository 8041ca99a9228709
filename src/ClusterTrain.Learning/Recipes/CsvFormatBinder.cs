namespace ClusterTrain.Learning;

/// <summary>Makes the format of CSV files of its keys, which stand beside the source.</summary>
internal static class CsvFormatBinder
{
    /// <summary>The keys.</summary>
    public static readonly string[] Keys = ["delimiter", "decimal", "missing", ImputationBinder.ImputeKey, ImputationBinder.UnseenKey, "group", "time"];

    /// <summary>The format under the keys of a recipe's data; what cannot be used is a problem and as if it were not written.</summary>
    public static CsvFormat Format(RecipeSection data) => new()
    {
        Delimiter = Delimiter(data),
        Decimal = Decimal(data) ?? '.',
        Missing = [.. (data.Texts("missing") ?? []).Select(word => word.Trim()).Where(word => word.Length > 0).Distinct()],
    };

    private static char? Delimiter(RecipeSection data)
    {
        const string Key = "delimiter";
        if (data.Node(Key) is not { } node) return null;
        if (node is RecipeScalar scalar && CsvDelimiter.Parse(scalar.Text) is { } delimiter) return delimiter;
        data.Problem(Key, $"is {RecipeText.Shown(node)}; allowed: {CsvDelimiter.Allowed}");
        return null;
    }

    private static char? Decimal(RecipeSection data)
    {
        const string Key = "decimal";
        if (data.Node(Key) is not { } node) return null;
        if (node is RecipeScalar { Text: "," or "comma" }) return ',';
        if (node is RecipeScalar { Text: "." or "point" }) return '.';
        data.Problem(Key, $"is {RecipeText.Shown(node)}; allowed: \",\" and \".\", in quotes");
        return null;
    }
}
