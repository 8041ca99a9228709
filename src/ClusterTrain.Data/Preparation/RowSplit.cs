using System.Collections.Immutable;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Files;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.RandomNumbers;

namespace ClusterTrain.Data.Preparation;

/// <summary>
/// Which of a source's rows are held back: test rows first, then validation rows; the rest are the training rows. Each part keeps the rows in
/// the order of the source, and is a pure function of the rows and the recipe.
/// </summary>
/// <param name="Train">Rows to train with, ascending.</param>
/// <param name="Validation">Rows held back for validation, ascending; null: none.</param>
/// <param name="Test">Rows held back for the final score, ascending; null: none.</param>
internal sealed record RowSplit(int[] Train, int[]? Validation, int[]? Test)
{
    private const byte TrainPart = 0;
    private const byte ValidationPart = 1;
    private const byte TestPart = 2;

    // Of the rows wanted, the share by which whole groups may miss them before that is said.
    private const double SaidFrom = 0.2;

    /// <summary>What a reader should know although nothing is wrong.</summary>
    public ImmutableArray<string> Warnings { get; private init; } = [];

    /// <summary>Splits by chance: the first rows of a permutation drawn from the seed are the test rows, the next ones the validation rows.</summary>
    /// <param name="rows">Number of rows of the source.</param>
    /// <param name="test">Share for the test; null: none.</param>
    /// <param name="validation">Share of what remains for validation; null: none.</param>
    /// <param name="seed">The recipe's seed.</param>
    /// <param name="source">Name of the source, for messages.</param>
    /// <exception cref="DataException">Nothing would be left to train with.</exception>
    public static RowSplit Draw(long rows, SplitSize? test, SplitSize? validation, ulong seed, string source)
    {
        var sizes = Sizes.Of(rows, test, validation, source);

        // One byte for each row instead of the whole order, because there may be many rows.
        var permutation = new SeededPermutation(seed, "split", 0, rows);
        var parts = new byte[rows];
        for (var position = 0L; position < sizes.Test + sizes.Validation; position++)
        {
            parts[permutation[position]] = position < sizes.Test ? TestPart : ValidationPart;
        }

        return Of(parts, test, validation);
    }

    /// <summary>
    /// Splits by chance so that every part has the same share of each class, as nearly as whole rows allow. The parts have the sizes of
    /// <see cref="Draw"/>; a class keeps a training row where that is possible.
    /// </summary>
    /// <param name="targets">The classes of the rows.</param>
    /// <param name="rows">Number of rows of the source.</param>
    /// <param name="test">Share for the test; null: none.</param>
    /// <param name="validation">Share of what remains for validation; null: none.</param>
    /// <param name="seed">The recipe's seed.</param>
    /// <param name="source">Name of the source, for messages.</param>
    /// <exception cref="DataException">Nothing would be left to train with.</exception>
    public static RowSplit Stratify(RowTargets targets, long rows, SplitSize? test, SplitSize? validation, ulong seed, string source)
    {
        var sizes = Sizes.Of(rows, test, validation, source);
        var counts = new long[targets.Classes.Length];
        for (var row = 0L; row < rows; row++)
        {
            counts[targets.Label(row)]++;
        }

        var ofTest = Shares(counts, sizes.Test);
        long[] rest = [.. counts.Zip(ofTest, (count, taken) => count - taken)];
        var ofValidation = Shares(rest, sizes.Validation);

        var permutation = new SeededPermutation(seed, "split", 0, rows);
        var parts = new byte[rows];
        for (var position = 0L; position < rows; position++)
        {
            var row = permutation[position];
            var label = targets.Label(row);
            parts[row] = ofTest[label]-- > 0 ? TestPart : ofValidation[label]-- > 0 ? ValidationPart : TrainPart;
        }

        return Of(parts, test, validation);
    }

    /// <summary>
    /// Splits by chance so that all rows of a group are in one part. Groups are taken in an order drawn from the seed, each where it fits into
    /// what is still wanted; a part has one group at least.
    /// </summary>
    /// <param name="keys">The group of each row.</param>
    /// <param name="test">Share for the test; null: none.</param>
    /// <param name="validation">Share of what remains for validation; null: none.</param>
    /// <param name="seed">The recipe's seed.</param>
    /// <param name="source">Name of the source, for messages.</param>
    /// <exception cref="DataException">There are too few groups.</exception>
    public static RowSplit Group(SplitKeys keys, SplitSize? test, SplitSize? validation, ulong seed, string source)
    {
        var rows = keys.Values.Length;
        var sizes = Sizes.Of(rows, test, validation, source);
        var groups = keys.Values.Max() is var last ? (int)last + 1 : 0;
        var wanted = 1 + (test is null ? 0 : 1) + (validation is null ? 0 : 1);
        if (groups < wanted)
        {
            throw new DataException(
                $"{source}: data.group '{keys.Column}' has {(groups == 1 ? "one group" : $"{groups} groups")} for {wanted} parts of the rows, each "
                    + "of which needs one. " +
                "Name another column, hold back less, or leave data.group out.");
        }

        var counts = new long[groups];
        foreach (var group in keys.Values)
        {
            counts[(int)group]++;
        }

        var permutation = new SeededPermutation(seed, "split", 0, groups);
        var partOf = new byte[groups];
        var warnings = ImmutableArray.CreateBuilder<string>();
        if (test is not null)
        {
            Take(sizes.Test, TestPart, "test");
        }

        if (validation is not null)
        {
            Take(sizes.Validation, ValidationPart, "validation");
        }

        return Of([.. keys.Values.Select(group => partOf[(int)group])], test, validation) with { Warnings = warnings.ToImmutable() };

        void Take(long size, byte part, string name)
        {
            var (taken, smallest) = (0L, -1);
            var left = partOf.Count(other => other == TrainPart) - (part == TestPart && validation is not null ? 2 : 1);
            for (var position = 0L; position < groups && left > 0; position++)
            {
                var group = (int)permutation[position];
                if (partOf[group] != TrainPart)
                {
                    continue;
                }

                if (taken + counts[group] <= size)
                {
                    (partOf[group], taken, left) = (part, taken + counts[group], left - 1);
                }
                else if (smallest < 0 || counts[group] < counts[smallest])
                {
                    smallest = group;
                }
            }

            if (taken == 0)
            {
                (partOf[smallest], taken) = (part, counts[smallest]);
            }

            if (Math.Abs(taken - size) > SaidFrom * size)
            {
                warnings.Add(
                    $"the groups of '{keys.Column}' make {taken} {name} rows of {size} wanted, because a group is never divided. Use another share "
                        + $"in data.{name}, another " +
                    "seed, or a column of smaller groups.");
            }
        }
    }

    /// <summary>
    /// Splits by time: the latest rows are the test rows, those before them the validation rows. Rows of one time go by their
    /// order.
    /// </summary>
    /// <param name="keys">The time of each row.</param>
    /// <param name="test">Share for the test; null: none.</param>
    /// <param name="validation">Share of what remains for validation; null: none.</param>
    /// <param name="source">Name of the source, for messages.</param>
    /// <exception cref="DataException">Nothing would be left to train with.</exception>
    public static RowSplit ByTime(SplitKeys keys, SplitSize? test, SplitSize? validation, string source)
    {
        var sizes = Sizes.Of(keys.Values.Length, test, validation, source);
        int[] latest = [.. Enumerable.Range(0, keys.Values.Length).OrderBy(row => keys.Values[row]).Reverse()];
        if (keys.Values[latest[0]] == keys.Values[latest[^1]])
        {
            throw new DataException($"{source}: data.time '{keys.Column}' is the same in all rows. Name another column, or leave data.time out.");
        }

        var parts = new byte[latest.Length];
        for (var position = 0L; position < sizes.Test + sizes.Validation; position++)
        {
            parts[latest[position]] = position < sizes.Test ? TestPart : ValidationPart;
        }

        return Of(parts, test, validation);
    }

    private static RowSplit Of(byte[] parts, SplitSize? test, SplitSize? validation)
    {
        return new RowSplit(Ascending(TrainPart), validation is null ? null : Ascending(ValidationPart), test is null ? null : Ascending(TestPart));

        int[] Ascending(byte part)
        {
            var chosen = new int[parts.AsSpan().Count(part)];
            var next = 0;
            for (var row = 0; row < parts.Length; row++)
            {
                if (parts[row] == part)
                {
                    chosen[next++] = row;
                }
            }

            return chosen;
        }
    }

    /// <summary>
    /// Whole numbers in the ratio of the counts: rounded down, and the rest to the classes that lost most by that, of equal ones to the first. A
    /// class of which nothing would remain comes last.
    /// </summary>
    private static long[] Shares(long[] counts, long size)
    {
        var all = counts.Sum();
        long[] shares = [.. counts.Select(count => (long)((Int128)count * size / all))];
        var left = size - shares.Sum();
        var order = Enumerable.Range(0, counts.Length).Where(index => counts[index] > shares[index])
            .OrderBy(index => counts[index] - shares[index] == 1 ? 1 : 0)
            .ThenByDescending(index => (Int128)counts[index] * size % all)
            .ThenBy(index => index);
        foreach (var index in order.Take((int)left))
        {
            shares[index]++;
        }

        return shares;
    }

    /// <summary>Rows of the parts that are held back.</summary>
    private readonly record struct Sizes(long Test, long Validation)
    {
        public static Sizes Of(long rows, SplitSize? test, SplitSize? validation, string source)
        {
            var testRows = test?.Of(rows) ?? 0;
            var validationRows = testRows < rows ? validation?.Of(rows - testRows) ?? 0 : 0;
            if (testRows >= rows || validationRows >= rows - testRows)
            {
                throw new DataException(
                    $"{source}: {testRows} rows for testing and {validationRows} for validation leave none of the {rows} rows for training. " +
                    "Lower data.test or data.validation.");
            }

            return rows <= Array.MaxLength
                ? new Sizes(testRows, validationRows)
                : throw new DataException($"{source}: {rows} rows; at most {Array.MaxLength} can be split. Name a file of test rows instead.");
        }
    }
}
