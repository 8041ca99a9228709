using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Learning.Optimisers.WholeModel;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Learning.Schedules;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Training.Servers;

/// <summary>
/// The arithmetic of one segment's update: mean gradient, clipping by the global norm, the optimiser, the check for finite
/// numbers.
/// </summary>
internal sealed class SegmentUpdate
{
    // Shorter parts cost more to hand to a thread than to compute. A thread that must be woken gets larger ones: the data lie in other cores' caches.
    private const int LeastPart = 64 * 1024;
    private const int LeastPartToWakeFor = 1024 * 1024;

    private readonly TrainingPlan _plan;
    private readonly NetworkLayout _layout;
    private readonly Kernels _kernels;
    private readonly ComputePool _pool;

    // One of the two: parameters by themselves, or the whole model at once.
    private readonly SegmentOptimiser? _optimiser;
    private readonly Lbfgs? _lbfgs;

    public SegmentUpdate(TrainingPlan plan, NetworkLayout layout, Segment segment, Kernels kernels, ComputePool pool)
    {
        _plan = plan;
        _layout = layout;
        _kernels = kernels;
        _pool = pool;
        Segment = segment;
        if (!Optimiser.NeedsWholeModel(plan.Recipe.Optimiser))
        {
            _optimiser = new SegmentOptimiser(layout, segment, plan.Recipe.Optimiser, plan.Recipe.L2, kernels);
        }
        else if (segment.Length == layout.Parameters)
        {
            _lbfgs = new Lbfgs(layout, plan.Recipe.Optimiser, plan.Recipe.L2);
        }
        else
        {
            throw new TrainingException($"the optimiser {plan.Recipe.Optimiser.Kind} needs the whole model in one segment; it was given {segment}.");
        }
    }

    public Segment Segment { get; }

    /// <summary>Floats of the optimiser's state.</summary>
    public int StateLength => _optimiser?.StateLength ?? _lbfgs!.StateLength;

    /// <summary>True when the gradient's global norm is bounded, so that every segment's part of it is needed.</summary>
    public bool Clips => _plan.Recipe.ClipNorm is not null;

    /// <summary>True when an update needs the whole sum at once; else its last addition may be left to the update.</summary>
    public bool NeedsWholeSum => Clips || _lbfgs is not null || IsRounded;

    private bool IsRounded => _plan.Recipe.GradientPrecision == GradientPrecision.BFloat16;

    /// <summary>Adds two siblings' sums; the destination may be one of them.</summary>
    public unsafe void Add(ReadOnlySpan<float> left, ReadOnlySpan<float> right, Span<float> destination)
    {
        fixed (float* first = left, second = right, sum = destination)
        {
            var parts = Parts();
            var job = new AddJob(this, parts, first, second, sum);
            _pool.Run(ref job, parts);
        }
    }

    /// <summary>Blocks of the segment's part of the gradient's norm.</summary>
    public int NormBlocks => GradientNorm.Blocks(Segment.Length);

    /// <summary>The segment's part of the gradient's norm.</summary>
    /// <param name="sum">The segment's gradient, as a sum over the batch's rows.</param>
    /// <param name="part">(<see cref="NormBlocks"/>) receives it.</param>
    public void NormPart(ReadOnlySpan<float> sum, Span<double> part) => GradientNorm.BlockSums(_kernels, sum, part);

    /// <summary>The norm of the mean gradient of a step, before clipping; NaN when this is one of several segments and nobody clips.</summary>
    public double NormOf(long step, in TensorMessage sum, NormParts parts)
    {
        if (!Clips && Segment.Length < _layout.Parameters)
        {
            return double.NaN;
        }

        if (!Clips)
        {
            NormPart(sum.Values, parts.Own);
        }

        return GradientNorm.Norm(parts.Blocks, _plan.Rows(step));
    }

    /// <summary>Computes the weights of the next step.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="weights">The segment's weights of this step.</param>
    /// <param name="sum">The sum of the gradient over the batch's rows; where <paramref name="right"/> is not empty, its left half.</param>
    /// <param name="right">Empty, or the sum's right half, which is added on the way; not where <see cref="NeedsWholeSum"/>.</param>
    /// <param name="loss">The sum of the rows' losses.</param>
    /// <param name="next">Receives the weights of the next step.</param>
    /// <param name="state">The optimiser's state, updated.</param>
    /// <param name="normBlocks">When clipping: the blocks of every segment's part of the norm, in order.</param>
    /// <returns>Null, or what is not finite.</returns>
    public string? Apply(
        long step,
        ReadOnlySpan<float> weights,
        ReadOnlySpan<float> sum,
        ReadOnlySpan<float> right,
        double loss,
        Span<float> next,
        Span<float> state,
        ReadOnlySpan<double> normBlocks)
    {
        if (!double.IsFinite(loss))
        {
            // A loss that is only too large comes of the outputs; one of numbers that are none has spread to a gradient.
            var gradient = Whole(sum, right);
            return _kernels.AllFinite(gradient)
                ? $"the loss ({loss}) of the outputs of layers.{_layout.Layers.Length - 1}"
                : $"the loss ({loss}), like {NotFinite(gradient, next)},";
        }

        var recipe = _plan.Recipe;
        var rows = _plan.Rows(step);
        var scale = 1.0 / rows;
        if (recipe.ClipNorm is { } clip)
        {
            scale *= GradientNorm.ClipFactor(GradientNorm.Norm(normBlocks, rows), clip);
        }

        bool allFinite;
        if (_lbfgs is not null)
        {
            // Checked first: a line search must not go by numbers that are none.
            if (!_kernels.AllFinite(sum))
            {
                return NotFinite(sum, next);
            }

            _lbfgs.Update(loss * scale, scale, step + 1 == _plan.Steps, weights, sum, next, state);
            allFinite = _kernels.AllFinite(next);
        }
        else
        {
            var factor = Schedule.Factor(recipe.Schedule, step + 1, _plan.StepsPerEpoch, recipe.Epochs);
            allFinite = Update(step + 1, factor, scale, weights, sum, right, next, state);
        }

        return allFinite ? null : NotFinite(Whole(sum, right), next);
    }

    private ReadOnlySpan<float> Whole(ReadOnlySpan<float> sum, ReadOnlySpan<float> right)
    {
        if (right.IsEmpty)
        {
            return sum;
        }

        var whole = new float[sum.Length];
        Add(sum, right, whole);
        return whole;
    }

    private unsafe bool Update(
        long step,
        double factor,
        double scale,
        ReadOnlySpan<float> weights,
        ReadOnlySpan<float> sum,
        ReadOnlySpan<float> right,
        Span<float> next,
        Span<float> state)
    {
        fixed (float* from = weights, by = sum, addend = right, to = next, kept = state)
        {
            var parts = Parts();
            var job = new UpdateJob(this, parts, step, factor, scale, from, by, addend, to, kept);
            _pool.Run(ref job, parts);
            return job.AllFinite;
        }
    }

    /// <summary>Parts in which the segment is added and updated; they do not change a bit.</summary>
    private int Parts() => Math.Clamp(Segment.Length / (_pool.Sleepers > 0 ? LeastPartToWakeFor : LeastPart), 1, _pool.Threads);

    private Range Part(int part, int parts) => (int)((long)Segment.Length * part / parts)..(int)((long)Segment.Length * (part + 1) / parts);

    private readonly unsafe struct AddJob(SegmentUpdate update, int parts, float* left, float* right, float* destination) : IComputeJob
    {
        public void Execute(int part, int thread)
        {
            var (start, length) = update.Part(part, parts).GetOffsetAndLength(update.Segment.Length);
            ReadOnlySpan<float> first = new(left + start, length), second = new(right + start, length);
            var sum = new Span<float>(destination + start, length);
            if (update.IsRounded)
            {
                update._kernels.Map(default(BFloat16Sum), first, second, sum);
            }
            else
            {
                update._kernels.Add(first, second, sum);
            }
        }
    }

    // The right half is null where there is none.
    private unsafe struct UpdateJob(
        SegmentUpdate update,
        int parts,
        long step,
        double factor,
        double scale,
        float* weights,
        float* sum,
        float* right,
        float* next,
        float* state) : IComputeJob
    {
        private int _notFinite;

        public readonly bool AllFinite => _notFinite == 0;

        public void Execute(int part, int thread)
        {
            var length = update.Segment.Length;
            if (!update._optimiser!.Update(
                step, factor, scale, new(weights, length), new(sum, length), new(right, right is null ? 0 : length), new Span<float>(next, length),
                new Span<float>(state, update.StateLength), update.Part(part, parts)))
            {
                Interlocked.Increment(ref _notFinite);
            }
        }
    }

    private string NotFinite(ReadOnlySpan<float> gradient, ReadOnlySpan<float> next)
    {
        var hasFiniteGradient = _kernels.AllFinite(gradient);
        var values = hasFiniteGradient ? next : gradient;
        var what = hasFiniteGradient ? "the updated" : "the gradient of";
        foreach (var tensor in _layout.Tensors)
        {
            var start = Math.Max(tensor.Offset, Segment.Start) - Segment.Start;
            var end = Math.Min(tensor.End, Segment.End) - Segment.Start;
            if (start < end && !_kernels.AllFinite(values[start..end]))
            {
                return $"{what} {tensor.Name}";
            }
        }

        return $"{what} parameters {Segment.Start}..{Segment.End - 1}";
    }
}
