using System.Numerics;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Preparation;

/// <summary>What the scaling of each feature needs, over chosen rows, in double.</summary>
/// <remarks>
/// Features are seen as float32, but for those that lose by it: large numbers with small differences, such as Unix times, are seen in double and
/// their mean is taken from them in double too.
///
/// Each feature has one chain of additions, in the order of the rows, whatever the vector width. Values are taken relative
/// to the first row, so that a constant feature has its exact value as its mean and a variance of exactly 0.
/// </remarks>
internal static class FeatureStatistics
{
    /// <summary>
    /// The scaling that gives each feature mean 0 and deviation 1 over the rows (the deviation of the rows,
    /// dividing by their number); a constant feature keeps its scale.
    /// </summary>
    /// <param name="raw">The raw rows.</param>
    /// <param name="rows">Those that count; null: all.</param>
    /// <param name="scale">What features are multiplied by before.</param>
    public static FeatureScaling Standardising(RowStore raw, int[]? rows, double scale)
    {
        var count = rows?.LongLength ?? raw.Rows;
        var (mean, variance) = MeanAndVariance(raw, rows, count);
        var factors = new float[raw.Features];
        var shifts = new float[raw.Features];
        for (var i = 0; i < factors.Length; i++)
        {
            // (scale·x - scale·mean) / (|scale|·deviation): the scale leaves nothing but its sign.
            var factor = (float)(Math.Sign(scale) / Math.Sqrt(variance[i]));
            factors[i] = float.IsFinite(factor) ? factor : (float)scale;

            // From the rounded factor, so that its rounding does not move the mean. Adding 0 makes -0 to 0.
            shifts[i] = (float)(-mean[i] * factors[i]) + 0f;
        }

        var origins = raw.IsWide ? WideFeatures(raw, rows, variance) : [];
        foreach (var (feature, of) in origins)
        {
            var factor = (float)(Math.Sign(scale) / Math.Sqrt(of.Variance));
            (factors[feature], shifts[feature]) = (float.IsFinite(factor) ? factor : (float)scale, 0);
        }

        return new FeatureScaling(raw.Features, [.. factors], [.. shifts])
        {
            Origins = origins.Count == 0
                ? default
                : [.. Enumerable.Range(0, raw.Features).Select(i => origins.TryGetValue(i, out var of) ? of.Mean : 0)],
        };
    }

    /// <summary>The scaling of a kind over the rows.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="raw">The raw rows.</param>
    /// <param name="rows">Those that count; null: all.</param>
    /// <param name="scale">What features are multiplied by before.</param>
    public static FeatureScaling Scaling(ScalingKind kind, RowStore raw, int[]? rows, double scale) => kind switch
    {
        ScalingKind.Standard => Standardising(raw, rows, scale),
        ScalingKind.MinMax => ByOrder(raw, rows, scale, Range),
        ScalingKind.Robust => ByOrder(raw, rows, scale, Quartiles),
        _ => FeatureScaling.Uniform(raw.Features, (float)scale),
    };

    // Of a feature's values in ascending order: what is taken from it, and what it is divided by; 0: nothing.
    private static (double Origin, double Width) Range(double[] ascending) => (ascending[0], ascending[^1] - ascending[0]);

    private static (double Origin, double Width) Quartiles(double[] ascending)
    {
        var width = Quantile(0.75) - Quantile(0.25);
        if (width > 0)
        {
            return (Quantile(0.5), width);
        }

        var (sum, squares) = (0.0, 0.0);
        foreach (var value in ascending)
        {
            sum += value - ascending[0];
        }

        var mean = ascending[0] + (sum / ascending.Length);
        foreach (var value in ascending)
        {
            squares += (value - mean) * (value - mean);
        }

        return (Quantile(0.5), Math.Sqrt(squares / ascending.Length));

        // Between the two values nearest, as most programs do.
        double Quantile(double share)
        {
            var place = share * (ascending.Length - 1);
            var below = (int)place;
            return below + 1 == ascending.Length ? ascending[below] : ascending[below]
                + ((place - below) * (ascending[below + 1] - ascending[below]));
        }
    }

    /// <summary>A scaling by statistics of the values in order, computed for as many features at once as a block of memory holds.</summary>
    private static FeatureScaling ByOrder(RowStore raw, int[]? rows, double scale, Func<double[], (double Origin, double Width)> of)
    {
        const long BlockValues = 1 << 25;
        var count = rows?.LongLength ?? raw.Rows;
        var (factors, origins, row) = (new float[raw.Features], new double[raw.Features], new double[raw.Features]);
        var block = (int)Math.Clamp(BlockValues / count, 1, raw.Features);
        for (var start = 0; start < raw.Features; start += block)
        {
            double[][] values = [.. Enumerable.Range(0, Math.Min(block, raw.Features - start)).Select(_ => new double[count])];
            for (var i = 0L; i < count; i++)
            {
                raw.ReadWide(rows?[i] ?? i, row);
                for (var feature = 0; feature < values.Length; feature++)
                {
                    values[feature][i] = row[start + feature];
                }
            }

            for (var feature = 0; feature < values.Length; feature++)
            {
                Array.Sort(values[feature]);
                var (origin, width) = of(values[feature]);
                var factor = (float)(Math.Sign(scale) / width);
                (origins[start + feature], factors[start + feature]) = (origin, float.IsFinite(factor) && factor != 0 ? factor : (float)scale);
            }
        }

        return new FeatureScaling(raw.Features, [.. factors], [.. factors.Select(_ => 0f)])
        {
            Origins = Array.TrueForAll(origins, origin => origin == 0) ? default : [.. origins],
        };
    }

    /// <summary>Mean and variance of the features that float32 would blur.</summary>
    private static Dictionary<int, (double Mean, double Variance)> WideFeatures(RowStore raw, int[]? rows, double[] variance)
    {
        // Whole numbers beyond 2^24 that float32 does not hold; others whose rounding is more than this share of their deviation.
        const double WholeNumbers = 1 << 24;
        const double LargestShare = 1.0 / (1 << 16);
        var count = rows?.LongLength ?? raw.Rows;
        var row = new double[raw.Features];
        var first = new double[raw.Features];
        var isWide = new bool[raw.Features];
        raw.ReadWide(rows?[0] ?? 0, first);
        for (var i = 0L; i < count; i++)
        {
            raw.ReadWide(rows?[i] ?? i, row);
            for (var feature = 0; feature < row.Length; feature++)
            {
                var rounding = Math.Abs(row[feature] - (float)row[feature]);
                isWide[feature] |= rounding > 0
                    && (Math.Abs(row[feature]) >= WholeNumbers || rounding > LargestShare * Math.Sqrt(variance[feature]));
            }
        }

        var found = new Dictionary<int, (double Mean, double Variance)>();
        int[] wide = [.. Enumerable.Range(0, isWide.Length).Where(feature => isWide[feature])];
        if (wide.Length == 0)
        {
            return found;
        }

        var mean = Sums((value, feature) => value - first[feature]);
        foreach (var feature in wide)
        {
            mean[feature] = first[feature] + (mean[feature] / count);
        }

        var squares = Sums((value, feature) => (value - mean[feature]) * (value - mean[feature]));
        foreach (var feature in wide)
        {
            found.Add(feature, (mean[feature], squares[feature] / count));
        }

        return found;

        double[] Sums(Func<double, int, double> of)
        {
            var sums = new double[isWide.Length];
            for (var i = 0L; i < count; i++)
            {
                raw.ReadWide(rows?[i] ?? i, row);
                foreach (var feature in wide)
                {
                    sums[feature] += of(row[feature], feature);
                }
            }

            return sums;
        }
    }

    private static (double[] Mean, double[] Variance) MeanAndVariance(RowStore raw, int[]? rows, long count)
    {
        var first = new float[raw.Features];
        raw.Read(rows?[0] ?? 0, first);
        var origin = Array.ConvertAll(first, value => (double)value);
        var mean = new double[raw.Features];
        var variance = new double[raw.Features];
        var row = new float[raw.Features];
        for (var i = 0L; i < count; i++)
        {
            raw.Read(rows?[i] ?? i, row);
            AddDistances(row, origin, mean, squared: false);
        }

        for (var i = 0; i < mean.Length; i++)
        {
            mean[i] = origin[i] + (mean[i] / count);
        }

        for (var i = 0L; i < count; i++)
        {
            raw.Read(rows?[i] ?? i, row);
            AddDistances(row, mean, variance, squared: true);
        }

        for (var i = 0; i < variance.Length; i++)
        {
            variance[i] /= count;
        }

        return (mean, variance);
    }

    /// <summary>sums += row - origin, or its square.</summary>
    private static void AddDistances(ReadOnlySpan<float> row, double[] origin, double[] sums, bool squared)
    {
        var i = 0;
        for (; i <= row.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(row[i..]), out var low, out var high);
            AddDistances(low, origin, sums, i, squared);
            AddDistances(high, origin, sums, i + Vector<double>.Count, squared);
        }

        for (; i < row.Length; i++)
        {
            var distance = row[i] - origin[i];
            sums[i] += squared ? distance * distance : distance;
        }
    }

    private static void AddDistances(Vector<double> values, double[] origin, double[] sums, int at, bool squared)
    {
        var distance = values - new Vector<double>(origin, at);
        (new Vector<double>(sums, at) + (squared ? distance * distance : distance)).CopyTo(sums, at);
    }
}
