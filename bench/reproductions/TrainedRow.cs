using ClusterTrain.Learning.Metrics;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Reproductions;

/// <summary>A run of a row's recipe.</summary>
/// <param name="Epochs">What its receipt says of each epoch.</param>
/// <param name="OnTraining">The figures of the result on the training rows.</param>
/// <param name="OnTest">The same on the test rows; null: there are none.</param>
internal sealed record TrainedRow(IReadOnlyList<EpochRecord> Epochs, Evaluation OnTraining, Evaluation? OnTest);
