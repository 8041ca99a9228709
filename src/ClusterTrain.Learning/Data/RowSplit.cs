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
    private const byte TrainPart = 0;
    private const byte ValidationPart = 1;
    private const byte TestPart = 2;

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
                "with. Lower data.test or data.validation.");
        }

        if (rows > Array.MaxLength)
            throw new DataException($"{source}: {rows} rows; at most {Array.MaxLength} can be split. Name a file of test rows instead.");

        // One byte for each row instead of the whole order, because there may be many rows.
        var permutation = new SeededPermutation(seed, "split", 0, rows);
        var parts = new byte[rows];
        for (var position = 0L; position < testRows + validationRows; position++)
            parts[permutation[position]] = position < testRows ? TestPart : ValidationPart;
        return new RowSplit(
            Ascending(TrainPart, rows - testRows - validationRows),
            validation is null ? null : Ascending(ValidationPart, validationRows),
            test is null ? null : Ascending(TestPart, testRows));

        int[] Ascending(byte part, long count)
        {
            var chosen = new int[count];
            var next = 0;
            for (var row = 0; row < parts.Length; row++)
            {
                if (parts[row] == part)
                    chosen[next++] = row;
            }

            return chosen;
        }
    }
}
