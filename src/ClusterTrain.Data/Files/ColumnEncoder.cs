using System.Buffers;
using System.Collections.Immutable;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Files;

/// <summary>
/// From the columns of a row, see <see cref="SourceTable.Codes"/>, to its raw features, by what an encoding has learnt: fills missing values,
/// gives unseen categories a code, then computes derived features, takes dates apart, spreads categories, and says what was missing.
/// </summary>
internal sealed class ColumnEncoder : ValueEncoder
{
    private const double NoCategory = -1;
    private const double Refused = -2;

    private readonly FeatureEncoding _encoding;
    private readonly FeatureRules _rules;
    private readonly Func<long, string> _placeOf;
    private readonly Column[] _columns;
    private readonly int[] _widths;
    private readonly DateColumn?[] _dates;

    private ColumnEncoder(FeatureEncoding encoding, Column[] columns, Func<long, string> placeOf)
    {
        (_encoding, _columns, _placeOf) = (encoding, columns, placeOf);
        _rules = new FeatureRules(encoding.Columns, encoding.Derived, encoding.Features);
        _widths = [.. encoding.Features.Select(feature => encoding.Category(feature)?.Names.Length ?? 0)];
        _dates = [.. encoding.Features.Select(encoding.Date)];
        Features = encoding.FeatureNames.Length;
    }

    public override int Features { get; }

    /// <summary>The encoder of a table.</summary>
    /// <param name="encoding">The encoding, fitted.</param>
    /// <param name="words">For each column of words the sorted words that its codes stand for.</param>
    /// <param name="table">The table.</param>
    public static ColumnEncoder Of(FeatureEncoding encoding, ImmutableArray<ImmutableArray<string>> words, SourceTable table)
    {
        var indicators = encoding.Indicators;
        var firstIndicator = encoding.ColumnFeatureNames.Length;
        var columns = new Column[encoding.Columns.Length];
        for (var i = 0; i < columns.Length; i++)
        {
            var name = encoding.Columns[i];
            var categories = encoding.Category(name)?.Names ?? default;
            var fill = encoding.Fill(name);
            var unseen = encoding.UnseenOf(name) is { } of ? Place(of.Category) : Refused;
            columns[i] = new Column(
                categories.IsDefault ? null : [.. table.Codes[i]!.Select(code => categories.IndexOf(words[i][code]))],
                categories.IsDefault ? fill?.Number ?? Refused : fill?.Category is { } category ? Place(category) : unseen,
                unseen,
                indicators.Contains(name) ? firstIndicator + indicators.IndexOf(name) : null);

            double Place(string? category) => category is null ? NoCategory : categories.IndexOf(category);
        }

        return new ColumnEncoder(encoding, columns, table.PlaceOf);
    }

    /// <summary>The same rows as features.</summary>
    /// <exception cref="DataException">A row has none.</exception>
    public SourceTable Encode(SourceTable table) => table with { Rows = table.Rows.Encode(this, table.Name), Codes = default };

    public override void Encode(long row, ReadOnlySpan<double> values, Span<double> features)
    {
        var rented = ArrayPool<double>.Shared.Rent(_columns.Length + _widths.Length);
        var filled = rented.AsSpan(0, _columns.Length);
        var raw = rented.AsSpan(_columns.Length, _widths.Length);
        features.Clear();
        for (var i = 0; i < _columns.Length; i++)
        {
            var column = _columns[i];
            var isMissing = double.IsNaN(values[i]);
            filled[i] = isMissing ? column.Fill
                : column.Places is null ? values[i]
                : values[i] >= 0 && column.Places[(int)values[i]] is >= 0 and var place ? place
                : column.Unseen;
            if (column.Places is not null && filled[i] == Refused)
            {
                throw NoFill(row, _encoding.Columns[i]);
            }

            if (isMissing && column.Indicator is { } indicator)
            {
                features[indicator] = 1;
            }
        }

        _rules.Apply(filled, raw, () => _placeOf(row));
        var at = 0;
        for (var i = 0; i < raw.Length; i++)
        {
            if (_dates[i] is { } date)
            {
                foreach (var part in date.Parts)
                {
                    features[at++] = DateCell.Part(raw[i], part);
                }
            }
            else if (_widths[i] == 0)
            {
                features[at++] = raw[i];
            }
            else if (raw[i] >= 0)
            {
                features[at + (int)raw[i]] = 1;
            }

            at += _widths[i];
        }

        ArrayPool<double>.Shared.Return(rented);
    }

    private DataException NoFill(long row, string column) => new(
        $"{_placeOf(row)}, column '{column}' has no value, and every training row has one, so nothing was learnt for it. Fill the gap, leave "
        + $"the row out, or train with data.impute: {{ {RecipeWriter.Text(column)}: most-frequent }}.");

    /// <summary>How the values of a column become those of a row.</summary>
    /// <param name="Places">For the number of a word its place among the categories, -1 when it is none of them; null: a column of numbers.</param>
    /// <param name="Fill">What is taken for a missing value: a number, a place, or none.</param>
    /// <param name="Unseen">The place taken for an unseen category, or none.</param>
    /// <param name="Indicator">The feature that says whether the value is missing; null: there is none.</param>
    private readonly record struct Column(int[]? Places, double Fill, double Unseen, int? Indicator);
}
