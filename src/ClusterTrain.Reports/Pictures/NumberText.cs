using System.Globalization;

namespace ClusterTrain.Reports.Pictures;

/// <summary>Numbers as a person reads them.</summary>
internal static class NumberText
{
    private static readonly string[] s_superscripts = ["⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"];

    /// <summary>Four significant digits; very large and very small ones as powers of ten.</summary>
    public static string Short(double value)
    {
        var size = Math.Abs(value);
        if (size is > 0 and < 1e-4 or >= 1e7)
        {
            return value.ToString("0.###e+0", CultureInfo.InvariantCulture).Replace("e+", "e", StringComparison.Ordinal);
        }

        var decimals = size is 0 or >= 1000 ? 0 : Math.Clamp(3 - (int)Math.Floor(Math.Log10(size)), 0, 7);
        return value.ToString(size >= 1000 ? "#,0" : "0." + new string('#', decimals), CultureInfo.InvariantCulture);
    }

    /// <summary>A share as percent: 0.98765 is 98.77 %.</summary>
    public static string Percent(double share, int decimals = 2) =>
        (share * 100).ToString("0." + new string('0', decimals), CultureInfo.InvariantCulture).TrimEnd('.') + " %";

    /// <summary>A whole number with separators.</summary>
    public static string Whole(double value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>A time: 1 h 02 min, 3 min 20 s, 12.3 s.</summary>
    public static string Duration(TimeSpan time) => time switch
    {
        { TotalSeconds: < 60 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0} s"),
        { TotalMinutes: < 60 } => string.Create(CultureInfo.InvariantCulture, $"{time.Minutes} min {time.Seconds:00} s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalHours} h {time.Minutes:00} min"),
    };

    /// <summary>Labels of ticks a step apart, all with the same unit and number of decimals.</summary>
    public static Func<double, string> Ticks(double largest, double step)
    {
        var (unit, name) = largest switch
        {
            >= 1e9 => (1e9, "G"),
            >= 1e6 => (1e6, "M"),
            >= 1e4 => (1e3, "k"),
            _ => (1.0, ""),
        };
        var decimals = Math.Clamp((int)Math.Ceiling(-Math.Log10(step / unit) - 1e-9), 0, 9);
        var format = decimals == 0 ? "#,0" : "0." + new string('0', decimals);
        return value => value == 0 ? "0" : (value / unit).ToString(format, CultureInfo.InvariantCulture).Replace('-', '\u2212') + name;
    }

    /// <summary>Label of a tick on a logarithmic axis.</summary>
    public static string Power(double value)
    {
        if (value is >= 1e-3 and < 1e4)
        {
            return value.ToString("0.####", CultureInfo.InvariantCulture);
        }

        var exponent = (int)Math.Floor(Math.Log10(value) + 1e-9);
        var factor = Math.Round(value / Math.Pow(10, exponent));
        var digits = string.Concat(Math.Abs(exponent).ToString(CultureInfo.InvariantCulture).Select(digit => s_superscripts[digit - '0']));
        return (factor == 1 ? "" : $"{factor:0}·") + "10" + (exponent < 0 ? "⁻" : "") + digits;
    }
}
