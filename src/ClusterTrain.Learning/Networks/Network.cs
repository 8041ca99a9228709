using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Numerics.Memory;
using ClusterTrain.Numerics.Products;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Numerics.Tree;

namespace ClusterTrain.Learning.Networks;

/// <summary>
/// Computes the outputs and the gradient of a network. It owns its scratch memory, which grows with the rows of a call and
/// is then reused, so steady calls allocate nothing; one instance serves one caller at a time.
/// </summary>
/// <remarks>
/// The bits depend on the recipe's leaves alone: not on how the rows are cut into nodes or calls, nor on threads or kernels.
/// </remarks>
public sealed class Network : IDisposable
{
    // Predictions pass through in chunks: rows are independent, and the scratch memory stays small and in cache.
    private const int ChunkRows = 512;

    private readonly Kernels _kernels;
    private readonly DenseProducts _products;
    private readonly LossKind _loss;
    private readonly Memory<float>[] _outputs;
    private readonly Memory<float>[] _slopes;
    private readonly Memory<float>[] _masks;
    private readonly Memory<float>[] _dropped;
    private float[] _rowLoss = [];
    private double[] _leafLosses = [];

    // Of a tree whose sums are rounded: a layer's gradient of the right one of two nodes that are to be added, by depth.
    private readonly List<Memory<float>> _siblings = [];
    private int _rowCapacity;

    /// <summary>An executor for the networks of one layout.</summary>
    /// <param name="layout">The layers and where their parameters lie.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="kernels">The kernels to use; all give the same bits.</param>
    /// <param name="pool">The threads to use; any number gives the same bits. Not disposed here.</param>
    /// <exception cref="ArgumentException">
    /// The loss cannot follow the last activation, see <see cref="LossRules.Accepts"/>.
    /// </exception>
    public Network(NetworkLayout layout, LossKind loss, Kernels kernels, ComputePool pool)
    {
        var last = layout.Layers[^1].Recipe.Activation;
        if (!LossRules.Accepts(loss, last))
        {
            throw new ArgumentException(
                $"The loss {loss} takes logarithms of the outputs, which {last} does not keep inside (0, 1); "
                + "use sigmoid or softmax on the last layer.",
                nameof(loss));
        }

        Layout = layout;
        _loss = loss;
        _kernels = kernels;
        _products = new DenseProducts(kernels, pool);
        _outputs = new Memory<float>[layout.Layers.Length];
        _slopes = new Memory<float>[layout.Layers.Length];
        _masks = new Memory<float>[layout.Layers.Length];
        _dropped = new Memory<float>[layout.Layers.Length];
    }

    /// <summary>The layers and where their parameters lie.</summary>
    public NetworkLayout Layout { get; }

    /// <summary>Computes the outputs after the last activation.</summary>
    /// <param name="parameters">(parameters).</param>
    /// <param name="features">(rows, features).</param>
    /// <param name="rows">Number of rows, at least 1.</param>
    /// <param name="outputs">(rows, outputs) receives them.</param>
    /// <exception cref="ArgumentException">A length does not agree.</exception>
    public void Predict(ReadOnlySpan<float> parameters, ReadOnlySpan<float> features, int rows, Span<float> outputs)
    {
        Require(parameters.Length, Layout.Parameters, nameof(parameters));
        RequireRows(features.Length, rows, Layout.Features, nameof(features));
        RequireRows(outputs.Length, rows, Layout.Outputs, nameof(outputs));
        for (var start = 0; start < rows; start += ChunkRows)
        {
            var count = Math.Min(ChunkRows, rows - start);
            var logits = Forward(parameters, Rows(features, Layout.Features, start, count), count, default);
            Activations.Forward(_kernels, Last, logits, count);
            logits.CopyTo(Rows(outputs, Layout.Outputs, start, count));
        }
    }

    /// <summary>Computes the outputs and the loss of each row; a row's figures depend on that row alone.</summary>
    /// <param name="parameters">(parameters).</param>
    /// <param name="features">(rows, features).</param>
    /// <param name="targets">(rows, outputs).</param>
    /// <param name="rows">Number of rows, at least 1.</param>
    /// <param name="outputs">(rows, outputs) receives the outputs after the last activation.</param>
    /// <param name="rowLoss">(rows) receives the losses.</param>
    /// <exception cref="ArgumentException">A length does not agree.</exception>
    public void Evaluate(
        ReadOnlySpan<float> parameters,
        ReadOnlySpan<float> features,
        ReadOnlySpan<float> targets,
        int rows,
        Span<float> outputs,
        Span<float> rowLoss)
    {
        Require(parameters.Length, Layout.Parameters, nameof(parameters));
        RequireRows(features.Length, rows, Layout.Features, nameof(features));
        RequireRows(targets.Length, rows, Layout.Outputs, nameof(targets));
        RequireRows(outputs.Length, rows, Layout.Outputs, nameof(outputs));
        RequireRows(rowLoss.Length, rows, 1, nameof(rowLoss));
        for (var start = 0; start < rows; start += ChunkRows)
        {
            var count = Math.Min(ChunkRows, rows - start);
            var logits = Forward(parameters, Rows(features, Layout.Features, start, count), count, default);
            LossAndSlope(logits, Rows(targets, Layout.Outputs, start, count), rowLoss.Slice(start, count), count);
            if (LossRules.IsFused(_loss, Last.Activation))
            {
                Activations.Forward(_kernels, Last, logits, count);
            }

            logits.CopyTo(Rows(outputs, Layout.Outputs, start, count));
        }
    }

    /// <summary>
    /// Forward and backward over all rows; writes for each node the sum over its rows of the loss's gradient, and the sum of
    /// the rows' losses, both in the order of the <see cref="ReductionTree"/>.
    /// </summary>
    /// <param name="parameters">(parameters).</param>
    /// <param name="features">(rows, features): the rows of the nodes' leaves, in order.</param>
    /// <param name="targets">(rows, outputs).</param>
    /// <param name="rows">Number of rows, at least 1.</param>
    /// <param name="leafRows">Rows of a leaf; only the very last one may be shorter.</param>
    /// <param name="nodes">Adjoining nodes in ascending order that hold exactly the leaves of the rows.</param>
    /// <param name="nodeGradients">One destination (parameters) per node.</param>
    /// <param name="nodeLosses">One destination per node.</param>
    /// <param name="dropout">Where the layout has dropout: what its masks are drawn from; otherwise unused.</param>
    /// <param name="precision">What the gradient of each leaf, and each sum of two nodes, is rounded to.</param>
    /// <param name="pieces">Index of the first parameter of each piece of the gradients that is told of, ascending from 0.</param>
    /// <param name="isComputed">
    /// Told of each piece, the last one first, as soon as its gradients are those of all nodes; the losses are there before the first.
    /// </param>
    /// <exception cref="ArgumentException">A length does not agree, or the nodes do not hold exactly the rows.</exception>
    public void Gradient(
        ReadOnlySpan<float> parameters,
        ReadOnlySpan<float> features,
        ReadOnlySpan<float> targets,
        int rows,
        int leafRows,
        ReadOnlySpan<TreeNode> nodes,
        ReadOnlySpan<Memory<float>> nodeGradients,
        Span<double> nodeLosses,
        DropoutDraw dropout = default,
        GradientPrecision precision = GradientPrecision.Float32,
        ReadOnlySpan<int> pieces = default,
        Action<int>? isComputed = null)
    {
        Require(parameters.Length, Layout.Parameters, nameof(parameters));
        RequireRows(features.Length, rows, Layout.Features, nameof(features));
        RequireRows(targets.Length, rows, Layout.Outputs, nameof(targets));
        RequireNodes(nodes, rows, leafRows);
        Require(nodeGradients.Length, nodes.Length, nameof(nodeGradients));
        Require(nodeLosses.Length, nodes.Length, nameof(nodeLosses));
        foreach (var destination in nodeGradients)
        {
            Require(destination.Length, Layout.Parameters, nameof(nodeGradients));
        }

        if (Layout.HasDropout)
        {
            Require(dropout.RowNumbers.Length, rows, nameof(dropout));
        }

        var logits = Forward(parameters, features, rows, dropout);
        var rowLoss = _rowLoss.AsSpan(0, rows);
        LossAndSlope(logits, targets, rowLoss, rows);
        SumLosses(rowLoss, leafRows, nodes, nodeLosses);
        var piecesLeft = isComputed is null ? 0 : pieces.Length;
        for (var index = Layout.Layers.Length - 1; index >= 0; index--)
        {
            var layer = Layout.Layers[index];
            var slope = _slopes[index].Span[..(rows * layer.Outputs)];
            var isDropped = index > 0 && Layout.Layers[index - 1].Recipe.Dropout > 0;
            var outputs = index == 0 ? features : _outputs[index - 1].Span[..(rows * layer.Inputs)];
            var inputs = isDropped ? _dropped[index - 1].Span[..(rows * layer.Inputs)] : outputs;
            var inputsLeft = layer.Inputs;
            while (inputsLeft > 0)
            {
                var first = FirstInput(layer, inputsLeft, pieces[..piecesLeft]);
                var part = new GradientPart(layer, precision, leafRows, first, inputsLeft - first);
                WeightGradients(part, inputs, slope, rows, nodes, nodeGradients);
                inputsLeft = first;
                while (piecesLeft > 0 && pieces[piecesLeft - 1] >= layer.Weight.Offset + (first * layer.Outputs))
                {
                    isComputed!(--piecesLeft);
                }
            }

            if (index > 0)
            {
                var inputSlope = _slopes[index - 1].Span[..(rows * layer.Inputs)];
                _products.InputGradient(slope, Weight(layer, parameters), inputSlope, rows, layer.Inputs, layer.Outputs);
                if (isDropped)
                {
                    _kernels.Map(default(DropoutMap), inputSlope, _masks[index - 1].Span[..inputSlope.Length], inputSlope);
                }

                Activations.Backward(_kernels, Layout.Layers[index - 1].Recipe, outputs, inputSlope, rows);
            }
        }
    }

    /// <summary>Frees the scratch memory.</summary>
    public void Dispose() => _products.Dispose();

    private LayerRecipe Last => Layout.Layers[^1].Recipe;

    // Up to the last layer's logits: the loss decides whether it wants them activated. Without rows to draw for, nothing is dropped.
    private Span<float> Forward(ReadOnlySpan<float> parameters, ReadOnlySpan<float> features, int rows, DropoutDraw dropout)
    {
        Reserve(rows);
        var inputs = features;
        var outputs = Span<float>.Empty;
        for (var index = 0; index < Layout.Layers.Length; index++)
        {
            var layer = Layout.Layers[index];
            outputs = _outputs[index].Span[..(rows * layer.Outputs)];
            var bias = layer.Bias is { } tensor ? parameters.Slice(tensor.Offset, tensor.Length) : default;
            _products.Forward(inputs, Weight(layer, parameters), bias, outputs, rows, layer.Inputs, layer.Outputs);
            if (index < Layout.Layers.Length - 1)
            {
                Activations.Forward(_kernels, layer.Recipe, outputs, rows);
            }

            inputs = layer.Recipe.Dropout > 0 && !dropout.RowNumbers.IsEmpty ? Drop(index, outputs, dropout) : outputs;
        }

        return outputs;
    }

    // The outputs themselves are kept: the activation's slope is told from them.
    private Span<float> Drop(int index, ReadOnlySpan<float> outputs, DropoutDraw dropout)
    {
        if (_masks[index].Length < outputs.Length)
        {
            _masks[index] = AlignedFloats.Allocate(_outputs[index].Length);
            _dropped[index] = AlignedFloats.Allocate(_outputs[index].Length);
        }

        var mask = _masks[index].Span[..outputs.Length];
        var dropped = _dropped[index].Span[..outputs.Length];
        dropout.Mask(_kernels, index, Layout.Layers[index].Recipe, mask);
        _kernels.Map(default(DropoutMap), outputs, mask, dropped);
        return dropped;
    }

    // Writes the rows' losses, and the slope with respect to the last layer's logits into its slot. Where loss and activation
    // are not fused, the logits are activated in place on the way.
    private void LossAndSlope(Span<float> logits, ReadOnlySpan<float> targets, Span<float> rowLoss, int rows)
    {
        var outputs = Layout.Outputs;
        var slope = _slopes[^1].Span[..(rows * outputs)];
        if (LossRules.IsFused(_loss, Last.Activation))
        {
            if (_loss == LossKind.CategoricalCrossEntropy)
            {
                _kernels.SoftmaxCrossEntropy(logits, targets, slope, rowLoss, rows, outputs);
            }
            else
            {
                _kernels.SigmoidCrossEntropy(logits, targets, slope, rowLoss, rows, outputs);
            }

            return;
        }

        Activations.Forward(_kernels, Last, logits, rows);
        switch (_loss)
        {
            case LossKind.SquaredError:
                _kernels.SquaredError(logits, targets, slope, rowLoss, rows, outputs, 0.5f);
                break;
            case LossKind.MeanSquaredError:
                _kernels.SquaredError(logits, targets, slope, rowLoss, rows, outputs, 1f / outputs);
                break;
            case LossKind.BinaryCrossEntropy:
                _kernels.BinaryCrossEntropy(logits, targets, slope, rowLoss, rows, outputs);
                break;
            case LossKind.CategoricalCrossEntropy:
                _kernels.CategoricalCrossEntropy(logits, targets, slope, rowLoss, rows, outputs);
                break;
            default:
                throw new InvalidOperationException($"The loss {_loss} is unknown.");
        }

        Activations.Backward(_kernels, Last, logits, slope, rows);
    }

    // The last piece that begins in the weights of the inputs that are left is computed with what follows it, so that it can leave before the rest.
    private static int FirstInput(DenseLayer layer, int inputsLeft, ReadOnlySpan<int> pieces)
    {
        var end = layer.Weight.Offset + (inputsLeft * layer.Outputs);
        for (var piece = pieces.Length - 1; piece >= 0; piece--)
        {
            if (pieces[piece] < end)
            {
                return Math.Max(0, (pieces[piece] - layer.Weight.Offset) / layer.Outputs);
            }
        }

        return 0;
    }

    private void WeightGradients(
        in GradientPart part,
        ReadOnlySpan<float> inputs,
        ReadOnlySpan<float> slope,
        int rows,
        ReadOnlySpan<TreeNode> nodes,
        ReadOnlySpan<Memory<float>> nodeGradients)
    {
        for (var index = 0; index < nodes.Length; index++)
        {
            var start = (nodes[index].Start - nodes[0].Start) * part.LeafRows;
            var count = Math.Min(nodes[index].Count * part.LeafRows, rows - start);
            var input = Rows(inputs, part.Layer.Inputs, start, count);
            var output = Rows(slope, part.Layer.Outputs, start, count);
            var gradient = nodeGradients[index].Span;
            var weights = gradient.Slice(part.Layer.Weight.Offset, part.Layer.Weight.Length);
            var biases = part.Layer.Bias is { } bias && part.IsLast ? gradient.Slice(bias.Offset, bias.Length) : default;
            if (part.Precision == GradientPrecision.Float32)
            {
                WeightGradient(part, input, output, count, weights, biases);
            }
            else
            {
                RoundedWeightGradient(part, input, output, count, weights, biases, 0);
            }
        }
    }

    private void WeightGradient(
        in GradientPart part, ReadOnlySpan<float> inputs, ReadOnlySpan<float> slope, int rows, Span<float> weights, Span<float> biases) =>
        _products.PartialWeightGradient(
            inputs,
            slope,
            weights,
            biases,
            rows,
            part.Layer.Inputs,
            part.Layer.Outputs,
            part.LeafRows,
            part.FirstInput,
            part.InputCount);

    // Each leaf by itself: what lies between two roundings is the same whoever computes it.
    private void RoundedWeightGradient(
        in GradientPart part, ReadOnlySpan<float> inputs, ReadOnlySpan<float> slope, int rows, Span<float> weights, Span<float> biases, int level)
    {
        var computed = weights[part.Weights];
        if (rows <= part.LeafRows)
        {
            WeightGradient(part, inputs, slope, rows, weights, biases);
            _kernels.Map(default(BFloat16Rounding), computed, computed);
            _kernels.Map(default(BFloat16Rounding), biases, biases);
            return;
        }

        var left = ReductionTree.Split(ReductionTree.Root(((rows - 1) / part.LeafRows) + 1)).Left.Count * part.LeafRows;
        var sibling = Sibling(level, weights.Length + biases.Length);
        var (weightsRight, biasesRight) = (sibling[..weights.Length], sibling[weights.Length..]);
        var (inputsLeft, slopeLeft) = (left * part.Layer.Inputs, left * part.Layer.Outputs);
        RoundedWeightGradient(part, inputs[..inputsLeft], slope[..slopeLeft], left, weights, biases, level);
        RoundedWeightGradient(
            part, inputs[inputsLeft..], slope[slopeLeft..], rows - left, weightsRight.Span, biasesRight.Span, level + 1);
        _kernels.Map(default(BFloat16Sum), computed, weightsRight.Span[part.Weights], computed);
        _kernels.Map(default(BFloat16Sum), biases, biasesRight.Span, biases);
    }

    private Memory<float> Sibling(int level, int length)
    {
        if (level == _siblings.Count)
        {
            _siblings.Add(AlignedFloats.Allocate(Layout.Layers.Max(layer => layer.Weight.Length + (layer.Bias?.Length ?? 0))));
        }

        return _siblings[level][..length];
    }

    /// <summary>A part of a layer's gradients: those of some inputs' weights, and, with the last input, of the biases.</summary>
    private readonly record struct GradientPart(DenseLayer Layer, GradientPrecision Precision, int LeafRows, int FirstInput, int InputCount)
    {
        /// <summary>True for the part that is computed first, and the biases with it.</summary>
        public bool IsLast => FirstInput + InputCount == Layer.Inputs;

        /// <summary>Where the part lies in the gradients of the layer's weights.</summary>
        public Range Weights => (FirstInput * Layer.Outputs)..((FirstInput + InputCount) * Layer.Outputs);
    }

    // A leaf's losses are one chain in double; the leaves are added as their gradients are.
    private void SumLosses(ReadOnlySpan<float> rowLoss, int leafRows, ReadOnlySpan<TreeNode> nodes, Span<double> nodeLosses)
    {
        var leaves = nodes[^1].End - nodes[0].Start;
        if (_leafLosses.Length < leaves)
        {
            _leafLosses = new double[leaves];
        }

        for (var leaf = 0; leaf < leaves; leaf++)
        {
            var start = leaf * leafRows;
            double sum = 0;
            foreach (var loss in rowLoss.Slice(start, Math.Min(leafRows, rowLoss.Length - start)))
            {
                sum += loss;
            }

            _leafLosses[leaf] = sum;
        }

        for (var index = 0; index < nodes.Length; index++)
        {
            nodeLosses[index] = ReductionTree.Sum(_leafLosses.AsSpan(nodes[index].Start - nodes[0].Start, nodes[index].Count));
        }
    }

    private void Reserve(int rows)
    {
        if (rows <= _rowCapacity)
        {
            return;
        }

        for (var index = 0; index < Layout.Layers.Length; index++)
        {
            var length = checked(rows * Layout.Layers[index].Outputs);
            _outputs[index] = AlignedFloats.Allocate(length);
            _slopes[index] = AlignedFloats.Allocate(length);
        }

        _rowLoss = new float[rows];
        _rowCapacity = rows;
    }

    private static ReadOnlySpan<float> Weight(DenseLayer layer, ReadOnlySpan<float> parameters) =>
        parameters.Slice(layer.Weight.Offset, layer.Weight.Length);

    private static ReadOnlySpan<float> Rows(ReadOnlySpan<float> matrix, int columns, int start, int count) =>
        matrix.Slice(start * columns, count * columns);

    private static Span<float> Rows(Span<float> matrix, int columns, int start, int count) =>
        matrix.Slice(start * columns, count * columns);

    private static void Require(int length, int expected, string name)
    {
        if (length != expected)
        {
            throw new ArgumentException($"{name} has {length} values; {expected} are needed.", name);
        }
    }

    private static void RequireRows(int length, int rows, int columns, string name)
    {
        if (rows < 1 || length != (long)rows * columns)
        {
            throw new ArgumentException(
                $"{name} has {length} values; {rows} rows of {columns} are needed, and at least 1 row.", name);
        }
    }

    private static void RequireNodes(ReadOnlySpan<TreeNode> nodes, int rows, int leafRows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(leafRows, 1);
        long leaves = 0;
        for (var index = 0; index < nodes.Length; index++)
        {
            if (nodes[index].Count < 1 || (index > 0 && nodes[index].Start != nodes[index - 1].End))
            {
                throw new ArgumentException(
                    $"{nodes[index]} is empty or does not adjoin the node before it.", nameof(nodes));
            }

            leaves += nodes[index].Count;
        }

        if (leaves != ((long)rows + leafRows - 1) / leafRows)
        {
            throw new ArgumentException(
                $"The nodes hold {leaves} leaves; {rows} rows in leaves of {leafRows} are "
                + $"{((long)rows + leafRows - 1) / leafRows}.",
                nameof(nodes));
        }
    }
}
