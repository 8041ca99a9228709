using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;

namespace ClusterTrain.Learning.Optimisers;

/// <summary>
/// Updates one segment of the flat vector, whose borders may cut through tensors. L2 and weight decay apply to its weights,
/// not to its biases.
/// </summary>
public sealed class SegmentOptimiser
{
    private readonly IOptimiser _optimiser;
    private readonly (int Start, int Length, bool IsBias)[] _pieces;
    private readonly double _rate;
    private readonly double _l2;
    private readonly double _weightDecay;

    /// <summary>The optimiser of a segment.</summary>
    /// <param name="layout">The network whose parameters are cut into segments.</param>
    /// <param name="segment">The segment.</param>
    /// <param name="recipe">The update rule and its constants.</param>
    /// <param name="l2">The recipe's L2 factor.</param>
    /// <param name="kernels">The kernels in use; all give the same bits.</param>
    /// <exception cref="ArgumentException">The segment is not inside the network.</exception>
    public SegmentOptimiser(NetworkLayout layout, Segment segment, OptimiserRecipe recipe, double l2, Kernels kernels)
    {
        if (segment.Start < 0 || segment.Length < 1 || segment.Length > layout.Parameters - segment.Start)
        {
            throw new ArgumentException($"{segment} is not inside the {layout.Parameters} parameters.", nameof(segment));
        }

        Segment = segment;
        _optimiser = Optimiser.Create(recipe, kernels);
        _rate = recipe.Rate;
        _l2 = l2;
        _weightDecay = recipe.Kind == OptimiserKind.AdamW ? recipe.WeightDecay : 0;
        _pieces = [.. Pieces(layout, segment)];
    }

    /// <summary>The segment updated.</summary>
    public Segment Segment { get; }

    /// <summary>Floats of state per parameter.</summary>
    public int StateCount => _optimiser.StateCount;

    /// <summary>
    /// Length of the state: <see cref="StateCount"/> planes of the segment's length, one after the other; zeros at
    /// the start.
    /// </summary>
    public int StateLength => checked(StateCount * Segment.Length);

    /// <summary>Computes all of the segment's weights of the next step.</summary>
    /// <inheritdoc cref="Update(long, double, double, ReadOnlySpan{float}, ReadOnlySpan{float}, ReadOnlySpan{float}, Span{float}, Span{float}, Range)"/>
    public bool Update(
        long step,
        double rateFactor,
        double gradientScale,
        ReadOnlySpan<float> weights,
        ReadOnlySpan<float> gradient,
        Span<float> next,
        Span<float> state) =>
        Update(step, rateFactor, gradientScale, weights, gradient, [], next, state, Range.All);

    /// <summary>Computes a part of the segment's weights of the next step; parts may be computed at the same time.</summary>
    /// <param name="step">Number of the step, from 1.</param>
    /// <param name="rateFactor">The schedule's factor on the learning rate.</param>
    /// <param name="gradientScale">Factor on the gradient: one over the batch's rows, times the clip factor.</param>
    /// <param name="weights">(segment) weights of this step.</param>
    /// <param name="gradient">(segment) gradient, as a sum over the batch's rows.</param>
    /// <param name="addend">Empty, or (segment) what is still to be added to <paramref name="gradient"/>, on its right.</param>
    /// <param name="next">(segment) receives the weights of the next step; may be <paramref name="weights"/>.</param>
    /// <param name="state">(<see cref="StateLength"/>) the optimiser's state, updated.</param>
    /// <param name="part">Where to do so; the rest of <paramref name="next"/> and <paramref name="state"/> stays as it is.</param>
    /// <returns>True when every weight of the next step that was computed is finite.</returns>
    /// <exception cref="ArgumentException">A length is not the segment's.</exception>
    public bool Update(
        long step,
        double rateFactor,
        double gradientScale,
        ReadOnlySpan<float> weights,
        ReadOnlySpan<float> gradient,
        ReadOnlySpan<float> addend,
        Span<float> next,
        Span<float> state,
        Range part)
    {
        var length = Segment.Length;
        var (partStart, partLength) = part.GetOffsetAndLength(length);
        if (weights.Length != length || gradient.Length != length || (!addend.IsEmpty && addend.Length != length)
            || next.Length != length || state.Length != StateLength)
        {
            throw new ArgumentException(
                $"{Segment} with {StateCount} floats of state per parameter does not agree with {weights.Length} weights, "
                + $"{gradient.Length} gradients, {addend.Length} to be added, {next.Length} next weights and {state.Length} floats of state.");
        }

        var first = StateCount > 0 ? state[..length] : default;
        var second = StateCount > 1 ? state[length..] : default;
        var factors = new UpdateStep(step, _rate * rateFactor, gradientScale);
        var allFinite = true;
        foreach (var (pieceStart, pieceLength, isBias) in _pieces)
        {
            var start = Math.Max(pieceStart, partStart);
            var count = Math.Min(pieceStart + pieceLength, partStart + partLength) - start;
            if (count <= 0)
            {
                continue;
            }

            allFinite &= _optimiser.Update(
                isBias ? factors : factors with { L2 = _l2, WeightDecay = _weightDecay },
                weights.Slice(start, count),
                gradient.Slice(start, count),
                addend.IsEmpty ? [] : addend.Slice(start, count),
                next.Slice(start, count),
                StateCount > 0 ? first.Slice(start, count) : default,
                StateCount > 1 ? second.Slice(start, count) : default);
        }

        return allFinite;
    }

    private static IEnumerable<(int Start, int Length, bool IsBias)> Pieces(NetworkLayout layout, Segment segment)
    {
        foreach (var tensor in layout.Tensors)
        {
            var start = Math.Max(tensor.Offset, segment.Start);
            var end = Math.Min(tensor.End, segment.End);
            if (start < end)
            {
                yield return (start - segment.Start, end - start, tensor.IsBias);
            }
        }
    }
}
