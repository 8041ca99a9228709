using System.Collections.Immutable;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Serialization;
using ClusterTrain.Data.Common;

namespace ClusterTrain.Data.Features;

/// <summary>
/// How raw features become the inputs of a network: <c>prepared = fma(raw, factor, shift)</c> in float32, feature by
/// feature. A model carries it, so that its predictions see what its training saw.
/// </summary>
/// <param name="Features">Number of features of a row.</param>
/// <param name="Factors">One factor per feature, or a single one for all.</param>
/// <param name="Shifts">One shift per feature, or a single one for all; as many as there are factors.</param>
public sealed record FeatureScaling(int Features, ImmutableArray<float> Factors, ImmutableArray<float> Shifts)
{
    /// <summary>
    /// What is taken from each raw feature before anything else, in double, so that large numbers with small differences keep them:
    /// <c>prepared = fma((float)(raw - origin), factor, shift)</c>. Default: nothing is, as for all features that float32 holds well enough.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ImmutableArray<double> Origins { get; init; }

    /// <summary>True when something is taken from raw features in double.</summary>
    [JsonIgnore]
    public bool HasOrigins => !Origins.IsDefaultOrEmpty;

    /// <summary>True when all features share one factor and one shift.</summary>
    [JsonIgnore]
    public bool IsUniform => Factors.Length == 1;

    /// <summary>The same factor for every feature and no shift.</summary>
    public static FeatureScaling Uniform(int features, float factor) => new(features, [factor], [0]);

    /// <summary>Prepares whole rows.</summary>
    /// <param name="raw">Row-major (rows, <see cref="Features"/>).</param>
    /// <param name="prepared">Same shape; may be the same memory.</param>
    /// <exception cref="ArgumentException">The lengths differ or are no whole number of rows.</exception>
    public void Apply(ReadOnlySpan<float> raw, Span<float> prepared)
    {
        if (raw.Length != prepared.Length || raw.Length % Features != 0)
        {
            throw new ArgumentException(
                $"{raw.Length} raw and {prepared.Length} prepared values are not rows of {Features} features.");
        }

        raw.CopyTo(prepared);
        for (var at = 0; HasOrigins && at < prepared.Length; at++)
        {
            prepared[at] = (float)(prepared[at] - Origins[at % Features]);
        }

        for (var start = 0; start < prepared.Length; start += Features)
        {
            Apply(Factors.AsSpan(), Shifts.AsSpan(), prepared.Slice(start, Features));
        }
    }

    /// <summary>Prepares one row.</summary>
    /// <param name="raw">(<see cref="Features"/>).</param>
    /// <param name="prepared">Same shape.</param>
    internal void ApplyToRow(ReadOnlySpan<double> raw, Span<float> prepared)
    {
        for (var i = 0; i < raw.Length; i++)
        {
            prepared[i] = (float)(HasOrigins ? raw[i] - Origins[i] : raw[i]);
        }

        Apply(Factors.AsSpan(), Shifts.AsSpan(), prepared);
    }

    /// <summary>Prepares one row in place, with a factor and a shift for each value or one of each for all.</summary>
    internal static void Apply(ReadOnlySpan<float> factors, ReadOnlySpan<float> shifts, Span<float> row)
    {
        var i = 0;
        if (factors.Length == 1)
        {
            var (factor, shift) = (new Vector<float>(factors[0]), new Vector<float>(shifts[0]));
            for (; i <= row.Length - Vector<float>.Count; i += Vector<float>.Count)
            {
                Vector.FusedMultiplyAdd(new Vector<float>(row[i..]), factor, shift).CopyTo(row[i..]);
            }

            for (; i < row.Length; i++)
            {
                row[i] = MathF.FusedMultiplyAdd(row[i], factors[0], shifts[0]);
            }

            return;
        }

        for (; i <= row.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var (factor, shift) = (new Vector<float>(factors[i..]), new Vector<float>(shifts[i..]));
            Vector.FusedMultiplyAdd(new Vector<float>(row[i..]), factor, shift).CopyTo(row[i..]);
        }

        for (; i < row.Length; i++)
        {
            row[i] = MathF.FusedMultiplyAdd(row[i], factors[i], shifts[i]);
        }
    }

    /// <summary>One line of JSON; <see cref="FromJson"/> gives back the same bits.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, FeatureScalingJson.Default.FeatureScaling);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="DataException">It is not a scaling.</exception>
    public static FeatureScaling FromJson(string json)
    {
        FeatureScaling? scaling;
        try
        {
            scaling = JsonSerializer.Deserialize(json, FeatureScalingJson.Default.FeatureScaling);
        }
        catch (JsonException exception)
        {
            throw new DataException($"The feature scaling is not valid JSON: {exception.Message}", exception);
        }

        if (scaling is null)
        {
            throw new DataException("The feature scaling is empty.");
        }

        scaling.Check();
        return scaling;
    }

    /// <exception cref="DataException">The numbers are not those of a scaling.</exception>
    internal void Check()
    {
        if (Features < 1 || Factors.IsDefault || Shifts.IsDefault || Factors.Length != Shifts.Length
            || (Factors.Length != 1 && Factors.Length != Features)
            || !Factors.All(float.IsFinite) || !Shifts.All(float.IsFinite)
            || (!Origins.IsDefault && (Origins.Length != Features || !Origins.All(double.IsFinite))))
        {
            throw new DataException(
                "The feature scaling has to hold features, factors and shifts: finite numbers, one of each for every " +
                "feature or one for all; origins, where there are any, are one for every feature.");
        }
    }

    /// <summary>Equal numbers, bit by bit.</summary>
    public bool Equals(FeatureScaling? other) =>
        other is not null && Features == other.Features && Factors.AsSpan().SequenceEqual(other.Factors.AsSpan())
        && Shifts.AsSpan().SequenceEqual(other.Shifts.AsSpan()) && Origins.AsSpan().SequenceEqual(other.Origins.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Features, Factors.Length, Factors[0], Shifts[0]);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(FeatureScaling))]
internal sealed partial class FeatureScalingJson : JsonSerializerContext;
