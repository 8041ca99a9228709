using System.Runtime.CompilerServices;

namespace ClusterTrain.Numerics.Products;

/// <summary>The argument checks of the dense products, before any loop: sizes, lengths, overlap.</summary>
internal static class DenseShape
{
    public static void CheckForward(
        ReadOnlySpan<float> input,
        ReadOnlySpan<float> weight,
        ReadOnlySpan<float> bias,
        ReadOnlySpan<float> output,
        int rows,
        int inputs,
        int outputs)
    {
        CheckSizes(rows, inputs, outputs);
        CheckMatrix(input, rows, inputs, "rows", "inputs");
        CheckMatrix(weight, inputs, outputs, "inputs", "outputs");
        CheckBias(bias, outputs);
        CheckMatrix(output, rows, outputs, "rows", "outputs");
        CheckDisjoint(output, input, nameof(output), nameof(input));
        CheckDisjoint(output, weight, nameof(output), nameof(weight));
        CheckDisjoint(output, bias, nameof(output), nameof(bias));
    }

    public static void CheckInputGradient(
        ReadOnlySpan<float> outputGradient,
        ReadOnlySpan<float> weight,
        ReadOnlySpan<float> inputGradient,
        int rows,
        int inputs,
        int outputs)
    {
        CheckSizes(rows, inputs, outputs);
        CheckMatrix(outputGradient, rows, outputs, "rows", "outputs");
        CheckMatrix(weight, inputs, outputs, "inputs", "outputs");
        CheckMatrix(inputGradient, rows, inputs, "rows", "inputs");
        CheckDisjoint(inputGradient, outputGradient, nameof(inputGradient), nameof(outputGradient));
        CheckDisjoint(inputGradient, weight, nameof(inputGradient), nameof(weight));
    }

    public static void CheckWeightGradient(
        ReadOnlySpan<float> input,
        ReadOnlySpan<float> outputGradient,
        ReadOnlySpan<float> weightGradient,
        ReadOnlySpan<float> biasGradient,
        int rows,
        int inputs,
        int outputs,
        int leafRows)
    {
        CheckSizes(rows, inputs, outputs);
        ArgumentOutOfRangeException.ThrowIfLessThan(leafRows, 1);
        CheckMatrix(input, rows, inputs, "rows", "inputs");
        CheckMatrix(outputGradient, rows, outputs, "rows", "outputs");
        CheckMatrix(weightGradient, inputs, outputs, "inputs", "outputs");
        CheckBias(biasGradient, outputs);
        CheckDisjoint(weightGradient, input, nameof(weightGradient), nameof(input));
        CheckDisjoint(weightGradient, outputGradient, nameof(weightGradient), nameof(outputGradient));
        CheckDisjoint(weightGradient, biasGradient, nameof(weightGradient), nameof(biasGradient));
        CheckDisjoint(biasGradient, input, nameof(biasGradient), nameof(input));
        CheckDisjoint(biasGradient, outputGradient, nameof(biasGradient), nameof(outputGradient));
    }

    private static void CheckSizes(int rows, int inputs, int outputs)
    {
        if (rows < 1 || inputs < 1 || outputs < 1)
        {
            var name = rows < 1 ? nameof(rows) : inputs < 1 ? nameof(inputs) : nameof(outputs);
            throw new ArgumentOutOfRangeException(
                name, $"{name} must be at least 1; the shape is rows {rows}, inputs {inputs}, outputs {outputs}.");
        }
    }

    private static void CheckMatrix(
        ReadOnlySpan<float> values,
        int rows,
        int columns,
        string rowsName,
        string columnsName,
        [CallerArgumentExpression(nameof(values))] string name = "")
    {
        if (values.Length != (long)rows * columns)
        {
            throw new ArgumentException(
                $"{name} must hold {rowsName} {rows} x {columnsName} {columns} = {(long)rows * columns} values, "
                + $"but its length is {values.Length}.",
                name);
        }
    }

    private static void CheckBias(
        ReadOnlySpan<float> values, int outputs, [CallerArgumentExpression(nameof(values))] string name = "")
    {
        if (!values.IsEmpty && values.Length != outputs)
        {
            throw new ArgumentException(
                $"{name} must be empty or hold outputs {outputs} values, but its length is {values.Length}.", name);
        }
    }

    private static void CheckDisjoint(
        ReadOnlySpan<float> written, ReadOnlySpan<float> other, string writtenName, string otherName)
    {
        if (written.Overlaps(other))
        {
            throw new ArgumentException($"{writtenName} must not overlap {otherName}.", writtenName);
        }
    }
}
