namespace ClusterTrain.Cli.Output;

/// <summary>What the user asked for cannot be done; the message says why, and what can.</summary>
internal sealed class UsageException : Exception
{
    public UsageException(string message)
        : base(message)
    {
    }

    public UsageException(string message, Exception cause)
        : base(message, cause)
    {
    }
}
