namespace ClusterTrain.Runs;

/// <summary>A run folder cannot be used. The message names it and what to do.</summary>
public sealed class RunFolderException : Exception
{
    /// <summary>What to do about a file of the run that is damaged.</summary>
    internal const string RemedyOfDamage = "Restore the file from a copy, or start a new run.";

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
