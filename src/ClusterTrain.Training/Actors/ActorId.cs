namespace ClusterTrain.Training.Actors;

/// <summary>
/// The name of one incarnation of an actor. An actor that is started again gets a new id, so a message to a dead one never
/// reaches its successor by mistake.
/// </summary>
/// <param name="Name">For example <c>worker-2</c>, or <c>worker-2/7f31c0</c> for one incarnation of a process.</param>
public sealed record ActorId(string Name)
{
    /// <summary>The node's name, the same for all incarnations: what stands before the slash.</summary>
    public string Node => Name.IndexOf('/', StringComparison.Ordinal) is var slash and > 0 ? Name[..slash] : Name;

    /// <inheritdoc/>
    public override string ToString() => Name;
}
