using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.Optimisers.WholeModel;

/// <summary>
/// L-BFGS with a line search for the strong Wolfe conditions (Nocedal and Wright 2006, algorithms 7.4 and 7.5), for full
/// batches. Each step of training is one evaluation of the loss and its gradient; what comes of it are the weights to evaluate
/// next. Between evaluations all it knows lies in an explicit state, so a run can be stopped in the middle of a line search.
/// </summary>
/// <remarks>
/// Directions are not computed parameter by parameter, so one server holds the whole model. All sums are in double and in a
/// fixed order. Once the largest derivative is within the tolerance, or no step makes the loss smaller, the weights stay. One
/// instance serves one caller at a time.
/// </remarks>
public sealed class Lbfgs
{
    // A pair whose curvature is not above this share of the change's square would spoil the directions.
    private const double LeastCurvature = 1e-10;

    private readonly NetworkLayout _layout;
    private readonly int _memory;
    private readonly double _tolerance;
    private readonly double _l2;
    private readonly FixedOrderDot _dot;
    private readonly float[] _gradient;
    private readonly double[] _work;

    /// <summary>The optimiser of a whole network.</summary>
    /// <param name="layout">The network.</param>
    /// <param name="recipe">Memory and tolerance.</param>
    /// <param name="l2">The recipe's L2 factor: its term is part of the loss and of the gradient.</param>
    public Lbfgs(NetworkLayout layout, OptimiserRecipe recipe, double l2)
    {
        _layout = layout;
        _memory = recipe.Memory;
        _tolerance = recipe.Tolerance;
        _l2 = l2;
        _dot = new FixedOrderDot(layout.Parameters);
        _gradient = new float[layout.Parameters];
        _work = new double[layout.Parameters];
    }

    /// <summary>Length of the state: <see cref="StatePlanes"/> planes of the parameters' length; zeros at the start.</summary>
    public int StateLength => checked(LbfgsState.Planes(_memory, _layout.Parameters) * _layout.Parameters);

    /// <summary>Planes of the parameters' length that the state fills: two per remembered step and a few more.</summary>
    public static int StatePlanes(OptimiserRecipe recipe, int parameters) => LbfgsState.Planes(recipe.Memory, parameters);

    /// <summary>Takes an evaluation and says what to evaluate next.</summary>
    /// <param name="loss">Mean loss over the rows at the weights, without L2's term.</param>
    /// <param name="gradientScale">Factor on the gradient: one over the rows.</param>
    /// <param name="isLast">True when no evaluation follows: the best weights known are wanted, not new ones.</param>
    /// <param name="weights">(parameters) where it was evaluated: the start weights, or what the former call gave.</param>
    /// <param name="gradient">(parameters) gradient there, as a sum over the rows; finite.</param>
    /// <param name="next">(parameters) receives the weights to evaluate next.</param>
    /// <param name="state">(<see cref="StateLength"/>) the optimiser's state, updated.</param>
    /// <exception cref="ArgumentException">A length does not agree.</exception>
    public void Update(
        double loss,
        double gradientScale,
        bool isLast,
        ReadOnlySpan<float> weights,
        ReadOnlySpan<float> gradient,
        Span<float> next,
        Span<float> state)
    {
        var parameters = _layout.Parameters;
        if (weights.Length != parameters || gradient.Length != parameters || next.Length != parameters || state.Length != StateLength)
        {
            throw new ArgumentException(
                $"{parameters} parameters with a memory of {_memory} do not agree with {weights.Length} weights, {gradient.Length} "
                + $"gradients, {next.Length} next weights and {state.Length} floats of state.");
        }

        var at = new LbfgsState(state, parameters, _memory);
        if (at.At == LbfgsState.Stage.Done)
        {
            weights.CopyTo(next);
            return;
        }

        var value = Regularised(loss, gradientScale, weights, gradient);
        if (at.At != LbfgsState.Stage.Searching)
        {
            Accept(at, value, weights, next, isLast);
            return;
        }

        var (search, verdict) = at.Search.Evaluated(value, _dot.Of(_gradient, at.Direction));
        if (verdict == WolfeSearch.Verdict.Accept)
        {
            Accept(at, value, weights, next, isLast);
            return;
        }

        at.Search = search;
        if (verdict == WolfeSearch.Verdict.GoOn && !isLast)
        {
            Move(at, search.Trial, next);
        }
        else if (search.Low.At > 0 || isLast)
        {
            at.At = LbfgsState.Stage.Returning;
            Move(at, search.Low.At, next);
        }
        else
        {
            Restart(at, search.Start.Value, next);
        }
    }

    // The loss with L2's term; its gradient goes to the scratch vector. Biases have no such term.
    private double Regularised(double loss, double gradientScale, ReadOnlySpan<float> weights, ReadOnlySpan<float> gradient)
    {
        double squares = 0;
        foreach (var tensor in _layout.Tensors)
        {
            var l2 = tensor.IsBias ? 0 : _l2;
            for (var index = tensor.Offset; index < tensor.End; index++)
            {
                _gradient[index] = (float)((gradient[index] * gradientScale) + (l2 * weights[index]));
            }

            if (l2 > 0)
            {
                var values = weights.Slice(tensor.Offset, tensor.Length);
                squares += _dot.Of(values, values);
            }
        }

        return loss + (0.5 * _l2 * squares);
    }

    private void Accept(LbfgsState at, double value, ReadOnlySpan<float> weights, Span<float> next, bool isLast)
    {
        if (at.At != LbfgsState.Stage.First)
        {
            Remember(at, weights);
        }

        weights.CopyTo(at.Point);
        _gradient.CopyTo(at.Gradient);
        var isFlat = true;
        foreach (var derivative in _gradient)
        {
            isFlat &= Math.Abs(derivative) <= _tolerance;
        }

        if (isFlat || isLast)
        {
            at.At = LbfgsState.Stage.Done;
            weights.CopyTo(next);
            return;
        }

        Aim(at);
        var slope = _dot.Of(at.Gradient, at.Direction);
        if (slope < 0)
        {
            Search(at, value, slope, next);
        }
        else
        {
            Restart(at, value, next);
        }
    }

    private void Remember(LbfgsState at, ReadOnlySpan<float> weights)
    {
        var slot = at.Pairs == 0 ? 0 : (at.Newest + 1) % _memory;
        var step = at.StepOf(slot);
        var change = at.ChangeOf(slot);
        for (var index = 0; index < step.Length; index++)
        {
            step[index] = weights[index] - at.Point[index];
            change[index] = _gradient[index] - at.Gradient[index];
        }

        if (_dot.Of(step, change) > LeastCurvature * _dot.Of(change, change))
        {
            at.Newest = slot;
            at.Pairs = Math.Min(at.Pairs + 1, _memory);
        }
        else
        {
            // The oldest pair, if the memory was full, lay in the slot just used.
            at.Pairs = Math.Min(at.Pairs, _memory - 1);
        }
    }

    // direction = -H · gradient by the two-loop recursion.
    private void Aim(LbfgsState at)
    {
        var pairs = at.Pairs;
        Span<double> curvature = stackalloc double[pairs];
        Span<double> weight = stackalloc double[pairs];
        for (var index = 0; index < _work.Length; index++)
        {
            _work[index] = at.Gradient[index];
        }

        for (var age = 0; age < pairs; age++)
        {
            var slot = (at.Newest - age + _memory) % _memory;
            curvature[age] = _dot.Of(at.StepOf(slot), at.ChangeOf(slot));
            weight[age] = _dot.Of(at.StepOf(slot), _work) / curvature[age];
            AddToWork(at.ChangeOf(slot), -weight[age]);
        }

        if (pairs > 0)
        {
            var newest = at.ChangeOf(at.Newest);
            var scale = curvature[0] / _dot.Of(newest, newest);
            for (var index = 0; index < _work.Length; index++)
            {
                _work[index] *= scale;
            }
        }

        for (var age = pairs - 1; age >= 0; age--)
        {
            var slot = (at.Newest - age + _memory) % _memory;
            AddToWork(at.StepOf(slot), weight[age] - (_dot.Of(at.ChangeOf(slot), _work) / curvature[age]));
        }

        var direction = at.Direction;
        for (var index = 0; index < direction.Length; index++)
        {
            direction[index] = (float)-_work[index];
        }
    }

    private void AddToWork(ReadOnlySpan<float> values, double factor)
    {
        for (var index = 0; index < values.Length; index++)
        {
            _work[index] += factor * values[index];
        }
    }

    // Without its memory the direction is steepest descent; where even that does not descend, the weights are as good as float
    // arithmetic can tell.
    private void Restart(LbfgsState at, double value, Span<float> next)
    {
        var wasSteepest = at.Pairs == 0;
        at.Pairs = 0;
        var slope = -_dot.Of(at.Gradient, at.Gradient);
        if (wasSteepest || !(slope < 0))
        {
            at.At = LbfgsState.Stage.Done;
            at.Point.CopyTo(next);
            return;
        }

        for (var index = 0; index < at.Direction.Length; index++)
        {
            at.Direction[index] = -at.Gradient[index];
        }

        Search(at, value, slope, next);
    }

    private void Search(LbfgsState at, double value, double slope, Span<float> next)
    {
        // A direction of steepest descent has no length of its own: its first trial is a step of length 1 at most.
        var first = at.Pairs > 0 ? 1 : Math.Min(1, 1 / Math.Sqrt(_dot.Of(at.Direction, at.Direction)));
        at.At = LbfgsState.Stage.Searching;
        at.Search = WolfeSearch.Begin(value, slope, first);
        Move(at, first, next);
    }

    private static void Move(LbfgsState at, double step, Span<float> next)
    {
        var point = at.Point;
        var direction = at.Direction;
        for (var index = 0; index < next.Length; index++)
        {
            next[index] = (float)(point[index] + (step * direction[index]));
        }
    }
}
