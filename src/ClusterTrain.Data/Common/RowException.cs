namespace ClusterTrain.Data.Common;

/// <summary>Something is wrong with one row; whoever knows where it stands says so.</summary>
/// <param name="row">Index of the row in its store.</param>
/// <param name="message">What is wrong, without the place.</param>
internal sealed class RowException(long row, string message) : Exception(message)
{
    /// <summary>Index of the row in its store.</summary>
    public long Row => row;
}
