namespace ClusterTrain.Data.Common;

/// <summary>
/// Something is wrong with the data a user supplied or asked for. The message names the file, the place in it, the value found
/// there and what to do; it is meant to be shown as it is.
/// </summary>
public sealed class DataException : Exception
{
    /// <summary>An error with the message to show.</summary>
    public DataException(string message)
        : base(message)
    {
    }

    /// <summary>An error with the message to show and what caused it.</summary>
    public DataException(string message, Exception cause)
        : base(message, cause)
    {
    }
}
