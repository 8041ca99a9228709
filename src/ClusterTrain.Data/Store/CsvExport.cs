using System.Globalization;
using System.Text;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Files;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Store;

/// <summary>Writes the rows of a known data set as CSV, in the form such files are usually handed around.</summary>
public static class CsvExport
{
    /// <summary>
    /// Writes NAME_train.csv and, when there are test rows, NAME_test.csv: each line is the label, then the raw features; there is no
    /// header. Read as CSV with the label in column <c>c0</c> and the same <c>scale</c> they have the fingerprint of the data set itself. With a
    /// header, the label is the name of the class, and a model of the data set predicts and scores the files.
    /// </summary>
    /// <param name="name">Name of the data set, see <see cref="KnownDataSet.All"/>.</param>
    /// <param name="locations">Where its files are looked for.</param>
    /// <param name="folder">Where the CSV files go; it must exist.</param>
    /// <param name="withHeader">True: the first line names the columns, <c>label,f0,f1,...</c>.</param>
    /// <param name="progress">Told of reading, downloading and writing, from any thread; null: nobody is.</param>
    /// <param name="cancellation">Ends the work early; a file not finished is not there.</param>
    /// <returns>The files written.</returns>
    /// <exception cref="DataException">There is no such data set, or it can be had nowhere.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static IReadOnlyList<string> Write(
        string name,
        DataLocations locations,
        string folder,
        bool withHeader = false,
        IProgress<DataProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        var data = new DataStore(locations).Load(name, TaskKind.Classification, progress, cancellation);
        var files = new List<string>();
        foreach (var (part, table) in new[] { ("train", data.Train), ("test", data.Test) })
        {
            if (table is null)
            {
                continue;
            }

            var path = Path.Combine(folder, $"{name}_{part}.csv");
            var header = withHeader ? string.Join(',', [.. data.TargetNames, .. data.Encoding.Features]) : null;
            AtomicFile.Write(path, stream => Write(
                table, header, stream, bytes => progress?.Report(new DataProgress(DataActivity.Writing, path, bytes, null)), cancellation));
            files.Add(path);
        }

        return files;
    }

    private static void Write(SourceTable table, string? header, Stream stream, Action<long> written, CancellationToken cancellation)
    {
        const int RowsPerReport = 1000;
        using var text = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true) { NewLine = "\n" };
        var values = new float[table.Rows.Features];
        if (header is not null)
        {
            text.WriteLine(header);
        }

        for (var row = 0L; row < table.Rows.Rows; row++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (row % RowsPerReport == 0)
            {
                written(stream.Position);
            }

            table.Rows.Read(row, values);

            // Without a header the index, as such files are usually written: it keeps the order of the classes. A model knows the names.
            var label = table.Targets.Label(row);
            text.Write(header is null ? label.ToString(CultureInfo.InvariantCulture) : table.Targets.Classes[label]);
            foreach (var value in values)
            {
                text.Write(',');
                text.Write(value.ToString("R", CultureInfo.InvariantCulture));
            }

            text.WriteLine();
        }
    }
}
