using System.Collections.Immutable;

namespace ClusterTrain.Learning;

/// <summary>Makes of their tree what a recipe says of missing values and of categories that training did not see.</summary>
internal static class ImputationBinder
{
    public const string ImputeKey = "impute";
    public const string UnseenKey = "unseen";

    private static readonly ImputationKind[] s_ofNumbers = [ImputationKind.Mean, ImputationKind.Median, ImputationKind.Constant];
    private static readonly ImputationKind[] s_ofWords = [ImputationKind.Category, ImputationKind.MostFrequent, ImputationKind.Constant];

    /// <summary>The fillings, by column in ordinal order; those that cannot be used are problems and left out.</summary>
    /// <param name="data">The data of the recipe.</param>
    /// <param name="categorical">The categorical columns.</param>
    /// <param name="dates">The columns of dates.</param>
    /// <param name="booleans">The columns of true and false.</param>
    /// <param name="targets">The target columns.</param>
    /// <param name="problems">Receives the problems.</param>
    public static ImmutableArray<ImputationRecipe> Impute(
        RecipeSection data,
        IReadOnlyCollection<string> categorical,
        IReadOnlyCollection<string> dates,
        IReadOnlyCollection<string> booleans,
        IReadOnlyCollection<string> targets,
        RecipeProblems problems)
    {
        if (data.Node(ImputeKey) is not RecipeMapping mapping)
        {
            if (data.Node(ImputeKey) is { } other)
                data.Problem(ImputeKey, $"is {RecipeText.Shown(other)}; allowed: a policy for each column, such as {{ age: median, city: category }}");
            return [];
        }

        var columns = new RecipeSection(mapping, $"data.{ImputeKey}", problems);
        return
        [
            .. mapping.Entries.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry =>
            {
                if (targets.Contains(entry.Key))
                    columns.Problem(entry.Key, "is a target, which is never made up; leave the rows without one out");
                return RecipeSection.OfKind(entry.Value.Value, $"data.{ImputeKey}.{entry.Key}", problems) is { } section
                    ? Imputation(entry.Key, section, categorical.Contains(entry.Key), dates.Contains(entry.Key), booleans.Contains(entry.Key))
                    : null;
            }).OfType<ImputationRecipe>(),
        ];
    }

    /// <summary>What unseen categories become, by column in ordinal order.</summary>
    /// <param name="data">The data of the recipe.</param>
    /// <param name="categorical">The categorical columns.</param>
    /// <param name="problems">Receives the problems.</param>
    public static ImmutableArray<UnseenRecipe> Unseen(RecipeSection data, IReadOnlyList<string> categorical, RecipeProblems problems)
    {
        if (data.Section(UnseenKey) is null || data.Node(UnseenKey) is not RecipeMapping mapping)
            return [];
        var columns = new RecipeSection(mapping, $"data.{UnseenKey}", problems);
        var unseen = ImmutableArray.CreateBuilder<UnseenRecipe>();
        foreach (var column in mapping.Entries.Keys.Order(StringComparer.Ordinal))
        {
            var kind = columns.Word(column, RecipeWords.Unseen);
            if (!categorical.Contains(column))
            {
                var near = Spelling.Nearest(column, categorical);
                columns.Problem(column, "is no categorical column" + (near is null ? "" : $"; did you mean '{RecipeText.Shown(near)}'?")
                    + $"{(near is null ? "; name" : " Name")} it in csv.categorical, or remove it here");
            }

            if (kind is UnseenKind.OwnCode or UnseenKind.MostFrequent)
                unseen.Add(new UnseenRecipe(column, kind.Value));
        }

        return unseen.ToImmutable();
    }

    private static ImputationRecipe? Imputation(string column, RecipeSection section, bool isCategorical, bool isDate, bool isBoolean)
    {
        var kind = section.Word("kind", RecipeWords.Imputation, isRequired: true);
        var allowed = isCategorical ? s_ofWords : s_ofNumbers;
        if (kind is { } wrong && !allowed.Contains(wrong))
        {
            section.Problem("kind", $"is '{RecipeWords.Imputation.Of(wrong)}', and the column {(isCategorical ? "is categorical" : "holds numbers (csv.categorical does not name it)")}; "
                + $"allowed: {string.Join(", ", allowed.Select(RecipeWords.Imputation.Of))}");
        }

        var isConstant = kind == ImputationKind.Constant;
        var text = isConstant && (isCategorical || isDate || isBoolean) ? section.Text("value", isRequired: true)?.Trim() : null;
        var number = isConstant && text is null && !isCategorical && !isDate && !isBoolean ? section.Number("value", RecipeRanges.Constant, isRequired: true) : null;
        if (isBoolean && text is not null)
        {
            number = BooleanCell.Read(text);
            if (number is null)
                section.Problem("value", $"is '{RecipeText.Shown(text)}'; allowed: true, false");
        }

        if (isDate && text is not null && DateCell.Read(text, DateCell.DefaultFormat) is null)
            section.Problem("value", $"is '{RecipeText.Shown(text)}'; allowed: a date such as 2026-01-31");
        var word = isCategorical || isDate ? text : null;
        var indicator = section.Flag("indicator") ?? false;
        section.Finish(kind is null ? null : $"kind '{RecipeWords.Imputation.Of(kind.Value)}'", "value");
        return kind is null ? null : new ImputationRecipe(column, kind.Value, number, word, indicator);
    }
}
