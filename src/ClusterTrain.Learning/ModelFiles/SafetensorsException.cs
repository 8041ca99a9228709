namespace ClusterTrain.Learning.ModelFiles;

/// <summary>A model file that cannot be read; the message names file, tensor, value and remedy.</summary>
public sealed class SafetensorsException : Exception
{
    /// <summary>A problem of a file.</summary>
    /// <param name="message">The whole line shown to the user.</param>
    /// <param name="inner">What caused it; null: nothing else.</param>
    public SafetensorsException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
