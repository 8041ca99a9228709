using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>Numbers as YAML 1.2's core schema writes them, and text as messages show it.</summary>
internal static partial class RecipeText
{
    private const int ShownCharacters = 60;

    /// <summary>Text for a message: cut when long, and characters that cannot be seen, or not be told from a blank, by their numbers.</summary>
    public static string Shown(string text)
    {
        var shown = new StringBuilder();
        foreach (var c in text.Length <= ShownCharacters ? text : string.Concat(text.AsSpan(0, ShownCharacters), "..."))
        {
            if (char.IsControl(c) || (c != ' ' && char.IsWhiteSpace(c)) || char.GetUnicodeCategory(c) == UnicodeCategory.Format)
            {
                shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            }
            else
            {
                shown.Append(c);
            }
        }

        return shown.ToString();
    }

    /// <summary>A number for a message, the same in every language.</summary>
    public static string Shown(double number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>A value for a message: numbers as they are, words in quotes.</summary>
    public static string Shown(RecipeNode node) => node switch
    {
        RecipeScalar { IsPlain: true } scalar when NumberForm().IsMatch(scalar.Text) => Shown(scalar.Text),
        RecipeScalar { IsPlain: true } scalar => $"'{Shown(scalar.Text)}'",
        RecipeScalar scalar => $"the quoted text '{Shown(scalar.Text)}'",
        RecipeList => "a list",
        _ => "a group of keys",
    };

    /// <summary>
    /// A whole number; one that does not fit is replaced by the end of the range, so that it is told to be out of range.
    /// </summary>
    public static bool TryInteger(RecipeNode node, out Int128 value)
    {
        value = 0;
        if (node is not RecipeScalar { IsPlain: true } scalar)
        {
            return false;
        }

        if (DecimalForm().IsMatch(scalar.Text))
        {
            if (!Int128.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value))
            {
                value = scalar.Text[0] == '-' ? Int128.MinValue : Int128.MaxValue;
            }

            return true;
        }

        if (!HexadecimalForm().IsMatch(scalar.Text))
        {
            return false;
        }
        // A leading zero keeps the parser from reading the highest digit as a sign.
        if (!Int128.TryParse("0" + scalar.Text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value))
        {
            value = Int128.MaxValue;
        }

        return true;
    }

    /// <summary>A number; infinities and NaN too, so that a range can refuse them by name.</summary>
    public static bool TryNumber(RecipeNode node, out double value)
    {
        value = 0;
        if (node is not RecipeScalar { IsPlain: true } scalar || !NumberForm().IsMatch(scalar.Text))
        {
            return false;
        }

        value = scalar.Text.TrimStart('-', '+').ToUpperInvariant() switch
        {
            ".INF" => scalar.Text[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity,
            ".NAN" => double.NaN,
            _ => double.Parse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture),
        };
        return true;
    }

    /// <summary>A number or a fraction <c>a/b</c>.</summary>
    public static bool TryNumberOrFraction(RecipeNode node, out double value)
    {
        if (TryNumber(node, out value))
        {
            return true;
        }

        if (node is not RecipeScalar { IsPlain: true } scalar
            || scalar.Text.Split('/') is not [var above, var below])
        {
            return false;
        }

        var place = scalar.Place;
        if (!TryNumber(new RecipeScalar(place, above.Trim(), true), out var numerator))
        {
            return false;
        }

        if (!TryNumber(new RecipeScalar(place, below.Trim(), true), out var denominator))
        {
            return false;
        }

        value = numerator / denominator;
        return true;
    }

    /// <summary>A finite float32, rounded once from the decimal text.</summary>
    public static bool TryFloat(RecipeNode node, out float value)
    {
        value = 0;
        if (!TryNumber(node, out var wide) || !double.IsFinite(wide))
        {
            return false;
        }

        value = float.Parse(((RecipeScalar)node).Text, NumberStyles.Float, CultureInfo.InvariantCulture);
        return float.IsFinite(value);
    }

    /// <summary>True for text that YAML reads back as text without quotes.</summary>
    public static bool IsPlain(string text) => text.Length > 0 && char.IsAsciiLetter(text[0])
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/')
        && text.ToUpperInvariant() is not ("NULL" or "TRUE" or "FALSE" or "NONE" or "YES" or "NO" or "ON" or "OFF");

    /// <summary>For <c>1_000</c> and <c>1,000</c>: the number without separators, as a question; else nothing.</summary>
    public static string Unseparated(RecipeNode value)
    {
        if (value is not RecipeScalar { IsPlain: true, Text.Length: > 0 and <= 40 } scalar)
        {
            return "";
        }

        var digits = scalar.Text.Replace("_", "", StringComparison.Ordinal).Replace(",", "", StringComparison.Ordinal);
        return digits != scalar.Text && digits.Length > 0 && digits.All(char.IsAsciiDigit) ? $" (did you mean {digits}?)" : "";
    }

    [GeneratedRegex(@"^[-+]?[0-9]+\z")]
    private static partial Regex DecimalForm();

    [GeneratedRegex(@"^0x[0-9a-fA-F]+\z")]
    private static partial Regex HexadecimalForm();

    [GeneratedRegex(@"^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\z")]
    private static partial Regex NumberForm();
}
