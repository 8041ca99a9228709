using ClusterTrain.Numerics.Tree;

namespace ClusterTrain.Numerics.Products;

/// <summary>
/// The products of a dense layer as plain loops: the readable definition of every bit that <see cref="DenseProducts"/>
/// computes, and its oracle in tests. Shapes and errors are the same. The + 0 at the end of each result turns -0 into +0.
/// </summary>
public static class NaiveProducts
{
    /// <summary>See <see cref="DenseProducts.Forward"/>.</summary>
    /// <param name="input">(rows, inputs)</param>
    /// <param name="weight">(inputs, outputs)</param>
    /// <param name="bias">(outputs), or empty for none</param>
    /// <param name="output">(rows, outputs); overwritten</param>
    /// <param name="rows">Rows of the batch, at least 1.</param>
    /// <param name="inputs">Inputs of the layer, at least 1.</param>
    /// <param name="outputs">Outputs of the layer, at least 1.</param>
    public static void Forward(
        ReadOnlySpan<float> input,
        ReadOnlySpan<float> weight,
        ReadOnlySpan<float> bias,
        Span<float> output,
        int rows,
        int inputs,
        int outputs)
    {
        DenseShape.CheckForward(input, weight, bias, output, rows, inputs, outputs);
        for (var row = 0; row < rows; row++)
        {
            for (var o = 0; o < outputs; o++)
            {
                var sum = bias.IsEmpty ? 0f : bias[o];
                for (var i = 0; i < inputs; i++)
                {
                    sum = MathF.FusedMultiplyAdd(input[(row * inputs) + i], weight[(i * outputs) + o], sum);
                }

                output[(row * outputs) + o] = sum + 0f;
            }
        }
    }

    /// <summary>See <see cref="DenseProducts.InputGradient"/>.</summary>
    /// <param name="outputGradient">(rows, outputs)</param>
    /// <param name="weight">(inputs, outputs)</param>
    /// <param name="inputGradient">(rows, inputs); overwritten</param>
    /// <param name="rows">Rows of the batch, at least 1.</param>
    /// <param name="inputs">Inputs of the layer, at least 1.</param>
    /// <param name="outputs">Outputs of the layer, at least 1.</param>
    public static void InputGradient(
        ReadOnlySpan<float> outputGradient,
        ReadOnlySpan<float> weight,
        Span<float> inputGradient,
        int rows,
        int inputs,
        int outputs)
    {
        DenseShape.CheckInputGradient(outputGradient, weight, inputGradient, rows, inputs, outputs);
        for (var row = 0; row < rows; row++)
        {
            for (var i = 0; i < inputs; i++)
            {
                var sum = 0f;
                for (var o = 0; o < outputs; o++)
                {
                    sum = MathF.FusedMultiplyAdd(outputGradient[(row * outputs) + o], weight[(i * outputs) + o], sum);
                }

                inputGradient[(row * inputs) + i] = sum + 0f;
            }
        }
    }

    /// <summary>See <see cref="DenseProducts.WeightGradient"/>.</summary>
    /// <param name="input">(rows, inputs)</param>
    /// <param name="outputGradient">(rows, outputs)</param>
    /// <param name="weightGradient">(inputs, outputs); overwritten</param>
    /// <param name="biasGradient">(outputs), overwritten, or empty for none</param>
    /// <param name="rows">Rows of the batch, at least 1.</param>
    /// <param name="inputs">Inputs of the layer, at least 1.</param>
    /// <param name="outputs">Outputs of the layer, at least 1.</param>
    /// <param name="leafRows">Rows of a leaf, at least 1; the last leaf may have fewer.</param>
    public static void WeightGradient(
        ReadOnlySpan<float> input,
        ReadOnlySpan<float> outputGradient,
        Span<float> weightGradient,
        Span<float> biasGradient,
        int rows,
        int inputs,
        int outputs,
        int leafRows)
    {
        DenseShape.CheckWeightGradient(input, outputGradient, weightGradient, biasGradient, rows, inputs, outputs, leafRows);
        var root = ReductionTree.Root((int)(((long)rows + leafRows - 1) / leafRows));
        for (var i = 0; i < inputs; i++)
        {
            for (var o = 0; o < outputs; o++)
            {
                weightGradient[(i * outputs) + o] = Sum(root, input[i..], inputs, outputGradient[o..], outputs, rows, leafRows) + 0f;
            }
        }

        for (var o = 0; o < biasGradient.Length; o++)
        {
            biasGradient[o] = Sum(root, [1f], 0, outputGradient[o..], outputs, rows, leafRows) + 0f;
        }
    }

    // The sum over a node of a[row * aStride] * g[row * gStride]; with a = 1 the multiply-add is a plain addition.
    private static float Sum(
        TreeNode node, ReadOnlySpan<float> a, int aStride, ReadOnlySpan<float> g, int gStride, int rows, int leafRows)
    {
        if (node.Count > 1)
        {
            var (left, right) = ReductionTree.Split(node);
            return Sum(left, a, aStride, g, gStride, rows, leafRows) + Sum(right, a, aStride, g, gStride, rows, leafRows);
        }

        var sum = 0f;
        var end = Math.Min((long)rows, (long)node.End * leafRows);
        for (var row = node.Start * leafRows; row < end; row++)
        {
            sum = MathF.FusedMultiplyAdd(a[row * aStride], g[row * gStride], sum);
        }

        return sum;
    }
}
