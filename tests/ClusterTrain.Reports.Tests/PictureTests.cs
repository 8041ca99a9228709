using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using System.Xml.Linq;
using ClusterTrain.Reports.Content;
using ClusterTrain.Reports.Pages;
using ClusterTrain.Reports.Pictures;

namespace ClusterTrain.Reports.Tests;

public sealed class PictureTests
{
    [Fact]
    public void A_png_holds_its_pixels()
    {
        byte[] pixels = [0, 50, 100, 150, 200, 255];
        var uri = PngImage.OfGrey(3, 2, pixels);
        const string Prefix = "data:image/png;base64,";
        Assert.StartsWith(Prefix, uri, StringComparison.Ordinal);

        var chunks = Chunks(Convert.FromBase64String(uri[Prefix.Length..]));

        Assert.Equal(["IHDR", "IDAT", "IEND"], chunks.Select(chunk => chunk.Kind));
        Assert.Equal([0, 0, 0, 3, 0, 0, 0, 2, 8, 0, 0, 0, 0], chunks[0].Content);
        using var zlib = new ZLibStream(new MemoryStream(chunks[1].Content), CompressionMode.Decompress);
        using var rows = new MemoryStream();
        zlib.CopyTo(rows);
        Assert.Equal([0, 0, 50, 100, 0, 150, 200, 255], rows.ToArray());
    }

    [Fact]
    public void A_png_of_another_size_than_its_pixels_is_refused() =>
        Assert.Throws<ArgumentException>(() => PngImage.OfColours(2, 2, new byte[15]));

    [Theory]
    [InlineData(0, 1, "0 0.2 0.4 0.6 0.8 1.0")]
    [InlineData(0, 30, "0 5 10 15 20 25 30")]
    [InlineData(-3, 3, "\u22123 \u22122 \u22121 0 1 2 3")]
    [InlineData(0, 781_024, "0 200k 400k 600k 800k")]
    [InlineData(1_000, 5_000, "1,000 2,000 3,000 4,000 5,000")]
    [InlineData(0.021, 0.0265, "0.021 0.022 0.023 0.024 0.025 0.026 0.027")]
    [InlineData(5, 5, "4.4 4.6 4.8 5.0 5.2 5.4 5.6")]
    public void Ticks_are_round_numbers_around_the_data(double low, double high, string expected)
    {
        var axis = Axis.Around(low, high, 0, 100);
        Assert.Equal(expected, string.Join(' ', axis.Ticks.Select(tick => tick.Label)));
        Assert.Equal((0, 100), (axis.At(axis.Ticks[0].Value), Math.Round(axis.At(axis.Ticks[^1].Value), 6)));
    }

    [Theory]
    [InlineData(0.011, 2.5, "0.01 0.1 1")]
    [InlineData(0.02, 1.1, "0.02 0.05 0.1 0.2 0.5 1")]
    [InlineData(1e-9, 1, "10⁻⁸ 10⁻⁶ 10⁻⁴ 0.01 1")]
    public void Logarithmic_ticks_are_powers_of_ten_and_parts_of_them(double low, double high, string expected) =>
        Assert.Equal(expected, string.Join(' ', Axis.Logarithmic(low, high, 0, 100).Ticks.Select(tick => tick.Label)));

    [Fact]
    public void A_long_curve_keeps_its_peaks()
    {
        var points = Enumerable.Range(1, 100_000).Select(x => ((double)x, x == 77_777 ? 9.0 : 1.0)).ToArray();
        var chart = new LineChart { Title = "t", Unit = "u", Lines = [new ChartLine("line", points, 0)] };

        var path = XElement.Parse(chart.Draw().Inline()).Descendants().Single(element => element.Name.LocalName == "path").Attribute("d")!.Value;

        var heights = path.Split('M', 'L').Skip(1)
            .Select(point => double.Parse(point.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        Assert.InRange(heights.Length, 2, 900);
        Assert.Single(heights, height => height == heights.Min());
        Assert.True(heights.Max() - heights.Min() > 100);
    }

    [Fact]
    public void As_many_runs_as_a_report_has_have_lines_of_their_own() =>
        Assert.Equal(RunReport.MostRuns, Enumerable.Range(0, RunReport.MostRuns).Select(ReportStyle.Line).Distinct().Count());

    [Fact]
    public void A_mark_that_has_no_room_beside_the_legend_goes_below_it()
    {
        var lines = Enumerable.Range(0, 5).Select(i => new ChartLine($"a run of many words {i}", [(1, i), (2, i + 1)], i)).ToArray();
        var chart = new LineChart { Title = "t", Unit = "u", Lines = lines, Mark = (2, 1, 0, "lowest 1, epoch 2") };

        var texts = XElement.Parse(chart.Draw().Inline()).Descendants().Where(element => element.Name.LocalName == "text").ToList();

        Assert.All(texts.Where(text =>
            text.Value.StartsWith("a run", StringComparison.Ordinal) || text.Value.StartsWith("lowest", StringComparison.Ordinal)), text =>
            Assert.InRange((double)text.Attribute("x")! + Svg.TextWidth(text.Value), 0, 560));
        var places = texts.Select(text => ((string?)text.Attribute("x"), (string?)text.Attribute("y"))).ToList();
        Assert.Equal(places.Count, places.Distinct().Count());
    }

    [Fact]
    public void Names_with_marks_of_html_stay_text()
    {
        var chart = new LineChart
        {
            Title = "<b>&\"",
            Unit = "u",
            Lines = [new ChartLine("<script>", [(1, 1), (2, 2)], 0), new ChartLine("b", [(1, 2)], 1)]
        };
        var texts = XElement.Parse(chart.Draw().Inline()).Descendants().Where(element => element.Name.LocalName == "text").Select(text => text.Value);
        Assert.Contains("<b>&\"", texts);
        Assert.Contains("<script>", texts);
    }

    [Fact]
    public void A_confusion_matrix_counts_in_its_cells()
    {
        var drawing = ClassificationPictures.Confusion(new long[,] { { 7, 2 }, { 0, 12_345 } }, ["cat", "dog"], "test");
        string[] texts = [.. XElement.Parse(drawing.Inline()).Descendants().Where(element => element.Name.LocalName == "text")
            .Select(text => text.Value)];
        Assert.Contains("12,345", texts);
        Assert.Contains("77.8 %", texts);
        Assert.DoesNotContain("0", texts);
        Assert.Equal(3, XElement.Parse(drawing.Inline()).Descendants().Count(element => element.Name.LocalName == "title"));
    }

    private static List<(string Kind, byte[] Content)> Chunks(byte[] png)
    {
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10], png[..8]);
        var chunks = new List<(string, byte[])>();
        for (var at = 8; at < png.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at));
            Assert.Equal(Crc(png.AsSpan(at + 4, 4 + length)), BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(at + 8 + length)));
            chunks.Add((Encoding.ASCII.GetString(png, at + 4, 4), png[(at + 8)..(at + 8 + length)]));
            at += 12 + length;
        }

        return chunks;
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var sum = 0xFFFFFFFFu;
        foreach (var part in bytes)
        {
            sum ^= part;
            for (var bit = 0; bit < 8; bit++)
            {
                sum = (sum & 1) != 0 ? (sum >> 1) ^ 0xEDB88320 : sum >> 1;
            }
        }

        return ~sum;
    }
}
