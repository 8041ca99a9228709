using System.Globalization;
using System.Text;

namespace ClusterTrain.Cli.Tests;

/// <summary><c>clustertrain init</c> writes a recipe that trains at once, and says what looks wrong in the file.</summary>
public sealed class InitCommandTests : IDisposable
{
    private readonly RunDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_spreadsheet_becomes_a_recipe_that_trains_to_a_sensible_model()
    {
        var file = _directory.Write("homes.csv", Homes());
        var recipe = _directory["recipes/homes.yaml"];
        Directory.CreateDirectory(_directory["recipes"]);

        var init = CommandRun.Of("init", file, "--target", "price", "--out", recipe);

        Assert.Equal(0, init.ExitCode);
        Assert.Equal([$"{recipe}: a regression of 'price' from 5 of 9 columns, 240 rows", $"next: clustertrain train \"{recipe}\""], init.Lines);
        Assert.Equal(
            [
                "warning: left out: column 'id' numbers the rows.",
                "warning: left out: column 'owner' has 240 different words in 240 rows, a name for nearly each.",
                "warning: left out: column 'country' has only one value, 'uk'.",
            ],
            init.ErrorLines);
        var text = File.ReadAllText(recipe);
        foreach (var line in (string[])
            [
                "    file: \"../homes.csv\"\n", "    features: [city, rooms, age, heating, sold]\n", "    categorical: [city, heating]\n",
                    "  delimiter: semicolon\n", "  decimal: \",\"\n",
                "  missing: [NA]", "    city: category ", "    rooms: { kind: median, indicator: true } ", "    heating: own-code\n",
                    "  task: regression\n", "  target_scale: auto ", "    dates:  ", "      sold: [day, weekday]\n",
                "# Note: left out: column 'id' numbers the rows.\n",
            ])
        {
            Assert.Contains(line, text, StringComparison.Ordinal);
        }

        const string Schema = "# yaml-language-server: $schema=";
        Assert.StartsWith(Schema, text, StringComparison.Ordinal);
        Assert.True(File.Exists(new Uri(text.Split('\n')[0][Schema.Length..]).LocalPath), text.Split('\n')[0]);

        var train = CommandRun.Of("train", recipe, "--out", _directory["run"]);
        Assert.Equal(0, train.ExitCode);
        Assert.Empty(train.ErrorLines);
        var r2 = train.Lines.Single(line => line.StartsWith("test_loss ", StringComparison.Ordinal)).Split("test_r2 ")[1].Split(' ')[0];
        Assert.InRange(double.Parse(r2, CultureInfo.InvariantCulture), 0.75, 1);
        Assert.Equal(241, CommandRun.Of("predict", _directory["run"], file).Lines.Length);
    }

    [Fact]
    public void A_first_line_that_may_be_a_header_and_classes_of_numbers_and_words_are_told()
    {
        string[] kinds = ["0", "1", "2", "other"];
        var rows = Enumerable.Range(0, 40).Select(i => $"{(i % 2 == 0 ? "red" : "blue")},{kinds[i % 4]}");
        var file = _directory.Write("d.csv", $"colour,kind\n{string.Join('\n', rows)}\n");

        var byPlace = CommandRun.Of("init", file, "--target", "c0", "--out", _directory["place.yaml"]);
        var byName = CommandRun.Of("init", file, "--target", "kind", "--out", _directory["name.yaml"]);

        Assert.Contains(
            "warning: line 1 may be a header: none of its cells, such as 'colour', appears again below. If it is one, name the target by its name "
                + "there.",
            byPlace.ErrorLines);
        Assert.Equal(
            "warning: the target has numbers and words, such as 'other' in line 5; all of them are taken for classes. Where the numbers are quantities, "
                + "remove the rows that contain words.",
            Assert.Single(byName.ErrorLines));
    }

    [Fact]
    public void Words_and_few_whole_numbers_are_classes()
    {
        var rows = Enumerable.Range(0, 60).Select(i => $"{i * 37 % 60},{(i * 37 % 60 < 20 ? "low" : i == 1 ? "odd" : "high")}");
        var file = _directory.Write("d.csv", $"x,y\n{string.Join('\n', rows)}\n");

        var init = CommandRun.Of("init", file, "--target", "y", "--out", _directory["d.yaml"]);

        Assert.Equal(0, init.ExitCode);
        Assert.Equal($"{_directory["d.yaml"]}: a classification of 'y' into 3 classes from 1 of 2 columns, 60 rows", init.Lines[0]);
        Assert.Contains(init.ErrorLines, line =>
            line == "warning: fewer than 5 rows have the class 'odd': a split may have none of it. Add such rows, or join classes.");
        Assert.Contains(init.ErrorLines, line => line.StartsWith("warning: the classes are uneven: 'high' has ", StringComparison.Ordinal));
        var train = CommandRun.Of("train", _directory["d.yaml"], "--out", _directory["run"]);
        Assert.Equal(0, train.ExitCode);

        var numbers = _directory.Write("n.csv", $"x,y\n{string.Join('\n', Enumerable.Range(0, 60).Select(i => $"{i * 37 % 60},{i % 3}"))}\n");
        init = CommandRun.Of("init", numbers, "--target", "y", "--out", _directory["n.yaml"]);
        Assert.Contains(init.ErrorLines, line =>
            line.StartsWith("warning: the target has 3 different whole numbers, which are taken for classes.", StringComparison.Ordinal));
    }

    [Fact]
    public void A_file_without_a_header_names_its_target_by_place()
    {
        var file = _directory.Write("d.data",
            string.Concat(Enumerable.Range(0, 40).Select(i => $"{i * 7 % 40}|{(i % 2 == 0 ? "u" : "v")}|{(i * 7 % 40 < 20 ? "a" : "b")}\n")));

        Assert.Equal(0, CommandRun.Of("init", file, "--target", "c2", "--out", _directory["d.yaml"]).ExitCode);

        var text = File.ReadAllText(_directory["d.yaml"]);
        Assert.Contains("    header: false ", text, StringComparison.Ordinal);
        Assert.Contains("    target: c2\n    features: [c0, c1]\n    categorical: [c1]\n  delimiter: pipe\n", text, StringComparison.Ordinal);
        Assert.Equal(0, CommandRun.Of("train", _directory["d.yaml"], "--set", "epochs=1", "--out", _directory["run"]).ExitCode);
    }

    [Theory]
    [InlineData("2/{0}/2026", "      d: { format: mm/dd/yyyy, parts: [day, weekday] }\n", null)]
    [InlineData("{0}/2/2026 08:00", "      d: { format: dd/mm/yyyy, parts: [day, weekday] }\n", null)]
    [InlineData("3.{1}.2026", "      d: { format: dd.mm.yyyy, parts: [month, weekday] }\n", null)]
    [InlineData("3/{1}/2026", null, "warning: left out: column 'd' holds dates, and whether the day or the month comes first cannot be told; if it "
        + "matters, name it under dates with the format dd/mm/yyyy or mm/dd/yyyy.")]
    public void The_format_of_dates_is_told_from_all_cells(string date, string? line, string? warning)
    {
        var rows = string.Concat(Enumerable.Range(0, 40).Select(i =>
            $"{i * 7 % 40},{string.Format(CultureInfo.InvariantCulture, date, (i % 28) + 1, (i % 12) + 1)},{(i * 7 % 40 < 20 ? "a" : "b")}\n"));
        var file = _directory.Write("d.csv", $"x,d,y\n{rows}");

        var init = CommandRun.Of("init", file, "--target", "y", "--out", _directory["d.yaml"]);

        Assert.Equal(0, init.ExitCode);
        Assert.Equal(warning is null ? [] : [warning], init.ErrorLines);
        if (line is not null)
        {
            Assert.Contains(line, File.ReadAllText(_directory["d.yaml"]), StringComparison.Ordinal);
        }

        Assert.Equal(0, CommandRun.Of("train", _directory["d.yaml"], "--set", "epochs=1", "--out", _directory["run"]).ExitCode);
    }

    [Fact]
    public void A_recipe_that_is_there_stays_as_it_is()
    {
        var file = _directory.Write("d.csv", "x,y\n1,a\n2,b\n");
        var recipe = _directory.Write("d.yaml", "mine");

        var init = CommandRun.Of("init", file, "--target", "y", "--out", recipe);

        Assert.Equal(2, init.ExitCode);
        Assert.Equal($"error: {recipe}: already exists and was not changed. Name another file with --out, or delete it first.",
            Assert.Single(init.ErrorLines));
        Assert.Equal("mine", File.ReadAllText(recipe));
    }

    [Theory]
    [InlineData("x,y\n1,a\n2,b\n", "z", "line 1: there is no column 'z'. The columns are x, y.")]
    [InlineData("price,y\n1,a\n2,b\n", "prize", "line 1: there is no column 'prize'. Did you mean 'price'?")]
    [InlineData("1,a\n2,b\n", "y",
        "line 1 has '1', a number, so that it names no columns. Write a first line of names, or name the target by its place, c0 to c1.")]
    [InlineData("x,y\n1,a\n2,\n3,\n", "y",
        "line 3, column 'y', the target, is empty and so are 1 more. Targets are never filled in: leave these rows out.")]
    [InlineData("x,y\n1,2.5\n2,NA\n", "y", "line 3, column 'y', the target, is 'NA'. Targets are never filled in: leave these rows out.")]
    [InlineData("x,y\n1,a\n2,a\n", "y", "column 'y', the target, is 'a' in all rows. Name another target, or add rows of another kind.")]
    [InlineData("x,y\n1,a\n2\n", "y", "line 3 has 1 cells where there are 2 columns. Correct the line; a cell that holds a comma needs quotes.")]
    [InlineData("x,y\n1,a\n2,\"b\n", "y", "line 3: the quote that opens a cell is never closed.")]
    [InlineData("x,y\n1,a\n1e39,b\n2.5,a\n", "y", "line 3, column 'x' is '1e39', not a finite 32-bit number. Correct it or leave the row out.")]
    [InlineData("x;z;y\n1,5;1.5;a\n2;2.5;b\n", "y",
        "decimals stand after a comma in line 2, column 'x' ('1,5'), and after a point in line 2, column 'z' ('1.5'). "
            + "Write all numbers the same way.")]
    [InlineData("x,y\n\"1,500\",a\n200,b\n", "y", "line 2, column 'x' is '1,500': whether the comma stands before decimals or between thousands "
        + "cannot be told. Write numbers without commas, or say --decimal comma.")]
    [InlineData("x,y\n,a\n,b\n", "y",
        "no column but the target can be a feature: 'x' is empty. Add columns of numbers, or of words that come again.")]
    [InlineData("x,y\n", "y", "a header but no rows. Name a file of at least one row.")]
    [InlineData("age,kind\n1,a\n2,b\n3,a\n", "c1",
        "line 1 has 'age' above a column of numbers, so it is a header. Name the target by its name there, 'kind'.")]
    [InlineData("red,yes\nblue,no\nred,no\nblue,yes\n", "yes",
        "line 1 is a row like the others: each of its words, such as 'red', appears again further down the same column. Name the target by its "
            + "place, c1, or write a first line of names that do not occur as values.")]
    [InlineData("age,kind\n1,a\n2,b\nage,kind\n3,a\n", "kind", "line 4 repeats the header. Remove that line.")]
    [InlineData("x,y\n1,1\n2,2\n3,1\n4,2\n5,1\n6,2\n7,1\n8,2\n9,1\n1,n/k\n", "y",
        "line 11, column 'y', the target, is 'n/k', and nearly all others are numbers. Correct it, or remove the rows without a number.")]
    public void A_file_that_cannot_be_trained_with_is_refused_and_no_recipe_is_written(string content, string target, string message)
    {
        var file = _directory.Write("d.csv", content);

        var init = CommandRun.Of("init", file, "--target", target, "--out", _directory["d.yaml"]);

        Assert.Equal(2, init.ExitCode);
        Assert.StartsWith($"error: {file}: {message}", Assert.Single(init.ErrorLines), StringComparison.Ordinal);
        Assert.False(File.Exists(_directory["d.yaml"]));
    }

    [Fact]
    public void What_is_no_table_is_told_by_what_it_is()
    {
        var recipe = _directory.Write("r.yaml", "data: { set: digits }\nlayers: []\n");
        AssertSays($"error: {recipe}: is already a recipe; train it: clustertrain train {recipe}. For another one, name a file of rows.", recipe);
        AssertSays($"error: {_directory["none.csv"]}: there is no such file; check the path.", _directory["none.csv"]);
        AssertSays($"error: {_directory.Folder}: is a folder; name a file of rows in it.", _directory.Folder);
        var book = _directory.Write("book.xlsx", "PK\u0003\u0004..[Content_Types].xml");
        AssertSays($"error: {book}: is an Excel workbook; save the sheet as CSV. Rows are read from CSV and IDX files, plain or gzip, and from "
            + "Parquet files.", book);

        void AssertSays(string message, string file)
        {
            var init = CommandRun.Of("init", file, "--target", "y", "--out", _directory["new.yaml"]);
            Assert.Equal((2, message), (init.ExitCode, Assert.Single(init.ErrorLines)));
        }
    }

    [Theory]
    [InlineData("houses-*.csv", "houses.yaml", "    file: \"houses-*.csv\"\n")]
    [InlineData("houses-1.csv houses-2.csv", "houses-1.yaml", "    files: [houses-1.csv, houses-2.csv]\n")]
    public void Several_files_are_one_table(string files, string name, string line)
    {
        var rows = Enumerable.Range(0, 40).Select(i => (X: i * 7 % 11, Y: i * 7 % 11 * 2.5, Word: i % 3 == 0 ? "a" : "b")).ToList();
        _directory.Write("houses-1.csv", Table("x,word,y", rows.Take(20).Select(row => $"{row.X},{row.Word},{row.Y}")));
        _directory.Write("houses-2.csv", Table("y;word;x", rows.Skip(20).Select(row => $"{row.Y};{row.Word};{row.X}")));
        _directory.Write("whole.csv", Table("x,word,y", rows.Select(row => $"{row.X},{row.Word},{row.Y}")));

        var init = CommandRun.Of(["init", .. files.Split(' ').Select(file => _directory[file]), "--target", "y", "--out", _directory[name]]);
        var whole = CommandRun.Of("init", _directory["whole.csv"], "--target", "y", "--out", _directory["whole.yaml"]);

        Assert.Equal((0, 0, ""), (init.ExitCode, whole.ExitCode, init.Error));
        Assert.Contains("2 of 3 columns, 40 rows", init.Lines[0], StringComparison.Ordinal);
        Assert.Contains(line, File.ReadAllText(_directory[name]), StringComparison.Ordinal);
        var runs = new[] { name, "whole.yaml" }.Select(recipe =>
            CommandRun.Of("train", _directory[recipe], "--set", "name=r", "--set", "epochs=3", "--out", _directory[$"run {recipe}"])).ToList();
        Assert.All(runs, run => Assert.Equal(0, run.ExitCode));
        Assert.Equal(runs[1].LastLine, runs[0].LastLine);
    }

    [Fact]
    public void What_several_files_do_not_have_in_common_is_told_with_the_file()
    {
        var first = _directory.Write("a1.csv", "x,y\n1,2\n");
        var other = _directory.Write("a2.csv", "z,y\n1,2\n");
        var gap = _directory.Write("a3.csv", "x,y\n1,\n");
        AssertSays(
            $"error: {other}: line 1: other columns than in {first}: z, y where that has x, y. Give all files of a table the same columns.",
            first, other);
        AssertSays(
            $"error: {first} and 1 more: line 2 of {gap}, column 'y', the target, is empty. Targets are never filled in: leave these rows out.",
            first, gap);
        AssertSays($"error: {first}: is named twice; name each file once.", first, first);
        AssertSays($"error: {_directory["b*.csv"]}: no file matches; check the path.", _directory["b*.csv"]);

        void AssertSays(string message, params string[] files)
        {
            var init = CommandRun.Of(["init", .. files, "--target", "y", "--out", _directory["new.yaml"]]);
            Assert.Equal((2, message), (init.ExitCode, Assert.Single(init.ErrorLines)));
            Assert.False(File.Exists(_directory["new.yaml"]));
        }
    }

    // What looks like a number or a date and is none as a program reads it: left out with the remedy, or a warning where it may be meant.
    [Theory]
    [InlineData("1.DAY.2024;2024-01-DAY",
        "left out: column 'c' holds dates, and line 2 is '1.1.2024', not one such as yyyy-mm-dd; write all of them in "
        + "one way.")]
    [InlineData("DAY.1.24",
        "left out: column 'c' holds dates or times in a form that is not read, such as '1.1.24' in line 2; write them as 2024-01-31, "
        + "a time of day such as 10:05 after it.")]
    [InlineData("DAY Jan 2024", "in a form that is not read, such as '1 Jan 2024' in line 2;")]
    [InlineData("2024-01-DAYT10:00:00+02:00", "in a form that is not read, such as '2024-01-1T10:00:00+02:00' in line 2;")]
    [InlineData("10:DAY PM", null)]
    [InlineData("$DAY0", "left out: column 'c' holds numbers mixed with other characters, such as '$10' in line 2; write them as 1234.5.")]
    [InlineData("DAY %", "such as '1 %' in line 2; write them as 1234.5.")]
    [InlineData("1'000DAY", null)]
    [InlineData("1 000.DAY", "such as '1 000.1' in line 2; write them as 1234.5.")]
    [InlineData("202401DD;202402DD", "column 'c' may hold dates, which are read as numbers here. Where it does, write them as 2024-01-31.")]
    [InlineData("12345678901234DD",
        "left out: column 'c' has numbers of 16 digits and more, such as 1234567890123401, one for nearly each row: names, "
        + "not quantities.")]
    [InlineData("Word;word;other",
        "column 'c': 'Word', 'word' differ only in case or spaces, and are different words. Write them the same way if "
        + "they mean the same.")]
    [InlineData("10 %;20 %",
        "column 'c' holds numbers mixed with other characters, such as '10 %' in line 2; write them as 1234.5. They are taken for "
        + "words here.")]
    public void What_only_looks_like_a_number_or_a_date_is_told(string cells, string? warning)
    {
        var forms = cells.Split(';');
        var rows = Enumerable.Range(0, 28).Select(i => $"{i * 5 % 13},{forms[i % forms.Length].Replace("DAY", $"{i + 1}", StringComparison.Ordinal)
            .Replace("DD", $"{i + 1:00}", StringComparison.Ordinal)},{(i % 2 == 0 ? "yes" : "no")}");
        var file = _directory.Write("d.csv", Table("x,c,y", rows));

        var init = CommandRun.Of("init", file, "--target", "y", "--out", _directory["d.yaml"]);

        Assert.Equal(0, init.ExitCode);
        if (warning is null)
        {
            Assert.StartsWith("warning: left out: column 'c' ", Assert.Single(init.ErrorLines), StringComparison.Ordinal);
        }
        else
        {
            Assert.Contains(warning, Assert.Single(init.ErrorLines), StringComparison.Ordinal);
        }

        Assert.Equal(0, CommandRun.Of("train", _directory["d.yaml"], "--set", "epochs=1", "--out", _directory["run"]).ExitCode);
    }

    [Theory]
    [InlineData("y\n1\n2\n", "the target is the only column. Name a file that has features too.")]
    [InlineData("x,y\n1,2024-01-31\n2,2024-02-01\n", "column 'y', the target, holds dates, and what is predicted is a number or a class.")]
    [InlineData("x,y\n1,Jan 31 2024\n2,Feb 1 2024\n", "column 'y', the target, holds dates,")]
    public void A_target_that_cannot_be_predicted_is_refused(string content, string message)
    {
        var file = _directory.Write("d.csv", content);
        var init = CommandRun.Of("init", file, "--target", "y", "--out", _directory["d.yaml"]);
        Assert.Equal(2, init.ExitCode);
        Assert.StartsWith($"error: {file}: {message}", Assert.Single(init.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void Points_between_thousands_and_classes_with_decimals_are_told()
    {
        var rows = Enumerable.Range(0, 30).Select(i => $"{i * 5 % 13};{1 + (i % 5)}.{i * 7 % 9}00;{i % 2}.0");
        var file = _directory.Write("d.csv", Table("x;area;y", rows));

        var init = CommandRun.Of("init", file, "--target", "y", "--out", _directory["d.yaml"]);

        Assert.Equal(
            [
                "warning: the target has 2 different numbers, all of them whole though written with decimals, which are taken for quantities. Where "
                    + "they are classes, write them without decimals.",
                "warning: column 'area': the points may stand between thousands; they are read as standing before decimals. Where they do not, write "
                    + "the numbers without them.",
            ],
            init.ErrorLines);
    }

    [Fact]
    public void Columns_that_cannot_be_named_and_cells_that_are_no_numbers_are_told()
    {
        var rows = string.Concat(Enumerable.Range(0, 40)
            .Select(i => $"{i % 7},{i % 5},{i % 3},{(i == 20 ? "1O" : $"{i % 9}.5")},{(i % 2 == 0 ? "a" : "b\nc")}\n".Replace("b\nc", "\"b\nc\"",
                StringComparison.Ordinal)));
        var file = _directory.Write("d.csv", $"x,,x,z,y\n{rows}");
        var other = _directory.Write("e.csv", $"w,,x,z,y\n{rows}");

        var init = CommandRun.Of("init", file, "--target", "y", "--out", _directory["d.yaml"]);
        Assert.Equal(2, init.ExitCode);
        Assert.Contains("no column but the target can be a feature: 'x' is the name of several columns; '' has no name;", init.Error,
            StringComparison.Ordinal);
        init = CommandRun.Of("init", other, "--target", "y", "--out", _directory["e.yaml"]);

        Assert.Equal(0, init.ExitCode);
        Assert.Equal(
            [
                "warning: left out: column '' has no name.",
                "warning: left out: column 'z' has a cell that is no number, line 32, '1O'; correct it, or name it in data.missing.",
            ],
            init.ErrorLines);
        Assert.Equal(0, CommandRun.Of("train", _directory["e.yaml"], "--set", "epochs=1", "--out", _directory["run"]).ExitCode);
    }

    [Fact]
    public void Delimiter_and_decimals_may_be_said()
    {
        var file = _directory.Write("d.csv", "x:y\n"
            + string.Concat(Enumerable.Range(0, 30).Select(i => $"{i % 10},500:{(i % 10 < 5 ? "a" : "b")}\n")));

        Assert.Equal(0, CommandRun.Of("init", file, "--target", "y", "--delimiter", ":", "--decimal", "comma", "--out",
            _directory["d.yaml"]).ExitCode);

        Assert.Contains("  delimiter: \":\"\n  decimal: \",\"\n", File.ReadAllText(_directory["d.yaml"]), StringComparison.Ordinal);
        var refused = CommandRun.Of("init", file, "--target", "y", "--delimiter", "colon", "--out", _directory["e.yaml"]);
        Assert.Equal((2, "error: --delimiter is 'colon'; allowed: comma, semicolon, tab, pipe, space, or one other character in quotes such as "
            + "\":\"."), (refused.ExitCode, refused.ErrorLines[0]));
    }

    [Theory]
    [InlineData(20, "a regression of 'y'")]
    [InlineData(15, "a regression of 'y'")]
    [InlineData(8, "a classification of 'y' into 8 classes")]
    public void A_whole_number_for_each_of_a_few_rows_is_a_quantity(int rows, string kind)
    {
        var file = _directory.Write("d.csv", Table("x,y", Enumerable.Range(0, rows).Select(i => $"{i * 5 % 13},{i * 3}")));
        var init = CommandRun.Of("init", file, "--target", "y", "--out", _directory["d.yaml"]);
        Assert.Equal(0, init.ExitCode);
        Assert.Contains(kind, init.Lines[0], StringComparison.Ordinal);
    }

    private static string Table(string names, IEnumerable<string> rows) => $"{names}\n{string.Join('\n', rows)}\n";

    private static string Homes()
    {
        var comma = new NumberFormatInfo { NumberDecimalSeparator = "," };
        var rows = new StringBuilder("id;owner;city;rooms;age;heating;sold;country;price\n");
        for (var i = 0; i < 240; i++)
        {
            var (rooms, age) = ((i * 7 % 11 % 6) + 1, i * 53 % 200 * 0.4);
            var city = i % 3 == 0 ? "york" : "bath";
            var price = 1000 * (60 + (40 * rooms) - (0.5 * age) + (city == "bath" ? 30 : 0));
            rows.Append(i + 100).Append(";owner ").Append(i).Append(';').Append(i % 17 == 3 ? "" : city).Append(';')
                .Append(i % 19 == 5 ? "NA" : rooms)
                .Append(';').Append(age.ToString("F2", comma)).Append(';').Append(i % 5 == 0 ? "none" : "gas").Append(";2026-01-")
                .Append((i % 28) + 1).Append(";uk;").Append(price.ToString("F1", comma)).Append('\n');
        }

        return rows.ToString();
    }
}
