using ClusterTrain.Cli.Output;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Learning.Checks;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Reports.TensorBoard;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Plan;
using ClusterTrain.Watching;

namespace ClusterTrain.Cli.Commands;

/// <summary>A run that this process leads: its data, its folder, its log, and the view of it.</summary>
internal sealed class RunSession : IDisposable
{
    private readonly Surroundings _surroundings;
    private readonly long _began;
    private readonly bool _isForTensorBoard;
    private readonly IRunView _view;
    private readonly RunWatch? _watch;
    private readonly RunTrace? _trace;
    private RunFolder? _folder;
    private RunLog? _log;
    private TensorBoardLog? _tensorBoard;
    private AuditTotals? _audited;
    private StepTraffic? _traffic;
    private bool _isCluster;

    /// <summary>Prepares the data; the folder is opened when all else is known to be right.</summary>
    /// <param name="source">The recipe.</param>
    /// <param name="arguments">The options.</param>
    /// <param name="surroundings">Where it runs.</param>
    /// <param name="watch">Told what happens too; null: nobody watches.</param>
    /// <exception cref="DataException">The data cannot be used.</exception>
    /// <exception cref="RecipeException">The recipe does not fit the data.</exception>
    public RunSession(RunSource source, RunArguments arguments, Surroundings surroundings, RunWatch? watch = null)
    {
        _watch = watch;
        _surroundings = surroundings;
        _began = surroundings.Time.GetTimestamp();
        Kernels = KernelChoice.Active().Name;
        Recipe = source.Recipe;
        Data = source.Prepare(arguments.Data, surroundings);
        RecipeChecks.CheckAgainst(Recipe, Data.Train.Features, Data.Train.Outputs, Data.Train.Rows, Data.Classes);
        Plan = new TrainingPlan(Recipe, Data.Train.Rows);
        Layout = new NetworkLayout(Data.Train.Features, Recipe.Layers);
        _isForTensorBoard = arguments.IsForTensorBoard;
        _trace = arguments.Trace is { } file ? new RunTrace(file, surroundings.Time) : null;
        _view = RunViews.Of(arguments, surroundings);
    }

    public Recipe Recipe { get; }

    public PreparedData Data { get; }

    public TrainingPlan Plan { get; }

    public NetworkLayout Layout { get; }

    /// <summary>The run folder, once it is open.</summary>
    public RunFolder Folder => _folder ?? throw new InvalidOperationException("the run folder is not open yet");

    private string Kernels { get; }

    private string? LogProblem => _log?.Problem ?? _tensorBoard?.Problem;

    /// <summary>Records in a run folder from now on.</summary>
    /// <param name="folder">The folder; the session disposes it.</param>
    public void Open(RunFolder folder)
    {
        Close();
        _folder = folder;
        _log = new RunLog(folder, _surroundings.Time);
        _tensorBoard = _isForTensorBoard || TensorBoardLog.IsIn(folder.Path)
            ? new TensorBoardLog(folder.Path, _surroundings.Time, Receipt.Read(folder.ReceiptPath).Epochs)
            : null;
    }

    /// <summary>Shows what is about to be trained.</summary>
    /// <param name="workers">Workers, or the fewest.</param>
    /// <param name="threads">Threads of each; 0: each worker knows its own.</param>
    /// <param name="servers">Parameter servers.</param>
    /// <param name="isResumed">True when it continues from a checkpoint.</param>
    /// <param name="command">The command that resumes it, without the folder.</param>
    /// <param name="address">Where members join; null: the run is in one process.</param>
    public void Begin(int workers, int threads, int servers, bool isResumed, string command, string? address = null)
    {
        var folder = Folder.Path;
        _isCluster = address is not null;
        Watch(folder);
        _view.Begin(new RunDescription
        {
            Recipe = Recipe.Name,
            Widths = [Layout.Features, .. Layout.Layers.Select(layer => layer.Outputs)],
            Parameters = Layout.Parameters,
            GradientBytes = Plan.GradientBytes,
            Rows = Plan.TrainingRows,
            BatchRows = Plan.BatchRows,
            Leaves = Plan.Leaves(0),
            Epochs = Recipe.Epochs,
            StepsPerEpoch = Plan.StepsPerEpoch,
            IsClassification = Data.Task == TaskKind.Classification,
            Folder = folder,
            Workers = workers,
            Threads = threads,
            ParameterServers = servers,
            Kernels = Kernels,
            IsResumed = isResumed,
            Address = address,
            ResumeCommand = $"{command} {(folder.Contains(' ', StringComparison.Ordinal) ? $"\"{folder}\"" : folder)}",
        });
        foreach (var warning in Data.Warnings)
        {
            Observe(new RunWarning(warning));
        }
    }

    /// <summary>Tells whoever watches what is trained, also while another node leads it.</summary>
    /// <param name="folder">The run folder.</param>
    public void Watch(string folder) =>
        _watch?.Begin(new WatchedRun(Recipe, Path.GetFullPath(folder), Plan.TrainingRows, Plan.StepsPerEpoch, Layout.Parameters));

    /// <summary>Records and shows what happens.</summary>
    public void Observe(RunEvent happened)
    {
        var hadProblem = LogProblem is not null;
        _log!.Write(happened);
        _audited = happened is RunAudited { Totals: var totals } ? totals : _audited;
        _traffic = _isCluster ? StepTraffic.Of(happened, Layout.Parameters, Plan.GradientBytes, _traffic) : null;
        _tensorBoard?.Write(happened);
        if (LogProblem is { } problem && !hadProblem)
        {
            _view.Observe(new RunWarning($"the log cannot be written: {problem}; its lines are kept until it can be, and training continues"));
        }

        _view.Observe(happened);
        _watch?.Observe(happened);
        _trace?.Write(happened);
    }

    /// <summary>Shows how it ended, and gives the exit code.</summary>
    /// <param name="outcome">How.</param>
    /// <param name="threads">Threads to evaluate the test rows with.</param>
    public int End(RunOutcome outcome, int threads)
    {
        var (training, test) = outcome is RunCompleted completed ? Score(completed, threads) : (null, null);
        _view.End(new RunSummary
        {
            Outcome = outcome,
            Elapsed = _surroundings.Time.GetElapsedTime(_began),
            Folder = Folder.Path,
            Audited = _audited,
            Traffic = _traffic,
            Training = training,
            Test = test,
            Best = outcome is RunCompleted { Epoch: var epoch } ? Receipt.Read(Folder.ReceiptPath).Before(epoch) : null,
        });
        return outcome switch
        {
            RunCompleted => ExitCodes.Ok,
            RunInterrupted => _surroundings.Interruption.ExitCode,
            _ => ExitCodes.Failed,
        };
    }

    private (Evaluation Training, Evaluation? Test) Score(RunCompleted completed, int threads)
    {
        var model = Model.Read(Folder.ModelPath);
        var training = ModelScore.Quickly(model, Data.Train, threads);
        Write("training", training);
        if (DataWarnings.OfResult(training, Recipe) is { } warning)
        {
            Observe(new RunWarning(warning));
        }

        if (Data.Test is not { } rows)
        {
            return (training, null);
        }

        var test = ModelScore.Of(model, rows, threads);
        if (test.FirstUndefined is { } row)
        {
            Observe(new RunWarning(Predictions.Undefined(rows, row).Message));
        }

        Write("test", test);
        return (training, test);

        void Write(string name, Evaluation figures)
        {
            try
            {
                Folder.WriteFigures(name, figures, model.Classes, completed.WeightsSha256);
            }
            catch (IOException error)
            {
                Observe(new RunWarning(
                    $"the figures on the {name} rows cannot be written: {error.Message}; `clustertrain score {Folder.Path} --rows {name}` computes "
                        + "them again"));
            }
        }
    }

    public void Dispose()
    {
        _view.Dispose();
        _trace?.Dispose();
        Close();
    }

    private void Close()
    {
        _tensorBoard?.Dispose();
        _log?.Dispose();
        _folder?.Dispose();
    }
}
