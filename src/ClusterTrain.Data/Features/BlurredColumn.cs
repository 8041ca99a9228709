using System.Globalization;

namespace ClusterTrain.Data.Features;

/// <summary>Counts how many different numbers of a column are still different in 32 bits, over its first rows.</summary>
internal sealed class BlurredColumn
{
    private const int MostRows = 1 << 14;
    private const double LeastShare = 0.9;

    private readonly HashSet<double> _raw = [];
    private readonly HashSet<float> _prepared = [];
    private int _rows;

    /// <summary>True when a tenth of the different numbers, or more, are not told apart any more.</summary>
    public bool IsBlurred => _prepared.Count < LeastShare * _raw.Count;

    /// <summary>What is left, in words.</summary>
    public string Told => string.Create(
        CultureInfo.InvariantCulture, $"of {_raw.Count} different numbers {_prepared.Count} {(_prepared.Count == 1 ? "is" : "are")} left in 32 bits");

    /// <summary>Takes a number as it was and as it is.</summary>
    public void Add(double raw, float prepared)
    {
        if (_rows++ >= MostRows)
        {
            return;
        }

        _raw.Add(raw);
        _prepared.Add(prepared);
    }
}
