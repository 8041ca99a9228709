namespace ClusterTrain.Training.Messages;

/// <summary>A run cannot continue. The message names the step, the node and what to do.</summary>
public sealed class TrainingException : Exception
{
    /// <summary>Creates the error.</summary>
    public TrainingException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the error with its cause.</summary>
    public TrainingException(string message, Exception cause)
        : base(message, cause)
    {
    }

    /// <summary>Creates an error without details.</summary>
    public TrainingException()
    {
    }
}
