namespace ClusterTrain.Learning.Optimisers.WholeModel;

/// <summary>A function of one variable at a point.</summary>
/// <param name="At">The point.</param>
/// <param name="Value">The function's value.</param>
/// <param name="Slope">Its derivative.</param>
internal readonly record struct LinePoint(double At, double Value, double Slope);
