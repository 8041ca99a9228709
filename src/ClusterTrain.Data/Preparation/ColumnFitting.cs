using System.Collections.Immutable;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Files;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Preparation;

/// <summary>
/// Learns from the training rows of a table what fills its missing values and what unseen categories become. All is computed in double, over
/// the rows in their order.
/// </summary>
internal static class ColumnFitting
{
    /// <summary>The encoding of a table, with what was learnt from it.</summary>
    /// <param name="table">The rows as columns.</param>
    /// <param name="encoding">The encoding so far: all words of the file are categories.</param>
    /// <param name="source">What the recipe wants.</param>
    /// <param name="rows">The training rows; null: all.</param>
    /// <exception cref="DataException">There is nothing to learn from.</exception>
    public static FeatureEncoding Fit(SourceTable table, FeatureEncoding encoding, CsvSource source, int[]? rows)
    {
        var categories = ImmutableArray.CreateBuilder<ColumnCategories>();
        var fills = ImmutableArray.CreateBuilder<ColumnFill>();
        var unseen = ImmutableArray.CreateBuilder<UnseenCategory>();
        for (var i = 0; i < encoding.Columns.Length; i++)
        {
            var column = encoding.Columns[i];
            var imputation = source.Impute.FirstOrDefault(other => other.Column == column);
            if (encoding.Category(column) is { } words)
            {
                AddWords(words, Values(table, i, rows), imputation, source.Unseen.FirstOrDefault(other => other.Column == column));
            }
            else if (imputation is not null)
            {
                var values = Values(table, i, rows);
                var number = Number(values, imputation, table.Name);
                if (encoding.Date(column) is not null)
                {
                    number = DateCell.StartOfDay(number);
                }

                fills.Add(new ColumnFill(column, number, null, imputation.Indicator && Array.Exists(values, double.IsNaN)));
            }

            void AddWords(ColumnCategories file, double[] values, ImputationRecipe? filling, UnseenRecipe? others)
            {
                var counts = new long[file.Names.Length];
                foreach (var value in values)
                {
                    if (!double.IsNaN(value))
                    {
                        counts[table.Codes[i]![(int)value]]++;
                    }
                }

                var isMissing = Array.Exists(values, double.IsNaN);
                var most = counts.Length == 0 || counts.Max() == 0 ? null : file.Names[Array.IndexOf(counts, counts.Max())];
                var names = others is null ? file.Names : [.. file.Names.Where((_, code) => counts[code] > 0)];
                if (most is null && (filling is null or { Kind: ImputationKind.MostFrequent }))
                {
                    throw Nothing(table.Name, column);
                }

                if (filling is not null)
                {
                    var fill = filling.Kind switch
                    {
                        ImputationKind.MostFrequent => most,
                        ImputationKind.Constant => isMissing || names.Contains(filling.Word!) ? filling.Word : null,
                        _ => isMissing ? "" : null,
                    };
                    if (fill is not null && !names.Contains(fill))
                    {
                        names = fill.Length == 0 ? names.Add(fill) : WordCodes.Sorted(names.Add(fill));
                    }

                    fills.Add(new ColumnFill(column, null, fill, filling.Indicator && isMissing));
                }

                categories.Add(new ColumnCategories(column, names));
                if (others is not null)
                {
                    unseen.Add(new UnseenCategory(column, others.Kind == UnseenKind.MostFrequent ? most : null));
                }
            }
        }

        return encoding with
        {
            Categories = categories.ToImmutable(),
            Fills = fills.Count == 0 ? default : fills.ToImmutable(),
            Unseen = unseen.Count == 0 ? default : unseen.ToImmutable(),
        };
    }

    private static double Number(double[] values, ImputationRecipe imputation, string name)
    {
        if (imputation.Kind == ImputationKind.Constant)
        {
            return imputation.Number ?? DateCell.Read(imputation.Word, DateColumn.DefaultFormat)!.Value;
        }

        var known = Array.FindAll(values, value => !double.IsNaN(value));
        if (known.Length == 0)
        {
            throw Nothing(name, imputation.Column);
        }

        if (imputation.Kind == ImputationKind.Mean)
        {
            // Relative to the first value, so that a constant column has its exact value as its mean.
            var sum = 0.0;
            foreach (var value in known)
            {
                sum += value - known[0];
            }

            return known[0] + (sum / known.Length);
        }

        Array.Sort(known);
        var middle = known.Length / 2;
        return known.Length % 2 == 1 ? known[middle] : (known[middle - 1] + known[middle]) / 2;
    }

    private static double[] Values(SourceTable table, int column, int[]? rows)
    {
        var row = new double[table.Rows.Features];
        var values = new double[rows?.LongLength ?? table.Rows.Rows];
        for (var i = 0L; i < values.LongLength; i++)
        {
            table.Rows.ReadWide(rows?[i] ?? i, row);
            values[i] = row[column];
        }

        return values;
    }

    private static DataException Nothing(string name, string column) => new(
        $"{name}: column '{column}' has no value in any training row, so there is nothing to fill it by. List the features without it, or set "
        + $"data.impute: {{ {RecipeWriter.Text(column)}: {{ kind: constant, value: VALUE }} }}.");
}
