using System.Globalization;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.Files;

/// <summary>The date that a cell holds, and the numbers it becomes.</summary>
internal static class DateCell
{
    private const double SecondsOfDay = 86_400;

    // 1 January 1970, by the number of days since 1 January of the year 1.
    private const int UnixDay = 719_162;

    /// <summary>
    /// The seconds since the year 1 of a cell; null when it is no such date. A time of day may follow after a blank or a <c>T</c>, with seconds or
    /// without, and a <c>Z</c>; months and days may have one digit.
    /// </summary>
    public static double? Read(ReadOnlySpan<char> cell, string format)
    {
        cell = cell.Trim();
        var end = cell.IndexOfAny(' ', 'T') is >= 0 and var found ? found : cell.Length;
        var time = end < cell.Length ? Time(cell[(end + 1)..]) : 0;
        Span<Range> parts = stackalloc Range[4];
        var date = cell[..end];
        if (time is null || date.Split(parts, format.AsSpan().Trim("ymd")[0]) != 3)
        {
            return null;
        }

        var (first, second, third) = (Whole(date[parts[0]]), Whole(date[parts[1]]), Whole(date[parts[2]]));
        var place = YearPlace(format);
        if (first is null || second is null || third is null || !HaveLengths(date[parts[0]], date[parts[1]], date[parts[2]], place))
        {
            return null;
        }

        var (year, month, day) = place == 0 ? (first.Value, second.Value, third.Value)
            : format[0] == 'd' ? (third.Value, second.Value, first.Value)
            : (third.Value, first.Value, second.Value);
        return year is >= 1 and <= 9999 && month is >= 1 and <= 12 && day >= 1 && day <= DateTime.DaysInMonth(year, month)
            ? (new DateOnly(year, month, day).DayNumber * SecondsOfDay) + time
            : null;
    }

    /// <summary>The seconds of the day they are in, from its beginning.</summary>
    public static double StartOfDay(double seconds) => Math.Floor(seconds / SecondsOfDay) * SecondsOfDay;

    /// <summary>A part of a date.</summary>
    public static double Part(double seconds, DatePart part)
    {
        var day = (int)Math.Floor(seconds / SecondsOfDay);
        var date = DateOnly.FromDayNumber(day);
        return part switch
        {
            DatePart.Year => date.Year,
            DatePart.Month => date.Month,
            DatePart.Day => date.Day,
            DatePart.Weekday => date.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)date.DayOfWeek,
            DatePart.Hour => Math.Floor((seconds - (day * SecondsOfDay)) / 3600),
            _ => day - UnixDay,
        };
    }

    /// <summary>True when a cell has a time of day after its date.</summary>
    public static bool HasTime(ReadOnlySpan<char> cell) => cell.Trim().IndexOfAny(' ', 'T') >= 0;

    private static int YearPlace(string format) => format[0] == 'y' ? 0 : 2;

    private static bool HaveLengths(ReadOnlySpan<char> first, ReadOnlySpan<char> second, ReadOnlySpan<char> third, int yearPlace) =>
        second.Length is 1 or 2 && (yearPlace == 0 ? first.Length == 4 && third.Length is 1 or 2 : first.Length is 1 or 2 && third.Length == 4);

    // hh:mm, perhaps :ss and decimals of them, which nothing is made of.
    private static double? Time(ReadOnlySpan<char> time)
    {
        time = time.EndsWith("Z") ? time[..^1] : time;
        Span<Range> parts = stackalloc Range[4];
        var count = time.Split(parts, ':');
        if (count is not (2 or 3))
        {
            return null;
        }

        var seconds = count == 3 ? time[parts[2]] : "00";
        if (seconds.IndexOf('.') is > 0 and var point)
        {
            if (seconds[(point + 1)..].ContainsAnyExceptInRange('0', '9'))
            {
                return null;
            }

            seconds = seconds[..point];
        }

        return time[parts[0]].Length is 1 or 2 && Whole(time[parts[0]]) is { } hour and < 24
            && time[parts[1]].Length == 2 && Whole(time[parts[1]]) is { } minute and < 60
            && seconds.Length == 2 && Whole(seconds) is { } second and < 60
            ? (hour * 3600) + (minute * 60) + second
            : null;
    }

    private static int? Whole(ReadOnlySpan<char> digits) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
}
