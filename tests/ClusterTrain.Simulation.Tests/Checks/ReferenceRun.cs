using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Learning.Optimisers.WholeModel;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Learning.Schedules;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.RandomNumbers;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Validation;

namespace ClusterTrain.Simulation.Tests;

/// <summary>
/// The run as one reads it off the recipe: a loop over epochs, batches and leaves, without actors, terms or segments. It is
/// the oracle; the cluster's code takes no part in it.
/// </summary>
internal sealed class ReferenceRun
{
    private readonly Recipe _recipe;
    private readonly DataSet _data;
    private readonly NetworkLayout _layout;
    private readonly Network _network;

    private ReferenceRun(Recipe recipe, PreparedData data, NetworkLayout layout, Network network) =>
        (_recipe, _data, _layout, _network) = (recipe, data.Train, layout, network);

    public List<EpochRecord> Epochs { get; } = [];

    /// <summary>The hash of the weights of each step, 0 the start weights'.</summary>
    public List<string> StepSha256 { get; } = [];

    /// <summary>The epoch, from 1, whose weights are the result.</summary>
    public int ResultEpoch { get; private set; }

    /// <summary>False: the recipe's numbers grow beyond all bounds, and the run ends there.</summary>
    public bool IsFinite { get; private set; } = true;

    public string ResultSha256 => Epochs[ResultEpoch - 1].WeightsSha256;

    public static ReferenceRun Compute(Recipe recipe, PreparedData data, NetworkLayout layout, Kernels kernels, ComputePool pool)
    {
        using var network = new Network(layout, recipe.Loss, kernels, pool);
        var run = new ReferenceRun(recipe, data, layout, network);
        run.Train(kernels, data.Validation is { } rows ? new Evaluator(network, rows, data.Task) : null);
        return run;
    }

    private void Train(Kernels kernels, Evaluator? validation)
    {
        var batchRows = (int)Math.Min(_recipe.BatchRows ?? _data.Rows, _data.Rows);
        var stepsPerEpoch = (_data.Rows + batchRows - 1) / batchRows;
        var weights = new float[_layout.Parameters];
        _layout.Initialise(_recipe.Seed, weights);
        StepSha256.Add(WeightsHash.Of(weights));
        var update = Update(kernels, stepsPerEpoch);
        var blocks = new double[GradientNorm.Blocks(_layout.Parameters)];
        var (best, bestEpoch) = (double.NaN, 0);
        for (var epoch = 0; epoch < _recipe.Epochs; epoch++)
        {
            double epochLoss = 0;
            var order = new SeededPermutation(_recipe.Seed, "shuffle", (ulong)epoch, _data.Rows);
            for (long batch = 0; batch < stepsPerEpoch; batch++)
            {
                var step = (epoch * stepsPerEpoch) + batch;
                var rows = new long[Math.Min(batchRows, _data.Rows - (batch * batchRows))];
                order.Fill(batch * batchRows, rows);
                var leaves = rows.Chunk(_recipe.LeafRows).Select((leaf, index) => Leaf(weights, step, leaf, index)).ToArray();
                var (gradient, loss) = TreeSum(leaves);
                GradientNorm.BlockSums(kernels, gradient, blocks);
                var scale = 1.0 / rows.Length;
                scale *= _recipe.ClipNorm is { } clip ? GradientNorm.ClipFactor(GradientNorm.Norm(blocks, rows.Length), clip) : 1;
                IsFinite = double.IsFinite(loss) && gradient.All(float.IsFinite);
                weights = IsFinite ? update(step, loss * scale, scale, weights, gradient) : weights;
                IsFinite &= weights.All(float.IsFinite);
                if (!IsFinite)
                {
                    return;
                }

                epochLoss += loss;
                StepSha256.Add(WeightsHash.Of(weights));
            }

            var record = new EpochRecord(
                epoch + 1, (epoch + 1) * stepsPerEpoch, epochLoss / _data.Rows, validation?.Evaluate(weights), StepSha256[^1]);
            Epochs.Add(record);
            ResultEpoch = epoch + 1;
            if (_recipe.EarlyStopping is { } stopping)
            {
                var figure = stopping.Metric == StoppingMetric.ValidationAccuracy ? record.Validation!.Accuracy!.Value : -record.Validation!.Loss;
                if (bestEpoch == 0 || (figure > best && figure - best >= stopping.Least))
                {
                    (best, bestEpoch) = (figure, epoch + 1);
                }

                ResultEpoch = stopping.RestoreBest ? bestEpoch : ResultEpoch;
                if (epoch + 1 - bestEpoch >= stopping.Patience)
                {
                    return;
                }
            }
        }
    }

    /// <summary>
    /// The optimiser: from a step (from 0), its mean loss, the factor on the gradient's sum, weights and that sum to the next
    /// weights.
    /// </summary>
    private Func<long, double, double, float[], float[], float[]> Update(Kernels kernels, long stepsPerEpoch)
    {
        if (_recipe.Optimiser.Kind == OptimiserKind.Lbfgs)
        {
            var lbfgs = new Lbfgs(_layout, _recipe.Optimiser, _recipe.L2);
            var memory = new float[lbfgs.StateLength];
            return (step, loss, scale, weights, gradient) =>
            {
                var next = new float[weights.Length];
                lbfgs.Update(loss, scale, step + 1 == _recipe.Epochs * stepsPerEpoch, weights, gradient, next, memory);
                return next;
            };
        }

        var optimiser = new SegmentOptimiser(_layout, new Segment(0, 0, _layout.Parameters), _recipe.Optimiser, _recipe.L2, kernels);
        var state = new float[optimiser.StateLength];
        return (step, _, scale, weights, gradient) =>
        {
            var factor = Schedule.Factor(_recipe.Schedule, step + 1, stepsPerEpoch, _recipe.Epochs);
            optimiser.Update(step + 1, factor, scale, weights, gradient, weights, state);
            return weights;
        };
    }

    private (float[] Gradient, double Loss) Leaf(float[] weights, long step, long[] rows, int index)
    {
        var features = new float[rows.Length * _data.Features];
        var targets = new float[rows.Length * _data.Outputs];
        _data.Gather(rows, features, targets);
        var gradient = new float[_layout.Parameters];
        var loss = new double[1];
        var dropout = new DropoutDraw(_recipe.Seed, step, rows);
        _network.Gradient(weights, features, targets, rows.Length, _recipe.LeafRows, [new TreeNode(index, 1)], [gradient], loss, dropout);
        return ([.. gradient.Select(Rounded)], loss[0]);
    }

    private float Rounded(float sum)
    {
        if (_recipe.GradientPrecision == GradientPrecision.Float32 || !float.IsFinite(sum))
        {
            return sum;
        }

        // The nearest multiple of what the eighth bit of its mantissa stands for, of two the even one.
        var unit = Math.ScaleB(1, Math.Max(Math.ILogB(sum == 0 ? 1 : sum), -126) - 7);
        return (float)(Math.Round(sum / unit, MidpointRounding.ToEven) * unit);
    }

    private (float[] Gradient, double Loss) TreeSum(ReadOnlySpan<(float[] Gradient, double Loss)> leaves)
    {
        if (leaves.Length == 1)
        {
            return leaves[0];
        }

        var half = 1;
        while (half * 2 < leaves.Length)
        {
            half *= 2;
        }

        var (left, right) = (TreeSum(leaves[..half]), TreeSum(leaves[half..]));
        for (var index = 0; index < left.Gradient.Length; index++)
        {
            left.Gradient[index] = Rounded(left.Gradient[index] + right.Gradient[index]);
        }

        return (left.Gradient, left.Loss + right.Loss);
    }
}
