using System.Collections.Immutable;
using System.Globalization;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Rows;
using ClusterTrain.Numerics.RandomNumbers;

namespace ClusterTrain.Data.Store;

/// <summary>
/// Rows made up by a seed, for measuring speed where real ones are not at hand: noise, and under it a faint picture for each
/// class, so that there is something to learn and not too soon learnt.
/// </summary>
public static class SyntheticImages
{
    // Each row takes its noise from another place in these.
    private const int NoiseBytes = 1 << 20;

    private const int Faintness = 64; // of 256, of the picture against the noise

    /// <summary>Makes rows.</summary>
    /// <param name="seed">The same seed gives the same rows.</param>
    /// <param name="rows">Number of rows, at least 1.</param>
    /// <param name="features">Pixels of a row, at least 1; their values are from 0 to 1.</param>
    /// <param name="classes">Number of classes, at least 1.</param>
    public static DataSet Create(ulong seed, int rows, int features, int classes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        var noise = Bytes(seed, "noise", NoiseBytes);
        var starts = new RandomStream(seed, "starts");
        var pixels = new byte[rows * features];
        var pictures = Bytes(seed, "pictures", classes * features);
        var labels = new ushort[rows];
        for (var row = 0; row < rows; row++)
        {
            var start = starts.Bits((ulong)row);
            labels[row] = (ushort)(start % (uint)classes);
            var picture = pictures.AsSpan(labels[row] * features, features);
            for (var feature = 0; feature < features; feature++)
            {
                var dot = noise[(start + (uint)feature) % NoiseBytes];
                pixels[(row * features) + feature] = (byte)(((dot * (256 - Faintness)) + (picture[feature] * Faintness)) >> 8);
            }
        }

        var names = Enumerable.Range(0, classes).Select(index => index.ToString(CultureInfo.InvariantCulture)).ToImmutableArray();
        var store = new ByteRows(pixels, 0, rows, features).Prepare(FeatureScaling.Uniform(features, 1f / byte.MaxValue));
        return new DataSet(store, RowTargets.FromLabels(labels, names), map: null);
    }

    private static byte[] Bytes(ulong seed, string name, int count)
    {
        var stream = new RandomStream(seed, name);
        var bytes = new byte[count];
        for (var i = 0; i < count; i += 4)
        {
            var bits = stream.Bits((ulong)i / 4);
            for (var j = i; j < Math.Min(i + 4, count); j++, bits >>= 8)
            {
                bytes[j] = (byte)bits;
            }
        }

        return bytes;
    }
}
