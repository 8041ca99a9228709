using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.CompilerServices;
using ClusterTrain.Data.Common;

namespace ClusterTrain.Data.Rows;

/// <summary>
/// Immutable rows of features and targets, ready for a network. All members may be called from several threads at once.
/// </summary>
/// <remarks>
/// A set is either all rows of a store or a part of them given by a map, so that the parts of a split share one copy of the
/// rows.
/// </remarks>
public sealed class DataSet
{
    // Rows of a batch lie at random places of memory; this many rows ahead of the one being copied are already on their way.
    private const int RowsAhead = 4;

    // The gathering loops are compiled once, fully: left to profile-guided recompilation they came out up to four times slower in
    // some runs.
    private const MethodImplOptions Steady = MethodImplOptions.AggressiveOptimization;

    private readonly RowStore _store;
    private readonly int[]? _map;
    private readonly RowTargets _targets;
    private readonly Lazy<string> _fingerprint;

    internal DataSet(RowStore store, RowTargets targets, int[]? map)
        : this(store, targets, map, fingerprint => fingerprint)
    {
    }

    /// <param name="store">The features.</param>
    /// <param name="targets">The targets of the store's rows.</param>
    /// <param name="map">The store's rows that make up the set; null: all.</param>
    /// <param name="checkedFingerprint">Sees the fingerprint of the content before anybody else, and may refuse it.</param>
    internal DataSet(RowStore store, RowTargets targets, int[]? map, Func<string, string> checkedFingerprint)
    {
        (_store, _targets, _map) = (store, targets, map);
        Rows = map?.Length ?? store.Rows;
        _fingerprint = new Lazy<string>(() => checkedFingerprint(ComputeFingerprint()));
    }

    /// <summary>Says where a row of the store stands, with the name of its source; null: by its number alone.</summary>
    internal Func<long, string>? PlaceOf { private get; init; }

    /// <summary>Where a row stands, for messages: its file and line where they are known, else its number.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public string Place(long row)
    {
        var stored = Stored(row);
        return PlaceOf?.Invoke(stored) ?? string.Create(CultureInfo.InvariantCulture, $"row {row}");
    }

    /// <summary>Number of rows, at least 1.</summary>
    public long Rows { get; }

    /// <summary>Number of features of a row.</summary>
    public int Features => _store.Features;

    /// <summary>
    /// Number of targets of a row; for classification the number of classes, or 1 when one target tells two classes apart.
    /// </summary>
    public int Outputs => _targets.Outputs;

    /// <summary>For classification the names of the classes in the order of the one-hot outputs; otherwise empty.</summary>
    public ImmutableArray<string> Classes => _targets.Classes;

    /// <summary>
    /// For a classification whose classes have weights, the weight of each, which its one-hot target has in place of 1; otherwise
    /// empty.
    /// </summary>
    public ImmutableArray<float> ClassWeights => _targets.Weights;

    /// <summary>
    /// For a regression whose targets were shifted, for each target what 0 of the source became; otherwise empty: 0 stayed 0.
    /// </summary>
    public ImmutableArray<float> ZeroTargets => _targets.Zeros;

    /// <summary>
    /// SHA-256 (64 lower-case hex digits) of the shape, the classes and the content of the rows in order. Computed when it
    /// is first asked for, in one pass over the rows.
    /// </summary>
    /// <exception cref="DataException">The rows are those of a prepared file, which is damaged.</exception>
    public string Fingerprint => _fingerprint.Value;

    /// <summary>Copies chosen rows. Allocates nothing.</summary>
    /// <param name="rows">Indices of the rows, in [0, <see cref="Rows"/>), in any order, repeated or not.</param>
    /// <param name="features">Receives (rows.Length, <see cref="Features"/>), row-major.</param>
    /// <param name="targets">Receives (rows.Length, <see cref="Outputs"/>), row-major; one-hot for classification.</param>
    /// <exception cref="ArgumentException">A span's length does not fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    [MethodImpl(Steady)]
    public void Gather(ReadOnlySpan<long> rows, Span<float> features, Span<float> targets)
    {
        CheckLengths(rows.Length, features.Length, targets.Length);
        var (width, outputs) = (Features, Outputs);
        targets.Clear();
        for (var i = 0; i < Math.Min(RowsAhead, rows.Length); i++)
        {
            _store.Prefetch(Stored(rows[i]));
        }

        for (var i = 0; i < rows.Length; i++)
        {
            var row = Stored(rows[i]);
            var ahead = Stored(rows[Math.Min(i + RowsAhead, rows.Length - 1)]);
            _store.Read(row, features.Slice(i * width, width), ahead);
            _targets.Write(row, targets.Slice(i * outputs, outputs));
        }
    }

    /// <summary>Copies consecutive rows. Allocates nothing.</summary>
    /// <param name="start">Index of the first row.</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="features">Receives (count, <see cref="Features"/>), row-major.</param>
    /// <param name="targets">Receives (count, <see cref="Outputs"/>), row-major; one-hot for classification.</param>
    /// <exception cref="ArgumentException">A span's length does not fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There are no such rows.</exception>
    [MethodImpl(Steady)]
    public void Gather(long start, int count, Span<float> features, Span<float> targets)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Rows - count);
        CheckLengths(count, features.Length, targets.Length);
        var (width, outputs) = (Features, Outputs);
        targets.Clear();
        for (var i = 0; i < count; i++)
        {
            var row = Stored(start + i);
            var ahead = Stored(start + Math.Min(i + RowsAhead, count - 1));
            _store.Read(row, features.Slice(i * width, width), ahead);
            _targets.Write(row, targets.Slice(i * outputs, outputs));
        }
    }

    /// <summary>The class index of a row.</summary>
    /// <exception cref="InvalidOperationException">The targets are numbers, not classes.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public int Label(long row) => _targets.Label(Stored(row));

    /// <summary>How the features are held.</summary>
    internal RowForm Form => _store.Form;

    /// <summary>Bytes of a row's <see cref="CopyFeatures"/>.</summary>
    internal int FeatureBytes => Features * (Form == RowForm.Bytes ? sizeof(byte) : sizeof(float));

    /// <summary>Bytes of a row's <see cref="CopyTargets"/>.</summary>
    internal int TargetBytes => _targets.ContentBytes;

    /// <summary>Copies a row's features as they are held.</summary>
    internal void CopyFeatures(long row, Span<byte> content) => _store.CopyContent(Stored(row), content);

    /// <summary>Copies a row's targets as they are held.</summary>
    internal void CopyTargets(long row, Span<byte> content) => _targets.CopyContent(Stored(row), content);

    /// <summary>Copies a row's targets as the network is to learn them.</summary>
    internal void CopyTargetValues(long row, Span<float> targets)
    {
        targets.Clear();
        _targets.Write(Stored(row), targets);
    }

    private long Stored(long row)
    {
        if ((ulong)row >= (ulong)Rows)
        {
            ThrowNoRow(row);
        }

        return _map is null ? row : _map[row];
    }

    private void ThrowNoRow(long row) =>
        throw new ArgumentOutOfRangeException(nameof(row), row, $"Row {row} of a data set of {Rows} rows.");

    private void CheckLengths(int rows, int features, int targets)
    {
        if (features != (long)rows * Features)
        {
            throw new ArgumentException(
                $"{rows} rows of {Features} features need {(long)rows * Features} values, not {features}.", nameof(features));
        }

        if (targets != (long)rows * Outputs)
        {
            throw new ArgumentException(
                $"{rows} rows of {Outputs} targets need {(long)rows * Outputs} values, not {targets}.", nameof(targets));
        }
    }

    private string ComputeFingerprint()
    {
        using var fingerprint = new DataFingerprint();
        fingerprint.Add(Rows);
        fingerprint.Add(Features);
        fingerprint.Add(Outputs);
        fingerprint.Add(Classes.Length);
        foreach (var name in Classes)
        {
            fingerprint.Add(name);
        }

        _store.HashForm(fingerprint);
        _targets.HashForm(fingerprint);
        for (var row = 0L; row < Rows; row++)
        {
            _store.HashRow(Stored(row), fingerprint);
        }

        for (var row = 0L; row < Rows; row++)
        {
            _targets.HashRow(Stored(row), fingerprint);
        }

        return fingerprint.Finish();
    }
}
