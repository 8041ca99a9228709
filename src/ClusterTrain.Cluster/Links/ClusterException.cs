namespace ClusterTrain.Cluster.Links;

/// <summary>A cluster node cannot be set up; the message says why and what to do.</summary>
public sealed class ClusterException : Exception
{
    /// <summary>Creates the exception.</summary>
    public ClusterException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong, and the remedy.</param>
    public ClusterException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong, and the remedy.</param>
    /// <param name="innerException">What it came from.</param>
    public ClusterException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
