using System.Diagnostics;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>The program and the tests of the kernels for linux-arm64, which an emulator runs. They are published once.</summary>
public sealed class Arm64Programs
{
    private static readonly string s_folder = Path.Combine(Machine.Repository, "artifacts", "arm64");

    // Code that is written and run at one time under two addresses is what the emulator cannot do.
    private static readonly Dictionary<string, string> s_variables = new() { ["DOTNET_EnableWriteXorExecute"] = "0" };

    private readonly Lazy<string> _clusterTrain =
        new(() => Publish("src/ClusterTrain.Cli", "clustertrain", "-p:PackAsTool=false"));
    private readonly Lazy<string> _kernelTests =
        new(() => Publish("tests/ClusterTrain.Numerics.Tests", "ClusterTrain.Numerics.Tests"));

    /// <summary>Why they cannot run here; null: they can.</summary>
    public static string? Missing { get; } = !Directory.Exists(Path.Combine(s_folder, "root"))
        ? $"{s_folder}/root is missing: run .ci/arm64, as root on Debian or Ubuntu"
        : null;

    /// <summary>Starts <c>clustertrain</c>.</summary>
    /// <param name="variables">Environment variables of its own.</param>
    /// <param name="args">The command line.</param>
    public ClusterTrainProcess Start(IReadOnlyDictionary<string, string> variables, params string[] args) =>
        Start(_clusterTrain.Value, variables, args);

    /// <summary>Starts the tests of the kernels.</summary>
    /// <param name="classes">Those to run.</param>
    public ClusterTrainProcess StartKernelTests(params string[] classes) =>
        Start(_kernelTests.Value, new Dictionary<string, string>(), classes);

    // Receipts name the commit that the program was built from: one for both.
    private static string Commit => FileVersionInfo.GetVersionInfo(ClusterTrainProcess.Program).ProductVersion!.Split('+')[^1];

    private static ClusterTrainProcess Start(string program, IReadOnlyDictionary<string, string> variables, string[] args)
    {
        var process = ClusterTrainProcess.Start(
            s_variables.Concat(variables).ToDictionary(),
            args,
            launcher: [Path.Combine(s_folder, "qemu-aarch64"), "-L", Path.Combine(s_folder, "root")],
            program: program);
        process.Patience = TimeSpan.FromMinutes(10); // emulated, it compiles for a minute on a slow machine
        return process;
    }

    private static string Publish(string project, string program, params string[] options)
    {
        string[] args =
        [
            "publish", Path.Combine(Machine.Repository, project), "-c", "Release", "-r", "linux-arm64", "--self-contained",
            "--artifacts-path", Path.Combine(s_folder, "build"), "--nologo", "-v", "quiet", "-clp:ErrorsOnly",
            $"-p:SourceRevisionId={Commit}", .. options,
        ];
        var start = new ProcessStartInfo("dotnet", args) { RedirectStandardOutput = true };
        using var publish = Process.Start(start)!;
        var said = publish.StandardOutput.ReadToEnd();
        publish.WaitForExit();
        Assert.True(publish.ExitCode == 0, $"dotnet {string.Join(' ', args)} ended with exit code {publish.ExitCode}:\n{said}");
        return Path.Combine(s_folder, "build", "publish", Path.GetFileName(project), "release_linux-arm64", program);
    }
}

/// <summary>A test on ARM64, skipped with the reason where it cannot run.</summary>
public sealed class Arm64FactAttribute : FactAttribute
{
    public Arm64FactAttribute() => Skip = Arm64Programs.Missing;
}
