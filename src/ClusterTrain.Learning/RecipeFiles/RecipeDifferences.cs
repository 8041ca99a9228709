using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>Names the values that two recipes differ in.</summary>
public static class RecipeDifferences
{
    /// <summary>
    /// Each value that differs, for example <c>optimiser.rate is 0.1 and 0.05</c>; the names of the recipes count for nothing.
    /// </summary>
    /// <param name="one">A recipe.</param>
    /// <param name="other">Another one.</param>
    public static IReadOnlyList<string> Between(Recipe one, Recipe other)
    {
        var (mine, theirs) = (Values(one), Values(other));
        return
        [
            .. mine.Keys.Union(theirs.Keys).Where(path => path != "name"
                && mine.GetValueOrDefault(path) != theirs.GetValueOrDefault(path))
                .Select(path => $"{path} is {mine.GetValueOrDefault(path, "not given")} and "
                    + $"{theirs.GetValueOrDefault(path, "not given")}"),
        ];
    }

    /// <summary>
    /// Each value that is not the same in all of several recipes, with what it is in each; the names of the recipes count for nothing.
    /// </summary>
    /// <param name="recipes">The recipes.</param>
    public static IReadOnlyList<(string Path, IReadOnlyList<string> Values)> Table(IReadOnlyList<Recipe> recipes)
    {
        var values = recipes.Select(Values).ToArray();
        return
        [
            .. values.SelectMany(all => all.Keys).Distinct().Where(path => path != "name")
                .Select(path => (path, (IReadOnlyList<string>)[.. values.Select(all => all.GetValueOrDefault(path, "–"))]))
                .Where(row => row.Item2.Distinct().Count() > 1),
        ];
    }

    private static OrderedDictionary<string, string> Values(Recipe recipe)
    {
        var values = new OrderedDictionary<string, string>();
        Add("", RecipeKeys.Recipe.Write(recipe));
        return values;

        void Add(string path, RecipeNode node)
        {
            switch (node)
            {
                case RecipeMapping mapping:
                    foreach (var (key, entry) in mapping.Entries)
                    {
                        Add(RecipeAt.PathOf(path, key), entry.Value);
                    }

                    break;
                case RecipeList list:
                    foreach (var (index, item) in list.Items.Index())
                    {
                        Add($"{path}[{index}]", item);
                    }

                    break;
                case RecipeScalar scalar:
                    values.Add(path, RecipeText.Shown(scalar.Text));
                    break;
            }
        }
    }
}
