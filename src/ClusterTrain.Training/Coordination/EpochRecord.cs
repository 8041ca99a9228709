using ClusterTrain.Learning.Metrics;

namespace ClusterTrain.Training.Coordination;

/// <summary>What the receipt says of one epoch: a pure function of the recipe and the data.</summary>
/// <param name="Epoch">The epoch, counted from 1.</param>
/// <param name="Step">Steps done at its end.</param>
/// <param name="Loss">Mean over the epoch's rows of their loss, each under the weights of its own step.</param>
/// <param name="Validation">Figures on the validation rows under the epoch's last weights; null when there are no such rows.</param>
/// <param name="WeightsSha256">SHA-256 of the weights as little-endian float32, hexadecimal.</param>
public sealed record EpochRecord(int Epoch, long Step, double Loss, Evaluation? Validation, string WeightsSha256);
