using System.Globalization;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;

namespace ClusterTrain.Data.Tests;

/// <summary>ONNX Runtime takes the cells of a file as they are, and prepares them to the same bits.</summary>
public sealed class OnnxColumnsTests
{
    private const string Rows = """
        id,rooms,age,city,sold,when,garden,y
        1,3,10.5,york,2024-02-29,2024-02-29 10:05,yes,a
        2,,30,,2023-12-31,2023-12-31T23:59:59Z,no,b
        3,4,NA,bath,,2025-01-01,,a
        4,4,20.125,bath,2000-3-1,,Yes,b
        5,7,NA,york,1999-01-01,1970-01-01 00:00:30.5,NO,a
        6,1,1e3,leeds,2026-11-29,2026-11-29T07:30,True,c
        """;

    private const string Columns =
        "categorical: [city], dates: { sold: [year, month, day, weekday, days], when: [hour, days] }, booleans: [garden], exclude: [id]";
    private const string Filled = "missing: [NA], impute: { rooms: mean, age: { kind: median, indicator: true }, sold: { kind: median, indicator: "
        + "true }, when: { kind: constant, value: 2020-02-29 }, garden: { kind: constant, value: true } , city: category }";

    [Theory]
    [InlineData("")]
    [InlineData(", standardise: true")]
    [InlineData(", scaling: min-max")]
    [InlineData(", scaling: robust")]
    [InlineData(", unseen: { city: own-code }, scale: 0.25")]
    [InlineData(", unseen: { city: most-frequent }, standardise: true, validation: 2")]
    public void All_kinds_of_columns_are_prepared_to_the_same_bits(string keys)
    {
        using var folder = new TempFolder();
        Compare(folder, Rows, Rows, Columns, Filled + keys);
    }

    [Theory]
    [InlineData("most-frequent")]
    [InlineData("{ kind: constant, value: york }")]
    [InlineData("{ kind: constant, value: else where, indicator: true }")]
    public void Missing_categories_are_filled(string policy)
    {
        using var folder = new TempFolder();
        Compare(folder, Rows, Rows, "categorical: [city], features: [city]", $"impute: {{ city: {policy} }}");
    }

    [Theory]
    [InlineData("own-code")]
    [InlineData("most-frequent")]
    public void Unseen_categories_become_what_the_recipe_says(string policy)
    {
        using var folder = new TempFolder();
        Compare(folder, "w,y\nu,a\nv,b\nv,a\n", "w,y\nq,a\nu,a\nv,b\n", "categorical: [w]", $"unseen: {{ w: {policy} }}");
        Compare(folder, "w,y\nu,a\nv,b\nv,a\n", "w,y\nq,a\n,a\nNA,b\n", "categorical: [w]",
            $"missing: [NA], impute: {{ w: category }}, unseen: {{ w: {policy} }}");
    }

    [Theory]
    [InlineData("dd.mm.yyyy", "31.12.2025", "1.2.2024 07:15", "29.02.2000")]
    [InlineData("mm/dd/yyyy", "12/31/2025", "1/2/2024T17:15", "02/29/2000")]
    [InlineData("yyyy/mm/dd", "2025/12/31", "2024/1/2 23:15:59", "1900/03/01")]
    public void Dates_are_read_in_the_recipes_format(string format, string first, string second, string third)
    {
        using var folder = new TempFolder();
        var rows = $"d,y\n{first},a\n{second},b\n{third},a\n";
        Compare(folder, rows, rows, $"dates: {{ d: {{ format: {format}, parts: [year, month, day, weekday, hour, days] }} }}", "standardise: true");
    }

    [Fact]
    public void Every_day_has_the_weekday_and_the_number_of_the_calendar()
    {
        using var folder = new TempFolder();
        var days = Enumerable.Range(0, 400).Select(i => new DateOnly(1583, 1, 1).AddDays(i * 449))
            .Select(day => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
        var rows = "d,y\n" + string.Concat(days.Select((day, i) => $"{day},{(i % 2 == 0 ? "a" : "b")}\n"));
        Compare(folder, rows, rows, "dates: { d: [weekday, days, year, month, day] }", "standardise: true");
    }

    [Theory]
    [InlineData("yyyy-mm-dd", "{0:0000}-{1}-{2:00}")]
    [InlineData("dd.mm.yyyy", "{2}.{1:00}.{0:0000}")]
    [InlineData("mm/dd/yyyy", "{1:00}/{2:00}/{0:0000}")]
    public void A_day_that_is_in_no_calendar_has_no_numbers(string format, string written)
    {
        using var folder = new TempFolder();
        var (first, second) = (Written(2024, 1, 1), Written(2024, 1, 3));
        var (model, _) = Train(folder, $"d,y\n{first},a\n{second},b\n", $"dates: {{ d: {{ format: {format}, parts: [day, days] }} }}",
            "scaling: none");
        int[] years = [0, 1, 1900, 2000, 2023, 2024, 2100];
        var days = (from year in years from month in Enumerable.Range(0, 14) from day in Enumerable.Range(0, 33) select (year, month, day)).ToList();

        var found = Run(folder, model, $"d\n{string.Join('\n', days.Select(day => Written(day.year, day.month, day.day)))}\n");

        foreach (var (index, (year, month, day)) in days.Index())
        {
            var isDay = year > 0 && month is > 0 and <= 12 && day > 0 && day <= DateTime.DaysInMonth(year, month);
            Assert.True(isDay == float.IsFinite(found.Outputs[2 * index]), Written(year, month, day));
            Assert.Equal(isDay, found.Labels[index].Length > 0);
        }

        string Written(int year, int month, int day) => string.Format(CultureInfo.InvariantCulture, written, year, month, day);
    }

    [Fact]
    public void Ratios_products_and_large_numbers_keep_their_bits()
    {
        using var folder = new TempFolder();
        const string Large = "a,b,t,y\n1,3,1700000001,a\n3.1,,1700000002,b\n,4.7,1700000005,a\n1e-3,7,1700000003,b\n";
        Compare(folder, Large, Large, "derive: [{ name: r, ratio: [a, b] }, { name: p, cross: [a, a] }], features: [p, t, r, a]",
            "standardise: true, impute: { a: mean, b: median }");
    }

    [Theory]
    [InlineData("x,w,d,t\n,u,2024-01-01,yes\n1,u,2024-01-01,yes\n")]
    [InlineData("x,w,d,t\n1,,2024-01-01,yes\n1,u,2024-01-01,yes\n")]
    [InlineData("x,w,d,t\n1,q,2024-01-01,yes\n1,u,2024-01-01,yes\n")]
    [InlineData("x,w,d,t\n1,u,,yes\n1,u,2024-01-01,yes\n")]
    [InlineData("x,w,d,t\n1,u,yesterday,yes\n1,u,2024-01-01,yes\n")]
    [InlineData("x,w,d,t\n1,u,2023-02-29,yes\n1,u,2024-01-01,yes\n")]
    [InlineData("x,w,d,t\n1,u,2024-02-28 24:00,yes\n1,u,2024-01-01,yes\n")]
    [InlineData("x,w,d,t\n1,u,0000-01-01,yes\n1,u,2024-01-01,yes\n")]
    [InlineData("x,w,d,t\n1,u,2024-01-01,maybe\n1,u,2024-01-01,yes\n")]
    public void A_row_that_predict_refuses_has_no_numbers(string rows)
    {
        using var folder = new TempFolder();
        var (model, _) = Train(folder, "x,w,d,t,y\n1,u,2024-01-01,yes,a\n2,v,2024-01-03,no,b\n", "categorical: [w], dates: [d], booleans: [t]",
            "standardise: true");
        var file = folder.Write("new.csv", rows);
        Assert.Throws<DataException>(() => model.ReadFeatures(file));

        var found = Run(folder, model, rows);

        Assert.All(found.Outputs[..2], output => Assert.True(float.IsNaN(output)));
        Assert.All(found.Outputs[2..], output => Assert.True(float.IsFinite(output)));
        Assert.Equal("", found.Labels[0]);
        Assert.Contains(found.Labels[1], model.Classes);
    }

    private static void Compare(TempFolder folder, string training, string rows, string csv, string keys)
    {
        var (model, _) = Train(folder, training, csv, keys);
        var data = model.ReadFeatures(folder.Write("new.csv", rows)).Rows;
        var count = (int)data.Rows;
        var (prepared, expected) = (new float[count * data.Features], new float[count * model.Layout.Outputs]);
        data.Gather(0, count, prepared, new float[count * data.Outputs]);
        using var pool = new ComputePool(1);
        using var network = new Network(model.Layout, model.Recipe.Loss, Kernels.Active, pool);
        network.Predict(model.Weights.Span, prepared, count, expected);

        var found = Run(folder, model, rows);

        Assert.Equal(prepared, found.Prepared);
        Assert.InRange(OnnxFileTests.LargestDifference(expected, found.Outputs), 0, 2e-6);
        Assert.Equal(expected.Chunk(model.Layout.Outputs).Select(row => model.Classes[EvaluationSums.ClassOf(row)]), found.Labels);
    }

    // The cells as they are: text, or for a column of numbers a double, NaN where it is missing.
    private static OnnxRuntime Run(TempFolder folder, Model model, string rows)
    {
        var cells = rows.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd('\r').Split(',')).ToList();
        var path = Path.Combine(folder.Path, "m.onnx");
        OnnxFile.Write(model, path);
        var encoding = model.Encoding;
        var inputs = encoding.Columns.ToDictionary(column => column, column =>
        {
            var words = cells[1..].Select(row => row[Array.IndexOf(cells[0], column)]).ToArray();
            var isText = encoding.Category(column) is not null || encoding.Date(column) is not null || encoding.IsBoolean(column);
            return isText ? (Array)words : words.Select(word => word is "" or "NA" ? double.NaN : double.Parse(word, CultureInfo.InvariantCulture))
                .ToArray();
        });
        return OnnxRuntime.Run(path, inputs, cells.Count - 1, $"{OnnxFile.Prefix(model)}{OnnxGraph.PreparedName}");
    }

    private static (Model Model, PreparedData Data) Train(TempFolder folder, string content, string csv, string keys)
    {
        folder.Write("rows.csv", content);
        var classes = content.Contains(",c", StringComparison.Ordinal) ? 3 : 2;
        var recipe = RecipeTexts.Parse($$"""
            data: { csv: { file: rows.csv, target: y, {{csv}} }, {{keys}} }
            layers: [{ units: 4, activation: tanh }, { units: {{classes}}, activation: softmax }]
            loss: categorical-cross-entropy
            """);
        var data = DataPreparation.Prepare(recipe, folder.Locations);
        var layout = new NetworkLayout(data.Train.Features, recipe.Layers);
        return (new Model(recipe, layout, TestNetworks.Start(layout), data), data);
    }
}
