using System.CommandLine;
using System.Globalization;

namespace ClusterTrain.Cli.Commands;

/// <summary>Options that several commands have, and options that are numbers within bounds.</summary>
internal static class CommandOptions
{
    /// <summary>Threads or workers of one process at most; what lies above is a slip of the hand.</summary>
    public const int MostThreads = 256;

    /// <summary>Parameter servers of a run at most.</summary>
    public const int MostServers = 64;

    private const double MostSeconds = 1_000_000;

    /// <summary><c>--data DIR</c>.</summary>
    public static Option<string?> Data() => new("--data")
    {
        Description = "folder to look for data in, before those of CLUSTERTRAIN_DATA",
        HelpName = "DIR",
    };

    /// <summary><c>--json</c>.</summary>
    public static Option<bool> Json(string description) => new("--json") { Description = description };

    /// <summary><c>--threshold T</c>, between 0 and 1; null when it is not given.</summary>
    public static Option<double?> Threshold() => new("--threshold")
    {
        Description = "of two classes, predict the second where its probability is above T (default: 0.5)",
        HelpName = "T",
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value is > 0 and < 1)
            {
                return value;
            }

            result.AddError($"--threshold is '{text}'; allowed are numbers between 0 and 1.");
            return null;
        },
    };

    /// <summary>A whole number; null when it is not given.</summary>
    public static Option<int?> Whole(string name, string helpName, string description, int least, int most) => new(name)
    {
        Description = description,
        HelpName = helpName,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most)
            {
                return value;
            }

            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} is '{text}'; allowed are whole numbers from {least} to {most}."));
            return null;
        },
    };

    /// <summary>Seconds, above 0 (or from 0 on); null when they are not given.</summary>
    public static Option<double?> Seconds(string name, string description, bool allowZero) => new(name)
    {
        Description = description,
        HelpName = "S",
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                && (value > 0 || (allowZero && value == 0)) && value <= MostSeconds)
            {
                return value;
            }

            result.AddError(string.Create(
                CultureInfo.InvariantCulture, $"{name} is '{text}'; allowed are seconds {(allowZero ? "from" : "above")} 0 to {MostSeconds}."));
            return null;
        },
    };

    /// <summary>A share above 0, 1 at most, as a number or in percent; null when it is not given.</summary>
    public static Option<double?> Share(string name, string helpName, string description) => new(name)
    {
        Description = description,
        HelpName = helpName,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            var isPercent = text.EndsWith('%');
            if (double.TryParse(text.AsSpan().TrimEnd('%'), NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                && (isPercent ? value / 100 : value) is > 0 and <= 1 and var share)
            {
                return share;
            }

            result.AddError($"{name} is '{text}'; allowed are numbers above 0, 1 at most, for example 0.01 or 1%.");
            return null;
        },
    };

    /// <summary>The time of an option of seconds; null when it is not given.</summary>
    public static TimeSpan? Time(ParseResult parsed, Option<double?> option) =>
        parsed.GetValue(option) is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
}
