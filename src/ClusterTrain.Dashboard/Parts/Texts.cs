using System.Globalization;
using ClusterTrain.Watching;

namespace ClusterTrain.Dashboard.Parts;

/// <summary>Figures as people read them.</summary>
internal static class Texts
{
    private const double Small = 0.001;

    public static string Number(double? value) => value switch
    {
        null or double.NaN => "–",
        0 => "0",
        var number when Math.Abs(number.Value) < Small => number.Value.ToString("0.00e-0", CultureInfo.InvariantCulture),
        var number when Math.Abs(number.Value) >= 1e6 => number.Value.ToString("0.00e0", CultureInfo.InvariantCulture),
        var number when Math.Abs(number.Value) >= 100 => number.Value.ToString("N0", CultureInfo.InvariantCulture),
        var number => number.Value.ToString("0.####", CultureInfo.InvariantCulture),
    };

    public static string Percent(double? share) =>
        share is { } known && double.IsFinite(known) ? known.ToString("0.00 %", CultureInfo.InvariantCulture) : "–";

    public static string Count(double value) => value.ToString("N0", CultureInfo.InvariantCulture);

    public static string Count(long number, string thing) => $"{Count(number)} {thing}{(number == 1 ? "" : "s")}";

    /// <summary>A number on an axis: short.</summary>
    public static string Tick(double value) => Math.Abs(value) switch
    {
        0 => "0",
        >= 1e9 => value.ToString("0.##e0", CultureInfo.InvariantCulture),
        >= 1e6 => $"{(value / 1e6).ToString("0.###", CultureInfo.InvariantCulture)}M",
        >= 10_000 => $"{(value / 1000).ToString("0.#", CultureInfo.InvariantCulture)}k",
        >= 1 => value.ToString("0.##", CultureInfo.InvariantCulture),
        >= 0.01 => value.ToString("0.###", CultureInfo.InvariantCulture),
        _ => value.ToString("0.#e-0", CultureInfo.InvariantCulture),
    };

    public static string Bytes(long bytes) => bytes switch
    {
        >= 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.0} GB"),
        >= 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB"),
        >= 1000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0.0} kB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes} B"),
    };

    /// <summary>A long time: minutes and seconds, with hours where there are any.</summary>
    public static string Long(TimeSpan time)
    {
        var seconds = (long)Math.Round(Math.Max(0, time.TotalSeconds));
        return seconds >= 3600
            ? string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600}:{seconds / 60 % 60:D2}:{seconds % 60:D2}")
            : string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:D2}:{seconds % 60:D2}");
    }

    /// <summary>How long ago something was.</summary>
    public static string Ago(TimeSpan time) => time.TotalSeconds switch
    {
        < 1.5 => "a second ago",
        < 100 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:F0} s ago"),
        < 5400 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:F0} min ago"),
        < 172_800 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalHours:F0} h ago"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalDays:F0} days ago"),
    };

    public static string Clock(DateTimeOffset at) => at.ToLocalTime().ToString("HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>A sign for a state, for those who see no colours.</summary>
    public static string Sign(MachineState state) => state switch
    {
        MachineState.Computing or MachineState.Serving => "●",
        MachineState.Late => "▲",
        MachineState.Lost or MachineState.Excluded => "✕",
        MachineState.Replaced => "⇄",
        MachineState.Done => "✓",
        _ => "○",
    };
}
