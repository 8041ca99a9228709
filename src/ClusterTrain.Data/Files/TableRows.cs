using ClusterTrain.Data.Common;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Files;

/// <summary>The rows of a table's file one by one, each a list of cells as text. The first one names the columns, where they have names.</summary>
/// <param name="file">What messages call the file.</param>
internal abstract class TableRows(string file)
{
    /// <summary>What messages call the file.</summary>
    public string File => file;

    /// <summary>What stands between cells; a comma where nothing does.</summary>
    public virtual char Delimiter => ',';

    /// <summary>The line that the present row begins on, from 1; or its number in a file that has no lines, where 0 are the names.</summary>
    public int Line { get; protected set; }

    /// <summary>Where the present row stands, in words.</summary>
    public virtual string Place => $"{Unit} {Line}";

    /// <summary>What rows are numbered by: line or row.</summary>
    public virtual string Unit => "line";

    /// <summary>Cells of the present row.</summary>
    public abstract int Count { get; }

    /// <summary>What a reader of the file should know although nothing is wrong with it; asked for after the last row.</summary>
    public abstract IEnumerable<string> Warnings { get; }

    /// <summary>A cell of the present row.</summary>
    public abstract string this[int column] { get; }

    /// <summary>The cells of the present row.</summary>
    public abstract string[] Cells();

    /// <summary>Moves to the next row; false at the end.</summary>
    /// <exception cref="DataException">The row is damaged.</exception>
    public abstract bool Read();

    /// <exception cref="DataException">The present row has another number of cells.</exception>
    public void RequireCells(int columns)
    {
        if (Count != columns)
        {
            throw new DataException(
                $"{File}: {Place} has {Count} cells where there are {columns} columns. Correct the line; a cell that holds a "
                    + $"{CsvFormat.Word(Delimiter)} needs quotes.");
        }
    }
}
