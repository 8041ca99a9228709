using System.Text;

namespace ClusterTrain.Learning.Files;

/// <summary>Knows what a file is that was named in place of another, by its first bytes.</summary>
public static class FileKind
{
    /// <summary>First bytes of a file that are looked at.</summary>
    public const int StartBytes = 512;

    private const int LengthBytes = 8;

    /// <summary>What a file is, in words, with what it is for; null: nothing that is known, perhaps text.</summary>
    /// <param name="start">Its first bytes.</param>
    public static string? Of(ReadOnlySpan<byte> start) => start switch
    {
        [(byte)'P', (byte)'K', 3, 4, ..] => start.IndexOf("[Content_Types].xml"u8) >= 0 || start.IndexOf("xl/"u8) >= 0
            ? "an Excel workbook; save the sheet as CSV"
            : start.IndexOf(".npy"u8) >= 0 ? "a NumPy archive; write its arrays as CSV" : "a zip archive; unpack it, or pack it with gzip",
        [0xD0, 0xCF, 0x11, 0xE0, ..] => "an old Excel workbook; save the sheet as CSV",
        _ when IsParquet(start) => "a Parquet file, a table of rows",
        [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', ..] => "a NumPy array; write it as CSV",
        [(byte)'%', (byte)'P', (byte)'D', (byte)'F', ..] => "a PDF document; the rows have to be CSV",
        [(byte)'S', (byte)'Q', (byte)'L', (byte)'i', (byte)'t', (byte)'e', ..] => "an SQLite database; export the table as CSV",
        [(byte)'B', (byte)'Z', (byte)'h', ..] => "packed with bzip2; unpack it, or pack it with gzip",
        [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', ..] => "packed with xz; unpack it, or pack it with gzip",
        [0x28, 0xB5, 0x2F, 0xFD, ..] => "packed with zstd; unpack it, or pack it with gzip",
        [(byte)'c', (byte)'t', (byte)'d', (byte)'a', (byte)'t', (byte)'a', ..] =>
            "a file of prepared rows; name it with --prepared or as data.prepared",
        _ when IsSafetensors(start) => "a safetensors file, such as a model",
        _ when IsJson(start) => "JSON; write its rows as CSV, with a first line that names the columns",
        _ when IsHtml(start) => "a web page, perhaps in place of a download that failed; get the file again",
        _ => null,
    };

    /// <summary>True when a file begins as Parquet files do.</summary>
    /// <param name="start">Its first bytes.</param>
    public static bool IsParquet(ReadOnlySpan<byte> start) => start is [(byte)'P', (byte)'A', (byte)'R', (byte)'1', ..];

    /// <summary>True when a file is a recipe by its name or its first keys.</summary>
    /// <param name="path">The file.</param>
    /// <param name="start">Its first bytes.</param>
    public static bool IsRecipe(string path, ReadOnlySpan<byte> start) =>
        Path.GetExtension(path) is ".yaml" or ".yml" || (IsText(start) && (start.IndexOf("data:"u8) >= 0 || start.IndexOf("layers:"u8) >= 0));

    /// <summary>True when no byte is a control character that text does not have.</summary>
    /// <param name="start">First bytes of a file.</param>
    public static bool IsText(ReadOnlySpan<byte> start)
    {
        foreach (var value in start)
        {
            if (value < ' ' && value is not ((byte)'\t' or (byte)'\n' or (byte)'\r'))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>True when a file begins as safetensors do.</summary>
    /// <param name="start">Its first bytes.</param>
    public static bool IsSafetensors(ReadOnlySpan<byte> start) =>
        start.Length > LengthBytes && start[LengthBytes] == (byte)'{' && start[LengthBytes - 1] == 0 && start[LengthBytes - 2] == 0;

    private static bool IsJson(ReadOnlySpan<byte> start)
    {
        var text = Encoding.ASCII.GetString(start).TrimStart();
        return text is ['{' or '[', .. var rest] && rest.TrimStart() is ['"' or '{' or '[', ..];
    }

    private static bool IsHtml(ReadOnlySpan<byte> start)
    {
        var text = Encoding.ASCII.GetString(start).TrimStart();
        return text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase);
    }
}
