namespace ClusterTrain.Training.Coordination;

/// <summary>An entry of the receipt says otherwise than what was computed again. The message names the step, both, and what to do.</summary>
public sealed class ContradictionException : Exception
{
    /// <summary>Creates the error.</summary>
    public ContradictionException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the error with its cause.</summary>
    public ContradictionException(string message, Exception cause)
        : base(message, cause)
    {
    }

    /// <summary>Creates an error without details.</summary>
    public ContradictionException()
    {
    }
}
