using ClusterTrain.Training.Actors;

namespace ClusterTrain.Cluster.Links;

/// <summary>
/// The ids of a cluster's actors. The coordinator's is always the same; a member's is its name and the number of its incarnation, and for
/// a parameter server also where it is reached: whoever is told the id can connect, without a directory.
/// </summary>
public static class MemberIds
{
    /// <summary>The coordinator.</summary>
    public static ActorId Coordinator { get; } = new("coordinator");

    /// <summary>A worker, for example <c>worker-2/7f31c0</c>.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="incarnation">Names one incarnation of it.</param>
    public static ActorId Worker(string name, string incarnation) => new($"{name}/{incarnation}");

    /// <summary>A parameter server, for example <c>parameter-server-1/ab12cd@10.0.0.5:7071</c>.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="incarnation">Names one incarnation of it.</param>
    /// <param name="endpoint">Where others reach it.</param>
    public static ActorId ParameterServer(string name, string incarnation, NodeEndpoint endpoint) => new($"{name}/{incarnation}@{endpoint}");

    /// <summary>Where an actor is reached; null when its id does not say.</summary>
    public static NodeEndpoint? Endpoint(ActorId id)
    {
        ArgumentNullException.ThrowIfNull(id);
        var at = id.Name.LastIndexOf('@');
        return at < 0 ? null : NodeEndpoint.Parse(id.Name[(at + 1)..], NodeEndpoint.ServerPort);
    }

    /// <summary>Checks the name of a member.</summary>
    /// <exception cref="ClusterException">It is empty, too long, or has other than letters, digits, '.', '_' and '-'.</exception>
    internal static void CheckName(string name)
    {
        if (name.Length is 0 or > 63 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'))
        {
            throw new ClusterException($"'{name}' cannot be a node's name: use 1 to 63 letters, digits, '.', '_' and '-'.");
        }
    }
}
