namespace ClusterTrain.Learning.Checks;

/// <summary>
/// What a <see cref="GradientCheck"/> found in one tensor. Differences are relative to the tensor's largest
/// derivative.
/// </summary>
/// <param name="Tensor">Name of the tensor.</param>
/// <param name="Derivatives">Number of derivatives compared with finite differences.</param>
/// <param name="FiniteDifference">Largest difference between the chain rule and finite differences, both in double.</param>
/// <param name="Network">Largest difference between the network's float gradient and the chain rule in double.</param>
public sealed record TensorCheck(string Tensor, int Derivatives, double FiniteDifference, double Network)
{
    /// <summary>True when both differences are within <see cref="GradientCheck"/>'s tolerances.</summary>
    public bool Passed =>
        FiniteDifference <= GradientCheck.FiniteDifferenceTolerance && Network <= GradientCheck.NetworkTolerance;
}
