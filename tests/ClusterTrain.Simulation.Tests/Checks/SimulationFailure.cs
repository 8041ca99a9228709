namespace ClusterTrain.Simulation.Tests;

/// <summary>The cluster broke a promise.</summary>
/// <param name="promise">Which, in a word: liveness, weights, loss, terms, durability, memory, crash.</param>
/// <param name="what">What was seen.</param>
internal sealed class SimulationFailure(string promise, string what) : Exception($"{promise}: {what}")
{
    public string Promise { get; } = promise;
}
