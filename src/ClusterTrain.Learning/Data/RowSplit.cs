using ClusterTrain.Numerics;

namespace ClusterTrain.Learning;

/// <summary>
/// Which of a source's rows are held back. A permutation seeded by the recipe is drawn over all rows; its first positions
/// are the test rows, the next ones the validation rows and the rest the training rows. Each part keeps the rows in the
/// order of the source.
/// </summary>
/// <param name="Train">Rows to train with, ascending.</param>
/// <param name="Validation">Rows held back for validation, ascending; null: none.</param>
/// <param name="Test">Rows held back for the final score, ascending; null: none.</param>
internal sealed record RowSplit(int[] Train, int[]? Validation, int[]? Test)
{
    /// <summary>Draws a split.</summary>
    /// <param name="rows">Number of rows of the source.</param>
    /// <param name="test">Share for the test; null: none.</param>
    /// <param name="validation">Share of what remains for validation; null: none.</param>
    /// <param name="seed">The recipe's seed.</param>
    /// <param name="source">Name of the source, for messages.</param>
    /// <exception cref="DataException">Nothing would be left to train with.</exception>
    public static RowSplit Draw(long rows, SplitSize? test, SplitSize? validation, ulong seed, string source)
    {
        var testRows = test?.Of(rows) ?? 0;
        var validationRows = testRows < rows ? validation?.Of(rows - testRows) ?? 0 : 0;
        if (testRows >= rows || validationRows >= rows - testRows)
        {
            throw new DataException(
                $"{source}: {testRows} rows for testing and {validationRows} for validation leave none of {rows} to train " +
                "with. Hold fewer rows back.");
        }

        var permutation = new SeededPermutation(seed, "split", 0, rows);
        var order = new int[rows];
        for (var position = 0; position < order.Length; position++)
            order[position] = (int)permutation[position];
        var (testEnd, validationEnd) = ((int)testRows, (int)(testRows + validationRows));
        return new RowSplit(Ascending(validationEnd..), Part(validation, testEnd..validationEnd), Part(test, ..testEnd));

        int[]? Part(SplitSize? size, Range positions) => size is null ? null : Ascending(positions);

        int[] Ascending(Range positions)
        {
            var part = order[positions];
            Array.Sort(part);
            return part;
        }
    }
}
