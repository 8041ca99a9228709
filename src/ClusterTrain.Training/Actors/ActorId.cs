namespace ClusterTrain.Training;

/// <summary>
/// The name of one life of an actor. An actor that is started again gets a new id, so a message to a dead one never
/// reaches its successor by mistake.
/// </summary>
/// <param name="Name">For example <c>worker-2</c>, or <c>worker-2@7f31</c> for one life of a process.</param>
public sealed record ActorId(string Name)
{
    /// <inheritdoc/>
    public override string ToString() => Name;
}
