namespace ClusterTrain.Learning.Optimisers.WholeModel;

/// <summary>
/// A line search for the strong Wolfe conditions that is told one evaluation at a time: it brackets a minimum by longer and
/// longer steps, then narrows the bracket by cubic interpolation. Source: Nocedal and Wright, "Numerical optimization", 2nd ed.
/// 2006, algorithms 3.5 and 3.6. All it knows is in its numbers, so that a search can be saved and resumed.
/// </summary>
/// <param name="Start">The function at 0; its slope there is negative.</param>
/// <param name="Low">The best point so far that decreases the function enough; at first <paramref name="Start"/>.</param>
/// <param name="High">When bracketed, the other end: between the two lies a point that is good enough.</param>
/// <param name="Trial">The point to evaluate next.</param>
/// <param name="IsBracketed">True once <paramref name="High"/> is known.</param>
/// <param name="Evaluations">Points evaluated so far.</param>
internal sealed record WolfeSearch(LinePoint Start, LinePoint Low, LinePoint High, double Trial, bool IsBracketed, int Evaluations)
{
    // Sufficient decrease and curvature; the usual choice for quasi-Newton directions.
    private const double Decrease = 1e-4;
    private const double Curvature = 0.9;

    // Losses are sums of float roundings: differences below this share of the loss say nothing, and there the slope decides
    // (the approximate Wolfe conditions of Hager and Zhang, SIAM Journal on Optimization 16, 2005).
    private const double Noise = 1e-6;

    private const int MostEvaluations = 20;
    private const double LeastGrowth = 1.5;
    private const double MostGrowth = 4;
    private const double LeastShrink = 0.1;

    /// <summary>What is to be done after an evaluation.</summary>
    public enum Verdict
    {
        /// <summary>Evaluate <see cref="Trial"/>.</summary>
        GoOn,

        /// <summary>The point just evaluated is good enough.</summary>
        Accept,

        /// <summary>No point is good enough within the bound; <see cref="Low"/> is the best.</summary>
        GiveUp,
    }

    /// <summary>Begins a search.</summary>
    public static WolfeSearch Begin(double value, double slope, double firstTrial)
    {
        var start = new LinePoint(0, value, slope);
        return new WolfeSearch(start, start, default, firstTrial, false, 0);
    }

    /// <summary>Takes the function's value and slope at <see cref="Trial"/>.</summary>
    public (WolfeSearch Next, Verdict Verdict) Evaluated(double value, double slope)
    {
        var point = new LinePoint(Trial, value, slope);
        if (IsGoodEnough(point))
        {
            return (this, Verdict.Accept);
        }

        var next = (IsBracketed ? Narrowed(point) : Bracketed(point)) with { Evaluations = Evaluations + 1 };
        var isSpent = next.Evaluations == MostEvaluations || next.Trial == next.Low.At || (IsBracketed && next.Trial == next.High.At);
        return (next, isSpent ? Verdict.GiveUp : Verdict.GoOn);
    }

    private bool IsGoodEnough(LinePoint point)
    {
        if (Math.Abs(point.Slope) > -Curvature * Start.Slope)
        {
            return false;
        }

        return point.Value <= Start.Value + (Decrease * point.At * Start.Slope)
            || Math.Abs(point.Value - Start.Value) <= Noise * Math.Abs(Start.Value);
    }

    private WolfeSearch Bracketed(LinePoint point)
    {
        if (IsTooHigh(point))
        {
            return Inside(Low, point);
        }

        if (point.Slope >= 0)
        {
            return Inside(point, Low);
        }

        // Still downhill: farther, to where a cubic through the last two points has its minimum, within bounds.
        var cubic = Cubic(Low, point);
        var (least, most) = (LeastGrowth * point.At, MostGrowth * point.At);
        return this with { Low = point, Trial = cubic > least ? Math.Min(cubic, most) : cubic > 0 ? least : most };
    }

    private WolfeSearch Narrowed(LinePoint point)
    {
        if (IsTooHigh(point))
        {
            return Inside(Low, point);
        }

        return point.Slope * (High.At - Low.At) >= 0 ? Inside(point, Low) : Inside(point, High);
    }

    private bool IsTooHigh(LinePoint point) =>
        point.Value > Start.Value + (Decrease * point.At * Start.Slope) || point.Value >= Low.Value;

    // The cubic's minimum, but no nearer to an end than a tenth of the bracket.
    private WolfeSearch Inside(LinePoint low, LinePoint high)
    {
        var margin = LeastShrink * (high.At - low.At);
        var (first, last) = (Math.Min(low.At + margin, high.At - margin), Math.Max(low.At + margin, high.At - margin));
        var cubic = Cubic(low, high);
        var trial = cubic >= first && cubic <= last ? cubic : cubic < first ? first : cubic > last ? last : (first + last) / 2;
        return this with { Low = low, High = high, Trial = trial, IsBracketed = true };
    }

    // The minimiser of the cubic through two values and slopes (Nocedal and Wright, equation 3.59); NaN where it has none.
    private static double Cubic(LinePoint a, LinePoint b)
    {
        var first = a.Slope + b.Slope - (3 * ((a.Value - b.Value) / (a.At - b.At)));
        var second = Math.Sqrt((first * first) - (a.Slope * b.Slope)) * Math.Sign(b.At - a.At);
        return b.At - ((b.At - a.At) * ((b.Slope + second - first) / (b.Slope - a.Slope + (2 * second))));
    }
}
