using System.Collections.Immutable;
using System.Globalization;
using ClusterTrain.Data.Common;
using Parquet;
using Parquet.Schema;

namespace ClusterTrain.Data.Files;

/// <summary>
/// The rows of a Parquet file, a row group at a time, and of that only the columns that are asked for. Values become the cells that a CSV file would
/// have, so that both are read alike: a null is the empty cell, a date is <c>yyyy-mm-dd</c>.
/// </summary>
internal sealed class ParquetRows : TableRows, IDisposable
{
    private readonly DataFile _file;
    private readonly ParquetReader _reader;
    private readonly NumberFormatInfo _numbers;
    private readonly ImmutableArray<DataField> _fields;
    private readonly ImmutableArray<string> _others;
    private readonly Func<int, string>?[] _columns;
    private ParquetRowGroupReader? _group;
    private int _nextGroup;
    private int _row;

    private ParquetRows(DataFile file, ParquetReader reader, char decimalPoint)
        : base(file.Name)
    {
        (_file, _reader) = (file, reader);
        _numbers = new NumberFormatInfo { NumberDecimalSeparator = decimalPoint.ToString() };
        _fields = [.. reader.Schema.Fields.OfType<DataField>().Where(field => !field.IsArray)];
        _others = [.. reader.Schema.Fields.Except(_fields).Select(field => field.Name)];
        _columns = new Func<int, string>?[_fields.Length];
    }

    public override string Unit => "row";

    public override string Place => Line == 0 ? "the columns' names" : base.Place;

    public override int Count => _fields.Length;

    public override IEnumerable<string> Warnings => _others.IsEmpty
        ? []
        : [$"{File}: {NearestColumn.Quoted(_others)}: lists and groups of values are not read. Write a column for each value that matters."];

    public override string this[int column] => Line == 0 ? _fields[column].Name : (_columns[column] ??= Column(_fields[column]))(_row);

    /// <summary>Opens a file at the names of its columns.</summary>
    /// <param name="file">The file.</param>
    /// <param name="decimalPoint">What stands before decimals in the cells.</param>
    /// <exception cref="DataException">It is no such file.</exception>
    public static ParquetRows Open(DataFile file, char decimalPoint)
    {
        var reader = Explained(file, () => ParquetReader.CreateAsync(file.Content, leaveStreamOpen: true));
        var rows = new ParquetRows(file, reader, decimalPoint);
        if (rows._fields.IsEmpty)
        {
            throw new DataException($"{file.Name}: has no column of single values. Name a file that has some.");
        }

        return rows._fields.Length <= DataLimits.Columns
            ? rows
            : throw new DataException($"{file.Name}: {rows._fields.Length} columns; at most {DataLimits.Columns} are read.");
    }

    public override string[] Cells() => [.. Enumerable.Range(0, Count).Select(column => this[column])];

    public override bool Read()
    {
        Line++;
        _row++;
        while (_group is null || _row >= _group.RowCount)
        {
            if (_nextGroup == _reader.RowGroupCount)
            {
                return false;
            }

            _group?.Dispose();
            _group = Explained(_file, () => Task.FromResult(_reader.OpenRowGroupReader(_nextGroup++)));
            if (_group.RowCount > Array.MaxLength)
            {
                throw new DataException($"{File}: {_group.RowCount} rows in one group; at most {Array.MaxLength} are read. Write smaller groups.");
            }

            Array.Clear(_columns);
            _row = 0;
        }

        return true;
    }

    public void Dispose()
    {
        _group?.Dispose();
        _reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    // The cells of a column in the present row group.
    private Func<int, string> Column(DataField field) => Type.GetTypeCode(field.ClrType) switch
    {
        TypeCode.Boolean => Values<bool>(field, value => value ? "true" : "false"),
        TypeCode.SByte => Values<sbyte>(field, value => value.ToString(_numbers)),
        TypeCode.Byte => Values<byte>(field, value => value.ToString(_numbers)),
        TypeCode.Int16 => Values<short>(field, value => value.ToString(_numbers)),
        TypeCode.UInt16 => Values<ushort>(field, value => value.ToString(_numbers)),
        TypeCode.Int32 => Values<int>(field, value => value.ToString(_numbers)),
        TypeCode.UInt32 => Values<uint>(field, value => value.ToString(_numbers)),
        TypeCode.Int64 => Values<long>(field, value => value.ToString(_numbers)),
        TypeCode.UInt64 => Values<ulong>(field, value => value.ToString(_numbers)),
        TypeCode.Single => Values<float>(field, value => value.ToString("R", _numbers)),
        TypeCode.Double => Values<double>(field, value => value.ToString("R", _numbers)),
        TypeCode.Decimal => Values<decimal>(field, value => value.ToString(_numbers)),
        TypeCode.DateTime => Values<DateTime>(field, Date),
        _ when field.ClrType == typeof(ReadOnlyMemory<char>) || field.ClrType == typeof(string) => Words(field),
        _ when field.ClrType == typeof(DateOnly) => Values<DateOnly>(field, value => value.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
        _ when field.ClrType == typeof(Guid) => Values<Guid>(field, value => value.ToString()),
        _ => throw new DataException(
            $"{File}: column '{field.Name}' holds values of the type {(field.ClrType.IsGenericType ? "bytes" : field.ClrType.Name)}, which are no "
                + "numbers, words or dates. List the features without it, or write it as one of those."),
    };

    private Func<int, string> Words(DataField field)
    {
        var words = new string?[_group!.RowCount];
        Wait(() => _group.ReadAsync(field, words.AsMemory()!));
        return row => words[row] ?? "";
    }

    private Func<int, string> Values<T>(DataField field, Func<T, string> cell)
        where T : struct
    {
        if (field.IsNullable)
        {
            var values = new T?[_group!.RowCount];
            Wait(() => _group.ReadAsync(field, values.AsMemory()));
            return row => values[row] is { } value ? cell(value) : "";
        }

        var numbers = new T[_group!.RowCount];
        Wait(() => _group.ReadAsync(field, numbers.AsMemory()));
        return row => cell(numbers[row]);
    }

    private static string Date(DateTime time) =>
        time.ToString(time.TimeOfDay == TimeSpan.Zero ? "yyyy-MM-dd" : "yyyy-MM-dd HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture);

    private void Wait(Func<ValueTask> read) => _ = Explained(_file, async () =>
    {
        await read();
        return true;
    });

    // What the library throws over a damaged file is of any kind.
    private static T Explained<T>(DataFile file, Func<Task<T>> read)
    {
        try
        {
            return read().GetAwaiter().GetResult();
        }
        catch (Exception exception) when (exception is not (DataException or OutOfMemoryException))
        {
            throw new DataException(
                $"{file.Name}: the Parquet file is damaged, cut off, or of a kind that is not read: "
                    + $"{exception.Message.ReplaceLineEndings(" ").TrimEnd('.')}. Write it again.", exception);
        }
    }
}
