namespace ClusterTrain.Hosting;

/// <summary>A run folder cannot be used. The message names it and what to do.</summary>
public sealed class RunFolderException : Exception
{
    /// <summary>Creates the error.</summary>
    public RunFolderException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the error with its cause.</summary>
    public RunFolderException(string message, Exception cause)
        : base(message, cause)
    {
    }

    /// <summary>Creates an error without details.</summary>
    public RunFolderException()
    {
    }
}
