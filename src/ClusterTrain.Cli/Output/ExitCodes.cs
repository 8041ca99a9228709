namespace ClusterTrain.Cli.Output;

/// <summary>What the command's exit code says.</summary>
internal static class ExitCodes
{
    /// <summary>It did what was asked.</summary>
    public const int Ok = 0;

    /// <summary>The run failed: it diverged, a node was lost for good, a disk was full, the memory was not enough.</summary>
    public const int Failed = 1;

    /// <summary>What was asked cannot be done: options, recipe, data or files are wrong.</summary>
    public const int Usage = 2;

    /// <summary>An error that is the program's own.</summary>
    public const int Internal = 70;

    /// <summary>Stopped by SIGHUP: the terminal or session was closed.</summary>
    public const int HungUp = 129;

    /// <summary>Stopped by Ctrl-C (SIGINT).</summary>
    public const int Interrupted = 130;

    /// <summary>Stopped by SIGTERM.</summary>
    public const int Terminated = 143;

    /// <summary>What <c>clustertrain help exit-codes</c> says of them.</summary>
    public static readonly (string Code, string Meaning)[] Help =
    [
        ("0", "done"),
        ("1", "the run failed"),
        ("2", "an option, the recipe, the data or a file is wrong"),
        ("70", "a bug in ClusterTrain"),
        ("129", "stopped by SIGHUP, the end of its terminal or session; a training run can be resumed"),
        ("130", "stopped by Ctrl-C; a training run can be resumed"),
        ("143", "stopped by SIGTERM; a training run can be resumed"),
    ];
}
