using System.Globalization;

namespace ClusterTrain.Cluster.Sharing;

/// <summary>A process of this machine, told from a later one of the same number by when it started.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Started">When it started, in clock ticks since the system did.</param>
internal readonly record struct ProcessIdentity(int Id, long Started)
{
    // The 22nd field of /proc/PID/stat; the second, in parentheses, may hold spaces.
    private const int FieldsAfterTheName = 19;

    /// <summary>This process.</summary>
    public static ProcessIdentity Own { get; } = new(Environment.ProcessId, StartOf(Environment.ProcessId) ?? 0);

    public bool HasEnded => StartOf(Id) != Started;

    private static long? StartOf(int id)
    {
        try
        {
            var text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/stat"));
            return long.Parse(text[(text.LastIndexOf(')') + 2)..].Split(' ')[FieldsAfterTheName], CultureInfo.InvariantCulture);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // There is no such process.
            return null;
        }
    }
}
