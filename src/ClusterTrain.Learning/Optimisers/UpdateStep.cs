namespace ClusterTrain.Learning.Optimisers;

/// <summary>What an update depends on besides the tensors.</summary>
/// <param name="Number">Number of the step, from 1.</param>
/// <param name="Rate">Learning rate: the recipe's, times the schedule's factor.</param>
/// <param name="GradientScale">Factor on the gradient: one over the batch's rows, times the clip factor.</param>
/// <param name="L2">λ: L2 adds λ · w to the scaled gradient. 0 for biases.</param>
/// <param name="WeightDecay">AdamW's decoupled decay: w is first multiplied by 1 - rate · decay. 0 for biases.</param>
public readonly record struct UpdateStep(long Number, double Rate, double GradientScale, double L2 = 0, double WeightDecay = 0);
