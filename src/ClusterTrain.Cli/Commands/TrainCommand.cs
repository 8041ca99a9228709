using System.CommandLine;
using ClusterTrain.Hosting;
using ClusterTrain.Learning;
using ClusterTrain.Training;

namespace ClusterTrain.Cli;

/// <summary><c>clustertrain train</c>: a run in this process, from its start or from a checkpoint.</summary>
internal static class TrainCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var recipe = new Argument<string?>("RECIPE")
        {
            Description = "recipe file; without one, the built-in handwritten digits",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var set = new Option<string[]>("--set")
        {
            Description = "set a value of the recipe, for example epochs=3 or layers[0].units=64; may be repeated",
            HelpName = "path=value",
        };
        var workers = CommandOptions.Whole(
            "--workers", "N", "workers; the result has the same bits for any number (default: 1)", 1, CommandOptions.MostThreads);
        var threads = CommandOptions.Whole(
            "--threads", "N", "threads of each worker (default: this machine's cores divided among the workers)", 1, CommandOptions.MostThreads);
        var servers = CommandOptions.Whole(
            "--parameter-servers", "M", "parameter servers, each with a part of the weights (default: 1)", 1, CommandOptions.MostServers);
        var folder = new Option<string?>("--out") { Description = "run folder, new or empty (default: runs/NAME-DATE-TIME)", HelpName = "DIR" };
        var resume = new Option<string?>("--resume") { Description = "go on with the run in this folder, from its last checkpoint", HelpName = "DIR" };
        var period = CommandOptions.Seconds("--checkpoint-seconds", "time between checkpoints, 0 for none by time (default: 30)", allowZero: true);
        var steps = CommandOptions.Whole("--checkpoint-steps", "N", "steps between checkpoints (default: none by steps)", 0, int.MaxValue);
        var receiptSteps = CommandOptions.Whole(
            "--receipt-steps", "N", "steps between entries of the receipt besides the epochs' (default: none)", 0, int.MaxValue);
        var tensorBoard = new Option<bool>("--tensorboard") { Description = "write TensorBoard event files too, into the run folder: tensorboard --logdir runs" };
        var data = CommandOptions.Data();
        var prepared = new Option<string?>("--prepared")
        {
            Description = "read the rows from this file of `clustertrain data prepare`, which may be larger than memory; the result has the same bits",
            HelpName = "FILE",
        };
        var json = CommandOptions.Json("print one JSON object per event, and nothing else");
        var quiet = new Option<bool>("--quiet") { Description = "print the last line alone" };
        var command = new CommandWithExamples(
            "train",
            "Trains the model of a recipe; the last line is the SHA-256 of its weights.",
            "clustertrain train",
            "clustertrain train configs/mnist.yaml --workers 2",
            "clustertrain train configs/mnist.yaml --set epochs=3 --set optimiser.rate=0.05",
            "clustertrain train --resume runs/mnist-20260131-120000")
        {
            recipe, set, workers, threads, servers, folder, resume, period, steps, receiptSteps, tensorBoard, data, prepared, json, quiet,
        };
        command.SetAction(parsed => Run(
            new TrainOptions
            {
                Recipe = parsed.GetValue(recipe),
                Overrides = parsed.GetValue(set) ?? [],
                Workers = parsed.GetValue(workers) ?? 1,
                Threads = parsed.GetValue(threads),
                ParameterServers = parsed.GetValue(servers) ?? 1,
                Out = parsed.GetValue(folder),
                Resume = parsed.GetValue(resume),
                CheckpointSeconds = parsed.GetValue(period),
                CheckpointSteps = parsed.GetValue(steps) ?? 0,
                ReceiptSteps = parsed.GetValue(receiptSteps) ?? 0,
                IsForTensorBoard = parsed.GetValue(tensorBoard),
                Data = parsed.GetValue(data),
                Prepared = parsed.GetValue(prepared),
                IsJson = parsed.GetValue(json),
                IsQuiet = parsed.GetValue(quiet),
            },
            surroundings));
        return command;
    }

    private static int Run(TrainOptions options, Surroundings surroundings)
    {
        options.Check();
        if (options.Resume is { } resumed && RunSource.ResultOf(resumed) is { } result)
            return AlreadyDone(resumed, result, options.IsJson, surroundings);
        var source = options.Resume is { } old ? RunSource.OfFolder(old) : RunSource.OfRecipe(options.Recipe, options.Overrides);
        if (options.Prepared is { } prepared)
            source = source with { Prepared = Path.GetFullPath(prepared) };
        var began = surroundings.Time.GetTimestamp();
        var kernels = KernelChoice.Active();
        var data = Prepare(source, options.Data, surroundings);
        var recipe = source.Recipe;
        RecipeChecks.CheckAgainst(recipe, data.Train.Features, data.Train.Outputs);
        var plan = new TrainingPlan(recipe, data.Train.Rows);
        var layout = new NetworkLayout(data.Train.Features, recipe.Layers);
        options.WarnOfIdleMembers(plan, layout, surroundings.Error);

        using var folder = options.Resume is { } path ? RunFolder.Open(path) : RunFolders.Create(options.Out, source, surroundings.Time);
        using var log = new RunLog(folder, surroundings.Time);
        using var tensorBoard = options.IsForTensorBoard ? new TensorBoardLog(folder.Path, surroundings.Time) : null;
        using var view = View(options, surroundings);
        var settings = options.Settings;
        view.Begin(new RunDescription
        {
            Plan = plan,
            Layout = layout,
            Data = data,
            Folder = folder.Path,
            Workers = settings.Workers,
            Threads = settings.Threads,
            ParameterServers = settings.Run.ParameterServers,
            Kernels = kernels.Name,
            IsResumed = options.Resume is not null,
        });
        var outcome = InProcessTraining.Train(recipe, data, folder, settings, surroundings.Time, Observe, surroundings.Interruption.Token);
        view.End(new RunSummary
        {
            Outcome = outcome,
            Elapsed = surroundings.Time.GetElapsedTime(began),
            Folder = folder.Path,
            Test = outcome is RunCompleted && data.Test is { } test ? ModelScore.Of(Model.Read(folder.ModelPath), test, settings.Threads) : null,
        });
        return outcome switch
        {
            RunCompleted => ExitCodes.Ok,
            RunInterrupted => surroundings.Interruption.ExitCode,
            _ => ExitCodes.Failed,
        };

        void Observe(RunEvent happened)
        {
            log.Write(happened);
            tensorBoard?.Write(happened);
            view.Observe(happened);
        }
    }

    private static PreparedData Prepare(RunSource source, string? dataFolder, Surroundings surroundings)
    {
        using var progress = new DataProgressLine(surroundings);
        return DataPreparation.Prepare(
            source.Recipe, Locations.Of(source.RecipeFolder, dataFolder, surroundings).WithPrepared(source.Prepared), progress, surroundings.Interruption.Token);
    }

    private static IRunView View(TrainOptions options, Surroundings surroundings) =>
        options.IsJson ? new JsonRunView(surroundings.Out, surroundings.Time)
        : surroundings.Terminal is { } terminal && !options.IsQuiet ? new TerminalRunView(terminal)
        : new PlainRunView(surroundings.Out, surroundings.Error, surroundings.Time, options.IsQuiet);

    private static int AlreadyDone(string folder, Model model, bool isJson, Surroundings surroundings)
    {
        var hash = WeightsHash.Of(model.Weights.Span);
        if (isJson)
        {
            new JsonLines(surroundings.Out).Write(json =>
            {
                json.WriteString("event", "result");
                json.WriteString("folder", folder);
                json.WriteBoolean("wasComplete", true);
                json.WriteString("weightsSha256", hash);
            });
            return ExitCodes.Ok;
        }

        surroundings.Error.WriteLine($"the run in {folder} is complete; there is nothing to resume");
        surroundings.Out.WriteLine(RunSummary.HashLine(hash));
        return ExitCodes.Ok;
    }
}
