namespace ClusterTrain.Reports.Pictures;

/// <summary>Where values lie along one side of a picture, and which of them are labelled.</summary>
internal sealed class Axis
{
    private const int WantedTicks = 6;

    private readonly double _low;
    private readonly double _high;
    private readonly bool _isLogarithmic;
    private readonly double _from;
    private readonly double _to;

    private Axis(double low, double high, bool isLogarithmic, double from, double to, IReadOnlyList<(double, string)> ticks) =>
        (_low, _high, _isLogarithmic, _from, _to, Ticks) = (low, high, isLogarithmic, from, to, ticks);

    /// <summary>Values and their labels, ascending.</summary>
    public IReadOnlyList<(double Value, string Label)> Ticks { get; }

    public bool IsLogarithmic => _isLogarithmic;

    /// <summary>Value of the low end.</summary>
    public double Low => _isLogarithmic ? Math.Pow(10, _low) : _low;

    /// <summary>Value of the high end.</summary>
    public double High => _isLogarithmic ? Math.Pow(10, _high) : _high;

    /// <summary>An axis whose ends are the given values.</summary>
    /// <param name="low">Value at <paramref name="from"/>.</param>
    /// <param name="high">Value at <paramref name="to"/>, above <paramref name="low"/>.</param>
    /// <param name="from">Pixel of the low end.</param>
    /// <param name="to">Pixel of the high end.</param>
    /// <param name="label">Label of a tick; null: chosen.</param>
    /// <param name="least">Least step between ticks: 1 for counts.</param>
    public static Axis Linear(double low, double high, double from, double to, Func<double, string>? label = null, double least = 0) =>
        Stepped(low, high, Math.Max(Nice((high - low) / WantedTicks), least), from, to, label);

    /// <summary>As <see cref="Linear"/>, widened to whole steps so that the data do not touch the ends.</summary>
    public static Axis Around(double low, double high, double from, double to, Func<double, string>? label = null)
    {
        if (high - low < 1e-12 * Math.Max(Math.Abs(low), Math.Abs(high)) || high == low)
        {
            (low, high) = low == 0 ? (0, 1) : (low - (0.1 * Math.Abs(low)), high + (0.1 * Math.Abs(high)));
        }

        var step = Nice((high - low) / WantedTicks);
        return Stepped(Math.Floor((low / step) + 1e-9) * step, Math.Ceiling((high / step) - 1e-9) * step, step, from, to, label);
    }

    /// <summary>A logarithmic axis around positive values.</summary>
    public static Axis Logarithmic(double low, double high, double from, double to)
    {
        var (first, last) = (Math.Log10(low), Math.Log10(high));
        var margin = Math.Max(0.04 * (last - first), 0.01);
        (first, last) = (first - margin, last + margin);
        double[] within = last - first <= 2.2 ? [1, 2, 5] : [1];
        var decades = Enumerable.Range((int)Math.Floor(first), (int)Math.Ceiling(last) - (int)Math.Floor(first) + 1);
        var every = Math.Max(1, (int)Math.Ceiling((last - first) / WantedTicks));
        var ticks = decades.Where(decade => decade % every == 0).SelectMany(decade => within.Select(factor => factor * Math.Pow(10, decade)))
            .Where(value => Math.Log10(value) >= first && Math.Log10(value) <= last)
            .Select(value => (value, NumberText.Power(value)));
        return new Axis(first, last, true, from, to, [.. ticks]);
    }

    /// <summary>The pixel of a value.</summary>
    public double At(double value) => _from + (((_isLogarithmic ? Math.Log10(value) : value) - _low) / (_high - _low) * (_to - _from));

    private static Axis Stepped(double low, double high, double step, double from, double to, Func<double, string>? label)
    {
        var text = label ?? NumberText.Ticks(Math.Max(Math.Abs(low), Math.Abs(high)), step);
        var first = Math.Ceiling((low / step) - 1e-9);
        var count = Math.Max(0, (int)(Math.Floor((high / step) + 1e-9) - first) + 1);
        return new Axis(low, high, false, from, to,
            [.. Enumerable.Range(0, count).Select(i => (first + i) * step).Select(value => (value, text(value)))]);
    }

    /// <summary>The nearest of 1, 2, 5 times a power of ten, not below the given step.</summary>
    private static double Nice(double step)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(step)));
        return (step / power) switch
        {
            <= 1 + 1e-9 => power,
            <= 2 => 2 * power,
            <= 5 => 5 * power,
            _ => 10 * power,
        };
    }
}
