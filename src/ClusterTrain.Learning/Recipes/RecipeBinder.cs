namespace ClusterTrain.Learning;

/// <summary>Makes a recipe of its tree. Problems are collected; the recipe counts only when there are none.</summary>
/// <param name="problems">Receives the problems.</param>
/// <param name="hashStart">Gives the SHA-256 of a start file that the recipe names without one; null: the recipe must state it.</param>
internal sealed class RecipeBinder(RecipeProblems problems, Func<string, string>? hashStart = null)
{
    private static readonly string[] AllOptimiserKeys = ["momentum", "beta1", "beta2", "epsilon", "weight_decay"];

    public Recipe? Recipe(RecipeMapping node, string defaultName)
    {
        var root = new RecipeSection(node, "", problems);
        var name = Name(root) ?? defaultName;
        var seed = root.Integer("seed", 0, ulong.MaxValue);
        var data = new DataRecipeBinder(problems).Data(root);
        var layers = new LayerRecipeBinder(problems).Layers(root, InlineWidth(data?.Source as InlineSource));
        var loss = root.Word("loss", RecipeWords.Loss, isRequired: true);
        var optimiser = Optimiser(root.KindSection("optimiser"));
        var schedule = Schedule(root.KindSection("schedule"));
        var l2 = root.Number("l2", RecipeRanges.Penalty);
        double? clipNorm = root.IsNone("clip_norm") ? null : root.Number("clip_norm", RecipeRanges.ClipNorm);
        var batch = BatchRows(root);
        var leaf = root.Integer("leaf", 1, RecipeLimits.LeafRows);
        var epochs = (int?)root.Integer("epochs", 1, RecipeLimits.Epochs) ?? (root.Has("epochs") ? RecipeLimits.Epochs : 10);
        var stopping = root.IsNone("early_stopping") ? null : EarlyStopping(root.Section("early_stopping"));
        var start = root.IsNone("start") ? null : Start(root.ShortSection("start", "file"));
        root.Finish();

        if (loss is not null && layers is not null) CheckLoss(root, loss.Value, layers.Value[^1]);
        if (schedule.WarmUpEpochs >= epochs)
        {
            root.Problem("schedule", $"has warm_up_epochs {RecipeText.Shown(schedule.WarmUpEpochs)}, but the run has epochs {epochs}; "
                + "the warm-up must be shorter");
        }

        if (stopping is not null && data is { Validation: null, Source: not PreparedSource })
            root.Problem("early_stopping", "needs validation rows; add data.validation, for example 0.1");
        if (stopping is { Metric: StoppingMetric.ValidationAccuracy } && data is { Task: TaskKind.Regression })
            root.Problem("early_stopping", "watches val_acc, which regression does not have; write metric: val_loss");
        if (data?.ClassWeights is not null && loss is not null and not LossKind.CategoricalCrossEntropy)
        {
            root.Problem("data", "has class_weights, which weigh the rows of loss: categorical-cross-entropy (with activation: softmax "
                + "and one unit for each class) only; change the loss, or remove class_weights");
        }

        if (data is null || layers is null || loss is null) return null;

        return new()
        {
            Name = name,
            Seed = (ulong)(seed ?? 1),
            Data = data,
            Layers = layers.Value,
            Loss = loss.Value,
            Optimiser = optimiser,
            Schedule = schedule,
            L2 = l2 ?? 0,
            ClipNorm = clipNorm,
            BatchRows = batch,
            LeafRows = (int)(leaf ?? 16),
            Epochs = epochs,
            EarlyStopping = stopping,
            Start = start,
        };
    }

    private static int? InlineWidth(InlineSource? source) =>
        source is null ? null : source.Features[0].Length + source.Derived.Length;

    private StartRecipe? Start(RecipeSection? section)
    {
        if (section is null) return null;
        var file = section.Text("file", isRequired: true);
        var sha256 = section.Text("sha256");
        var transposed = section.Flag("transposed") ?? false;
        section.Finish();
        if (file is null) return null;
        if (sha256 is null && !section.Has("sha256"))
        {
            if (hashStart is null)
            {
                section.Problem("file", "needs its sha256 beside it, because this recipe is not read from a file; write sha256: DIGITS");
                return null;
            }

            try
            {
                sha256 = hashStart(file);
            }
            catch (DataException error)
            {
                section.Problem("file", $"cannot be read: {error.Message}");
            }
        }
        else if (sha256 is not null && (sha256.Length != 64 || !sha256.All(char.IsAsciiHexDigitLower)))
        {
            section.Problem("sha256", $"is '{RecipeText.Shown(sha256)}'; allowed: 64 hexadecimal digits, 0 to 9 and a to f");
        }

        return sha256 is null ? null : new() { File = file, Sha256 = sha256, Transposed = transposed };
    }

    private static string? Name(RecipeSection root)
    {
        if (root.Text("name") is not { } name) return null;
        if (name.Length <= RecipeLimits.NameCharacters && char.IsAsciiLetterOrDigit(name[0])
            && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
            return name;
        root.Problem("name", $"is '{RecipeText.Shown(name)}'; allowed: letters, digits, '-' and '_', "
            + $"a letter or digit first, at most {RecipeLimits.NameCharacters}");
        return null;
    }

    private static int? BatchRows(RecipeSection root)
    {
        if (root.IsWord("batch", "full")) return null;
        return (int)(root.Integer("batch", 1, RecipeLimits.BatchRows, orElse: ", or full") ?? 128);
    }

    private static void CheckLoss(RecipeSection root, LossKind loss, LayerRecipe last)
    {
        var word = RecipeWords.Loss.Of(loss);
        var activation = RecipeWords.Activation.Of(last.Activation);
        if (loss == LossKind.BinaryCrossEntropy && last.Activation != ActivationKind.Sigmoid)
        {
            var instead = last.Activation == ActivationKind.Softmax ? ", or loss: categorical-cross-entropy with softmax" : "";
            root.Problem("loss", $"is '{word}', but the last layer's activation is '{activation}'; use activation: sigmoid{instead}");
        }

        if (last is { Units: 1, Activation: ActivationKind.Softmax })
        {
            root.Problem("layers", "end in a softmax of one unit, whose output is always 1; use activation: sigmoid with loss: "
                + "binary-cross-entropy, or one unit for each class");
        }
        else if (loss == LossKind.CategoricalCrossEntropy && last.Units == 1)
        {
            root.Problem("loss", $"is '{word}', which never sees the second class at a single unit; use loss: binary-cross-entropy, or "
                + "activation: softmax with one unit for each class");
        }
        else if (loss == LossKind.CategoricalCrossEntropy && last.Activation is not (ActivationKind.Softmax or ActivationKind.Sigmoid))
        {
            root.Problem("loss", $"is '{word}', which takes the logarithm of the outputs, but the last layer's activation is "
                + $"'{activation}'; use activation: softmax");
        }
    }

    private static OptimiserRecipe Optimiser(RecipeSection? section)
    {
        var plain = new OptimiserRecipe();
        if (section is null) return plain;
        var read = section.Word("kind", RecipeWords.Optimiser);
        if (read is null && section.Has("kind")) return plain;
        var kind = read ?? plain.Kind;
        var rate = section.Number("rate", RecipeRanges.Rate) ?? DefaultRate(kind);
        var optimiser = plain with { Kind = kind, Rate = rate };
        if (kind is OptimiserKind.Momentum or OptimiserKind.Nesterov)
            optimiser = optimiser with { Momentum = section.Number("momentum", RecipeRanges.Decay) ?? plain.Momentum };
        if (kind is OptimiserKind.Adam or OptimiserKind.AdamW)
            optimiser = optimiser with { Beta1 = section.Number("beta1", RecipeRanges.Decay) ?? plain.Beta1 };
        if (kind is OptimiserKind.Adam or OptimiserKind.AdamW or OptimiserKind.RmsProp)
        {
            var usual = kind == OptimiserKind.RmsProp ? 0.9 : plain.Beta2;
            optimiser = optimiser with { Beta2 = section.Number("beta2", RecipeRanges.Decay) ?? usual };
        }

        if (kind is OptimiserKind.Adam or OptimiserKind.AdamW or OptimiserKind.RmsProp or OptimiserKind.Adagrad)
            optimiser = optimiser with { Epsilon = section.Number("epsilon", RecipeRanges.Epsilon) ?? plain.Epsilon };
        if (kind is OptimiserKind.AdamW)
            optimiser = optimiser with { WeightDecay = section.Number("weight_decay", RecipeRanges.Penalty) ?? plain.WeightDecay };
        section.Finish($"optimiser kind '{RecipeWords.Optimiser.Of(kind)}'", AllOptimiserKeys);
        return optimiser;
    }

    /// <summary>The rates usual for each rule: those that scale each gradient by its own size take far smaller ones.</summary>
    private static double DefaultRate(OptimiserKind kind) => kind switch
    {
        OptimiserKind.Adam or OptimiserKind.AdamW or OptimiserKind.RmsProp => 0.001,
        OptimiserKind.Adagrad => 0.01,
        _ => 0.1,
    };

    private static ScheduleRecipe Schedule(RecipeSection? section)
    {
        var plain = new ScheduleRecipe();
        if (section is null) return plain;
        var read = section.Word("kind", RecipeWords.Schedule);
        if (read is null && section.Has("kind")) return plain;
        var kind = read ?? plain.Kind;
        var schedule = plain with { Kind = kind, WarmUpEpochs = section.Number("warm_up_epochs", RecipeRanges.WarmUp) ?? 0 };
        if (kind is ScheduleKind.Step or ScheduleKind.Exponential)
        {
            // The usual factor of a step, 0.1, would end an exponential curve within a few epochs: there it must be written.
            var factor = section.Number("factor", RecipeRanges.Factor, isRequired: kind == ScheduleKind.Exponential);
            schedule = schedule with { Factor = factor ?? plain.Factor };
        }

        if (kind is ScheduleKind.Step)
            schedule = schedule with { EveryEpochs = section.Number("every_epochs", RecipeRanges.Every) ?? plain.EveryEpochs };
        if (kind is ScheduleKind.Cosine)
            schedule = schedule with { Final = section.Number("final", RecipeRanges.Final) ?? plain.Final };
        section.Finish($"schedule kind '{RecipeWords.Schedule.Of(kind)}'", "factor", "every_epochs", "final");
        return schedule;
    }

    private static EarlyStoppingRecipe? EarlyStopping(RecipeSection? section)
    {
        if (section is null) return null;
        var plain = new EarlyStoppingRecipe();
        var stopping = new EarlyStoppingRecipe
        {
            Metric = section.Word("metric", RecipeWords.Metric) ?? plain.Metric,
            Patience = (int)(section.Integer("patience", 1, RecipeLimits.Epochs) ?? plain.Patience),
            Least = section.Number("least", RecipeRanges.Least) ?? plain.Least,
            RestoreBest = section.Flag("restore_best") ?? plain.RestoreBest,
        };
        section.Finish();
        return stopping;
    }
}
