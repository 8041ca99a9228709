using System.Collections.Immutable;

namespace ClusterTrain.Learning;

/// <summary>Height and width of rows that are images, in pixels.</summary>
/// <param name="Height">Rows of pixels.</param>
/// <param name="Width">Pixels of a row.</param>
public readonly record struct ImageShape(int Height, int Width);

/// <summary>What a source holds, as it stands there: nothing is split or scaled yet.</summary>
internal sealed record SourceData
{
    public required SourceTable Train { get; init; }

    /// <summary>Null when the source has no test rows of its own.</summary>
    public SourceTable? Test { get; init; }

    /// <summary>How the features came about; its scaling leaves them as they are.</summary>
    public required FeatureEncoding Encoding { get; init; }

    public required ImmutableArray<string> TargetNames { get; init; }

    public ImageShape? Shape { get; init; }
}

/// <summary>Raw rows and their targets.</summary>
/// <param name="Name">Where they come from, for messages.</param>
/// <param name="Rows">The raw features.</param>
/// <param name="Targets">One per row.</param>
internal sealed record SourceTable(string Name, RowStore Rows, RowTargets Targets)
{
    /// <summary>Where its rows stand.</summary>
    public RowPlaces Places { get; init; } = RowPlaces.Numbered;

    /// <summary>Where a row stands, with the name of the source.</summary>
    public string PlaceOf(long row) => Places.Of(row, Name);

    /// <summary>
    /// Rows that are columns still, to be encoded by what is learnt from the training rows: for each column null, or for the number that a word
    /// has in the rows its place among the sorted words. A missing value is NaN there, an unknown word -1. Default: the rows are features.
    /// </summary>
    public ImmutableArray<int[]?> Codes { get; init; }

    /// <summary>Columns that were to be kept as they stand; null: none were.</summary>
    public KeptColumns? Kept { get; init; }

    /// <summary>What splits of the rows go by besides chance; null: nothing.</summary>
    public SplitKeys? SplitKeys { get; init; }

    /// <summary>What a reader should know although nothing is wrong.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>Raw values in the form that takes least memory: bytes when all are whole numbers from 0 to 255.</summary>
    public static RowStore Store(float[] values, int features)
    {
        if (!Array.TrueForAll(values, value => IsByte(value)))
            return new FloatRows(values, features);

        var bytes = new byte[values.Length];
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)values[i];
        return new ByteRows(bytes, 0, bytes.Length / features, features);
    }

    /// <summary>The same of numbers that may have more digits than float32 holds.</summary>
    public static RowStore Store(double[] values, int features) =>
        Array.Exists(values, value => (float)value != value)
            ? new WideRows(values, features)
            : Store(Array.ConvertAll(values, value => (float)value), features);

    /// <summary>True for whole numbers from 0 to 255.</summary>
    public static bool IsByte(double value) => value == (byte)Math.Clamp(value, 0, 255);
}
