using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Products;
using ClusterTrain.Numerics.Tree;

namespace ClusterTrain.Numerics.Tests;

/// <summary>The orders of all sums of the kernels, each found from the results of the kernel alone.</summary>
internal static class RevealedOrders
{
    private delegate void Loss(
        ReadOnlySpan<float> y, ReadOnlySpan<float> t, Span<float> dy, Span<float> loss, int rows, int outputs);

    // Rows that are computed beside each other: more than the 16 that the softmaxes take at a time.
    private const int Rows = 17;

    // Far enough below the largest logit that its exponential is 0, and a power of two.
    private const float NoLogit = -256;

    // -log of the smallest probability.
    private const float ClampedLog = 16.118095f;

    /// <summary>The orders of the sums across a row, by name, for a number of outputs.</summary>
    public static readonly (string Name, Func<Kernels, int, SumOrder> Of)[] AcrossRow =
    [
        ("squared error", (kernels, outputs) => SumOrder.Of(outputs, terms => LossOf(
            (y, t, dy, loss, rows, n) => kernels.SquaredError(y, t, dy, loss, rows, n, 1),
            outputs, column => MathF.Sqrt(terms[column]), _ => 0))),
        ("binary cross-entropy of logits", (kernels, outputs) => SumOrder.Of(outputs, terms => LossOf(
            kernels.SigmoidCrossEntropy, outputs, _ => NoLogit, column => terms[column] / -NoLogit))),
        ("binary cross-entropy", (kernels, outputs) => SumOrder.Of(outputs, terms => LossOf(
            kernels.BinaryCrossEntropy, outputs, _ => 0, column => terms[column] / ClampedLog))),
        ("categorical cross-entropy", (kernels, outputs) => SumOrder.Of(outputs, terms => LossOf(
            kernels.CategoricalCrossEntropy, outputs, _ => 0, column => terms[column] / ClampedLog))),

        // The loss is the sum of the targets times the logarithm of the sum of the powers, less the sum of targets times logits.
        ("targets of softmax cross-entropy", (kernels, outputs) => SumOrder.Of(outputs, terms => LossOf(
            kernels.SoftmaxCrossEntropy, outputs + 1, _ => 0, column => column < outputs ? terms[column] : 0))),
        ("products of softmax cross-entropy", (kernels, outputs) => SumOrder.Of(outputs, terms => LossOf(
            kernels.SoftmaxCrossEntropy, outputs + 1,
            column => column < outputs ? NoLogit : 0, column => column < outputs ? terms[column] / NoLogit : 0))),
        ("powers of softmax cross-entropy", (kernels, outputs) => SumOrder.Of(outputs, terms => LossOf(
            kernels.SoftmaxCrossEntropy, outputs,
            column => Logit(terms, column), column => terms[column] == terms.Max() ? 1 : 0))),
        ("softmax", (kernels, outputs) => SumOrder.Of(outputs, terms =>
        {
            var y = Fill(outputs, column => Logit(terms, column));
            kernels.Softmax(y, y, Rows, outputs);
            return Alike(y.Where((_, place) => place % outputs == Array.IndexOf(terms, terms.Max())));
        })),
        ("softmax backward", (kernels, outputs) => SumOrder.Of(outputs, terms =>
        {
            var dp = Fill(outputs + 1, column => column < outputs ? terms[column] : 0);
            kernels.SoftmaxBackward(dp, Fill(outputs + 1, _ => 1), dp, Rows, outputs + 1);
            return Alike(dp.Where((_, place) => place % (outputs + 1) == outputs));
        })),
    ];

    /// <summary>The order of each output of a layer; term 0 is the bias.</summary>
    public static SumOrder Forward(DenseProducts products, int rows, int inputs, int outputs)
    {
        return SumOrder.Of(inputs + 1, terms =>
        {
            var input = Repeat(terms[1..], rows);
            var output = new float[rows * outputs];
            products.Forward(input, Ones(inputs * outputs), Repeat([terms[0]], outputs), output, rows, inputs, outputs);
            return Alike(output);
        });
    }

    /// <summary>The same with the terms in the weights, so that the input has no zeros to skip, and without a bias.</summary>
    public static SumOrder ForwardOfWeights(DenseProducts products, int rows, int inputs, int outputs)
    {
        return SumOrder.Of(inputs, terms =>
        {
            var output = new float[rows * outputs];
            products.Forward(Ones(rows * inputs), RepeatEach(terms, outputs), [], output, rows, inputs, outputs);
            return Alike(output);
        });
    }

    /// <summary>The order of each input's gradient, over the outputs.</summary>
    public static SumOrder InputGradient(DenseProducts products, int rows, int inputs, int outputs)
    {
        return SumOrder.Of(outputs, terms =>
        {
            var gradient = new float[rows * inputs];
            products.InputGradient(Repeat(terms, rows), Ones(inputs * outputs), gradient, rows, inputs, outputs);
            return Alike(gradient);
        });
    }

    /// <summary>The order of each weight's gradient, over the rows.</summary>
    public static SumOrder WeightGradient(DenseProducts products, int rows, int inputs, int outputs, int leafRows)
    {
        return SumOrder.Of(rows, terms =>
        {
            var gradient = new float[inputs * outputs];
            products.WeightGradient(
                RepeatEach(terms, inputs), Ones(rows * outputs), gradient, [], rows, inputs, outputs, leafRows);
            return Alike(gradient);
        });
    }

    /// <summary>The order of each bias's gradient, over the rows.</summary>
    public static SumOrder BiasGradient(DenseProducts products, int rows, int inputs, int outputs, int leafRows)
    {
        return SumOrder.Of(rows, terms =>
        {
            var (weight, bias) = (new float[inputs * outputs], new float[outputs]);
            products.WeightGradient(
                Ones(rows * inputs), RepeatEach(terms, outputs), weight, bias, rows, inputs, outputs, leafRows);
            return Alike(weight.Concat(bias));
        });
    }

    /// <summary>The order of the sum of squares, in double.</summary>
    public static SumOrder SumOfSquares(Kernels kernels, int length) =>
        SumOrder.Of(length, terms => kernels.SumOfSquares([.. terms.Select(MathF.Sqrt)]), isDouble: true);

    /// <summary>The order in which a server adds the sums of leaves that arrive in some order.</summary>
    public static SumOrder TreeSum(Kernels kernels, int leaves, IEnumerable<int> arrival)
    {
        return SumOrder.Of(leaves, terms =>
        {
            var tree = new TreeSum<float[]>(
                (left, right) =>
                {
                    kernels.Add(left, right);
                    return left;
                },
                _ => { });
            tree.Reset(leaves);
            foreach (var leaf in arrival)
            {
                tree.Offer(new TreeNode(leaf, 1), Repeat([terms[leaf]], 21));
            }

            return Alike(tree.Root());
        });
    }

    private static double LossOf(Loss loss, int outputs, Func<int, float> output, Func<int, float> target)
    {
        var y = Fill(outputs, output);
        var rowLoss = new float[Rows];
        loss(y, Fill(outputs, target), y, rowLoss, Rows, outputs);
        return Alike(rowLoss);
    }

    // Its exponential is the term, divided by the largest.
    private static float Logit(float[] terms, int column) =>
        terms[column] == 0 ? NoLogit : MathF.Log(terms[column] / terms.Max());

    private static float[] Fill(int outputs, Func<int, float> value) =>
        Repeat([.. Enumerable.Range(0, outputs).Select(value)], Rows);

    private static float[] Ones(int length) => Repeat([1], length);

    private static float[] Repeat(float[] values, int times)
    {
        var all = new float[values.Length * times];
        for (var i = 0; i < times; i++)
        {
            values.CopyTo(all, i * values.Length);
        }

        return all;
    }

    private static float[] RepeatEach(float[] values, int times)
    {
        var all = new float[values.Length * times];
        for (var i = 0; i < values.Length; i++)
        {
            all.AsSpan(i * times, times).Fill(values[i]);
        }

        return all;
    }

    // Every place adds the same terms: one order for all of them.
    private static double Alike(IEnumerable<float> results)
    {
        var first = float.NaN;
        foreach (var result in results)
        {
            if (float.IsNaN(first))
            {
                first = result;
            }

            Assert.Equal(BitConverter.SingleToInt32Bits(first), BitConverter.SingleToInt32Bits(result));
        }

        return first;
    }
}
