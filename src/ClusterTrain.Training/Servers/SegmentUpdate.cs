using ClusterTrain.Learning;
using ClusterTrain.Numerics;

namespace ClusterTrain.Training;

/// <summary>The arithmetic of one segment's update: mean gradient, clipping by the global norm, the optimiser, the check for finite numbers.</summary>
internal sealed class SegmentUpdate
{
    private readonly TrainingPlan _plan;
    private readonly NetworkLayout _layout;
    private readonly Kernels _kernels;

    // One of the two: parameters by themselves, or the whole model at once.
    private readonly SegmentOptimiser? _optimiser;
    private readonly Lbfgs? _lbfgs;

    public SegmentUpdate(TrainingPlan plan, NetworkLayout layout, Segment segment, Kernels kernels)
    {
        _plan = plan;
        _layout = layout;
        _kernels = kernels;
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

    /// <summary>Adds a right sibling's sum into the left one's buffer.</summary>
    public TensorMessage Combine(TensorMessage left, TensorMessage right)
    {
        _kernels.Add(left.Values, right.Values);
        return left with { Loss = left.Loss + right.Loss };
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
    /// <param name="sum">The sum of the gradient over the batch's rows, with the sum of their losses.</param>
    /// <param name="next">Receives the weights of the next step.</param>
    /// <param name="state">The optimiser's state, updated.</param>
    /// <param name="normBlocks">When clipping: the blocks of every segment's part of the norm, in order.</param>
    /// <returns>Null, or what is not finite.</returns>
    public string? Apply(
        long step, ReadOnlySpan<float> weights, in TensorMessage sum, Span<float> next, Span<float> state, ReadOnlySpan<double> normBlocks)
    {
        if (!double.IsFinite(sum.Loss))
        {
            // A loss that is only too large comes of the outputs; one of numbers that are none has spread to a gradient.
            return _kernels.AllFinite(sum.Values)
                ? $"the loss ({sum.Loss}) of the outputs of layers.{_layout.Layers.Length - 1}"
                : $"the loss ({sum.Loss}), like {NotFinite(sum.Values, next)},";
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
            if (!_kernels.AllFinite(sum.Values))
            {
                return NotFinite(sum.Values, next);
            }

            _lbfgs.Update(sum.Loss * scale, scale, step + 1 == _plan.Steps, weights, sum.Values, next, state);
            allFinite = _kernels.AllFinite(next);
        }
        else
        {
            var factor = Schedule.Factor(recipe.Schedule, step + 1, _plan.StepsPerEpoch, recipe.Epochs);
            allFinite = _optimiser!.Update(step + 1, factor, scale, weights, sum.Values, next, state);
        }

        return allFinite ? null : NotFinite(sum.Values, next);
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
