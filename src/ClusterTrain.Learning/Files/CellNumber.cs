using System.Buffers;
using System.Globalization;

namespace ClusterTrain.Learning.Files;

/// <summary>The number that a cell holds: every character of it belongs to the number, but for blanks before and after.</summary>
internal static class CellNumber
{
    // Digits of whole numbers that a double always tells apart.
    private const int Digits = 15;

    private static readonly SearchValues<char> s_characters = SearchValues.Create("+-.0123456789eE");
    private static readonly SearchValues<char> s_charactersWithComma = SearchValues.Create("+-,0123456789eE");
    private static readonly NumberFormatInfo s_comma = new() { NumberDecimalSeparator = ",", NumberGroupSeparator = "." };

    /// <summary>Reads a number; false when the cell is anything else, or the number is too large for a double.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="value">The number.</param>
    /// <param name="decimalPoint">What stands before the decimals, a point or a comma; the other one is in no number.</param>
    public static bool TryParse(ReadOnlySpan<char> cell, out double value, char decimalPoint = '.')
    {
        // .NET would ignore zero characters at the end, and takes several words for numbers.
        cell = cell.Trim(" \t");
        value = 0;
        return !cell.ContainsAnyExcept(decimalPoint == ',' ? s_charactersWithComma : s_characters)
            && double.TryParse(cell, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, Form(decimalPoint),
                out value)
            && double.IsFinite(value);
    }

    /// <summary>True when the cell is a number, or a word for one, that is not finite in 32 bits.</summary>
    public static bool IsNotFinite(ReadOnlySpan<char> cell, char decimalPoint = '.') =>
        double.TryParse(cell.Trim(" \t"), NumberStyles.Float, Form(decimalPoint), out var value) && !float.IsFinite((float)value);

    /// <summary>
    /// True for a number of more digits before its decimals than a double holds, such as an account's, perhaps written with <c>.0</c>.
    /// </summary>
    public static bool IsBeyondDouble(ReadOnlySpan<char> cell, char decimalPoint = '.')
    {
        if (cell.Length <= Digits || cell.ContainsAny('e', 'E'))
        {
            return false;
        }

        var digits = cell.Trim(" \t").TrimStart("+-").TrimStart('0');
        var whole = digits.IndexOf(decimalPoint) is >= 0 and var point ? digits[..point] : digits;
        return whole.Length > Digits && !whole.ContainsAnyExceptInRange('0', '9');
    }

    private static NumberFormatInfo Form(char decimalPoint) => decimalPoint == ',' ? s_comma : NumberFormatInfo.InvariantInfo;
}
