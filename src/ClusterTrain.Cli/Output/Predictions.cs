using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Files;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Runs;

namespace ClusterTrain.Cli.Output;

/// <summary>Takes predictions, row by row.</summary>
internal interface IPredictionWriter
{
    /// <summary>Takes the network's outputs for the next row.</summary>
    void Write(ReadOnlySpan<float> outputs);
}

/// <summary>Computes predictions, in chunks: memory does not grow with the rows.</summary>
internal static class Predictions
{
    private const int ChunkRows = 512;

    /// <summary>Names of the outputs; a single output that tells two classes apart is the probability of the second.</summary>
    public static ImmutableArray<string> OutputNames(Model model) =>
        model.Classes.IsEmpty ? model.TargetNames : model.Classes[^model.Layout.Outputs..];

    /// <summary>The error of a row that the model has no prediction for.</summary>
    public static DataException Undefined(DataSet rows, long row) => new(
        $"{rows.Place(row)}: the outputs of the model are not numbers: features of this row are far beyond those it was trained on. "
            + "Correct the row, or leave it out.");

    /// <summary>Predicts rows in order; the outputs have the bits that the network had in training, numbers the unit of the data.</summary>
    /// <param name="model">The model.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="writer">Takes the outputs.</param>
    /// <param name="stop">Ends the work early.</param>
    /// <exception cref="DataException">A row has no prediction.</exception>
    public static void Compute(Model model, DataSet rows, IPredictionWriter writer, CancellationToken stop)
    {
        using var pool = new ComputePool(Environment.ProcessorCount, "prediction");
        using var network = new Network(model.Layout, model.Recipe.Loss, KernelChoice.Active(), pool);
        var (inputs, outputs) = (model.Layout.Features, model.Layout.Outputs);
        var features = new float[ChunkRows * inputs];
        var targets = new float[ChunkRows * rows.Outputs];
        var results = new float[ChunkRows * outputs];
        for (long start = 0; start < rows.Rows; start += ChunkRows)
        {
            stop.ThrowIfCancellationRequested();
            var count = (int)Math.Min(ChunkRows, rows.Rows - start);
            rows.Gather(start, count, features.AsSpan(0, count * inputs), targets.AsSpan(0, count * rows.Outputs));
            network.Predict(model.Weights.Span, features.AsSpan(0, count * inputs), count, results.AsSpan(0, count * outputs));
            for (var i = 0; i < count * outputs; i++)
            {
                results[i] = model.InUnit(results[i], i % outputs);
            }

            for (var row = 0; row < count; row++)
            {
                var output = results.AsSpan(row * outputs, outputs);
                if (EvaluationSums.IsUndefined(output))
                {
                    throw Undefined(rows, start + row);
                }

                writer.Write(output);
            }
        }
    }
}

/// <summary>What is written of each prediction.</summary>
/// <param name="WithOutputs">True: the network's outputs too.</param>
/// <param name="Threshold">Of two classes the second is predicted where its output is above this.</param>
internal sealed record PredictionForm(bool WithOutputs, double Threshold);

/// <summary>Predictions as CSV with a header: columns that are kept; the class, or the predicted numbers; then perhaps all outputs.</summary>
internal sealed class CsvPredictions : IPredictionWriter
{
    private readonly TextWriter _output;
    private readonly Model _model;
    private readonly PredictionForm _form;
    private readonly KeptColumns? _kept;
    private readonly bool _withOutputs;
    private readonly StringBuilder _line = new();
    private int _row;

    public CsvPredictions(TextWriter output, Model model, PredictionForm form, KeptColumns? kept)
    {
        (_output, _model, _form, _kept) = (output, model, form, kept);
        var isClassification = !model.Classes.IsEmpty;
        _withOutputs = form.WithOutputs || !isClassification;
        ImmutableArray<string> columns = [.. kept?.Names ?? []];
        columns = [.. columns, .. Apart("predicted", model.TargetNames, columns)];
        if (isClassification && form.WithOutputs)
        {
            columns = [.. columns, .. Apart("output", Predictions.OutputNames(model), columns)];
        }

        output.WriteLine(string.Join(',', columns.Select(Cell)));
    }

    public void Write(ReadOnlySpan<float> outputs)
    {
        _line.Clear();
        foreach (var cell in _kept?.Rows[_row++] ?? [])
        {
            _line.Append(Cell(cell)).Append(',');
        }

        if (!_model.Classes.IsEmpty)
        {
            _line.Append(Cell(_model.Classes[EvaluationSums.ClassOf(outputs, _form.Threshold)])).Append(',');
        }

        if (_withOutputs)
        {
            foreach (var output in outputs)
            {
                _line.Append(CultureInfo.InvariantCulture, $"{output:R},");
            }
        }

        _line.Length--;
        _output.WriteLine(_line.ToString());
    }

    // A class may be called as the target is, and a column that is kept as either.
    private static IEnumerable<string> Apart(string word, ImmutableArray<string> names, ImmutableArray<string> before)
    {
        foreach (var wanted in names)
        {
            var name = wanted;
            while (before.Contains(name) || (name != wanted && names.Contains(name)))
            {
                name = $"{word} {name}";
            }

            yield return name;
        }
    }

    private static string Cell(string text) => text.AsSpan().IndexOfAny(",\"\r\n") < 0
        ? text
        : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}

/// <summary>Predictions as JSON, one object per row.</summary>
internal sealed class JsonPredictions(TextWriter output, Model model, PredictionForm form, KeptColumns? kept) : IPredictionWriter
{
    private readonly JsonLines _lines = new(output);
    private float[] _outputs = [];
    private int _row;

    public void Write(ReadOnlySpan<float> outputs)
    {
        _outputs = _outputs.Length == outputs.Length ? _outputs : new float[outputs.Length];
        outputs.CopyTo(_outputs);
        _lines.Write(json =>
        {
            json.WriteNumber("row", _row);
            if (kept is not null)
            {
                json.WriteStartObject("kept");
                foreach (var (name, cell) in kept.Names.Zip(kept.Rows[_row]))
                {
                    json.WriteString(name, cell);
                }

                json.WriteEndObject();
            }

            _row++;
            if (!model.Classes.IsEmpty)
            {
                json.WriteString("class", model.Classes[EvaluationSums.ClassOf(_outputs, form.Threshold)]);
            }

            if (!form.WithOutputs && !model.Classes.IsEmpty)
            {
                return;
            }

            json.WriteStartObject("outputs");
            foreach (var (name, value) in Predictions.OutputNames(model).Zip(_outputs))
            {
                json.WriteFigure(name, value);
            }

            json.WriteEndObject();
        });
    }
}
