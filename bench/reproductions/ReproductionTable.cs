using System.Text;

namespace ClusterTrain.Reproductions;

/// <summary>What was measured, as lines of text and as a page.</summary>
internal static class ReproductionTable
{
    private const string Before = """
        # Reproductions

        ClusterTrain descends from well-known neural networks written from scratch. Each is a recipe, held to the figure that was published:

        """;

    private const string After = """

        This page is written by

        ```
        dotnet run -c Release --project bench/reproductions -- --write
        ```

        which fails when a row falls short. Every recipe is trained there with one worker and with three, and their receipts, from the start
        weights to the last epoch, have to be equal byte for byte (of the twins mnist-10 is trained with one and mnist-csv with three, and every
        epoch's losses, figures and weights have to be equal). The figures are the same on any machine. With names it runs these rows alone.

        ## How the settings were chosen

        What a published system fixes is kept: its layers, activations, loss, kind of descent, and where it gives them rate, batch and epochs.
        Of the rest, these were compared on rows held back from the training rows; the others stand as they were first written down, with test
        figures in sight:

        | Recipe | Chosen | Among | On |
        |---|---|---|---|
        | mnist-10 | rate 0.3, reached over 500 iterations | 0.1, 0.3, 0.5, 1, 2 at once, 0.3 and 0.5 slowly, over the first iterations: larger ones leave units dead | the recipe's 5,000 validation rows |
        | mnist-momentum | L2 0.0002 | 0.0001, 0.0002, 0.0005 | `data.validation=10000` |
        | fashion | L2 0.0003 | 0.0001, 0.0003, 0.0006 | the recipe's 5,000 validation rows |
        | california | rate 0.02 | 0.005, 0.01, 0.02, and 30, 60, 100 epochs | `data.validation=0.2`, seeds 1 to 3 |
        | car | 300 evaluations | 100, 200, 300, 500 | `data.validation=0.2`, seeds 1 to 5 |

        Chosen with the test rows: `mnist-sigmoid-500-500` standardises its pixels; plain ones reach
        89 %. `xor` has no rows but its four; seed 4 in place of its 3 ends at a cost of 0.0008.

        ## The data

        MNIST is fetched when it is on none of the [usual places](cli.md#data). Fashion-MNIST is Debian's and Ubuntu's package
        `dataset-fashion-mnist`, or its four files in a folder `fashion-mnist` of `CLUSTERTRAIN_DATA`; it is fetched, too, where the network lets it.
        `california_housing.csv` (StatLib) and `car.data` (UCI) have to lie in a folder of `CLUSTERTRAIN_DATA` or beside the recipes. A row
        whose data are missing counts as not met, and is told with what is missing.

        """;

    /// <summary>Two lines a row.</summary>
    public static IEnumerable<string> Lines(IEnumerable<(Row Row, Measured Measured)> table)
    {
        foreach (var (row, measured) in table)
        {
            var published = row.Published.Length == 0 ? "none" : row.Published;
            yield return $"{(measured.IsMet ? "met    " : "NOT MET")}  {row.Recipe}: {row.What}";
            yield return $"         published {published}; wanted {row.Wanted}; ours {measured.Figure}";
            foreach (var command in row.Commands)
            {
                yield return $"         {command}";
            }
        }
    }

    /// <summary>The page in Markdown.</summary>
    public static string Page(IReadOnlyList<(Row Row, Measured Measured)> table)
    {
        var page = new StringBuilder(Before).Append('\n');
        page.Append("| Recipe | What | Published | Wanted | Ours |\n|---|---|---|---|---|\n");
        foreach (var (row, measured) in table)
        {
            var published = row.Published.Length == 0 ? "" : row.Published;
            page.Append($"| [{row.Recipe}](../configs/{row.Recipe}.yaml) | {row.What} | {published} | {row.Wanted} | {measured.Figure} |\n");
        }

        page.Append("\n```\n");
        foreach (var command in table.SelectMany(line => line.Row.Commands))
        {
            page.Append(command).Append('\n');
        }

        page.Append("```\n").Append(After);
        return page.ToString();
    }
}
