namespace ClusterTrain.Learning.Optimisers;

/// <summary>
/// An update rule over flat parameters. It works on each parameter by itself, so any cut of the parameters into ranges
/// gives the same bits; its memory is explicit state that the caller keeps.
/// </summary>
public interface IOptimiser
{
    /// <summary>Floats of state per parameter: 0, 1 or 2. All start at zero.</summary>
    int StateCount { get; }

    /// <summary>Computes the weights of the next step.</summary>
    /// <param name="step">The position in the run and the factors of this step.</param>
    /// <param name="weights">(n) weights of this step.</param>
    /// <param name="gradient">
    /// (n) gradient of the batch, as a sum; multiplied by <see cref="UpdateStep.GradientScale"/> here.
    /// </param>
    /// <param name="addend">Empty, or (n) what is still to be added to <paramref name="gradient"/>, on its right.</param>
    /// <param name="next">(n) receives the weights of the next step; may be <paramref name="weights"/>.</param>
    /// <param name="first">(n) first state of each parameter, updated; empty when there is none.</param>
    /// <param name="second">(n) second state of each parameter, updated; empty when there is none.</param>
    /// <returns>True when every weight of the next step is finite.</returns>
    /// <exception cref="ArgumentException">The lengths do not agree.</exception>
    bool Update(
        in UpdateStep step,
        ReadOnlySpan<float> weights,
        ReadOnlySpan<float> gradient,
        ReadOnlySpan<float> addend,
        Span<float> next,
        Span<float> first,
        Span<float> second);
}
