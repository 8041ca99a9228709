using System.Net.Sockets;
using ClusterTrain.Cluster.Wire;

namespace ClusterTrain.Cluster.Links;

/// <summary>What the network throws, in words.</summary>
internal static class LinkErrors
{
    /// <summary>True for what a broken connection throws, not for a mistake in the program.</summary>
    public static bool IsLost(Exception error) =>
        error is SocketException or IOException or ObjectDisposedException or LinkException;

    /// <summary>The cause in a few words.</summary>
    public static string Cause(Exception error) => error switch
    {
        LinkException { IsRefusal: true } refusal => $"it refused: {refusal.Message}",
        LinkException problem => problem.Message,
        EndOfStreamException => "it closed the connection",
        ObjectDisposedException => "the connection was closed",
        SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown } =>
            "its connection broke (its process may have died)",
        SocketException { SocketErrorCode: SocketError.TimedOut } => "the network no longer reaches it",
        IOException { InnerException: SocketException inner } => Cause(inner),
        _ => error.Message,
    };
}
