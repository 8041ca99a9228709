using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>What must hold between the keys of a recipe.</summary>
internal static class RecipeRules
{
    public static void Check(Recipe recipe, RecipeSection root)
    {
        if (root.Sound("layers"))
        {
            CheckLayers(recipe, root);
            if (root.Has("layers") && root.Has("loss") && root.Sound("loss"))
            {
                CheckLoss(root, recipe.Loss, recipe.Layers[^1]);
            }
        }

        if (recipe.Optimiser.Kind == OptimiserKind.Lbfgs)
        {
            CheckFullBatch(recipe, root);
        }

        var warmUp = recipe.Schedule.WarmUpEpochs;
        if (root.Sound("schedule.warm_up_epochs", "epochs") && warmUp >= recipe.Epochs)
        {
            root.Tell("schedule", $"has warm_up_epochs {RecipeText.Shown(warmUp)}, but the run has epochs {recipe.Epochs}; "
                + "the warm-up must be shorter");
        }

        if (recipe.EarlyStopping is { } stopping && root.Has("data") && root.Sound("data.validation"))
        {
            if (recipe.Data is { Validation: null, Source: not PreparedSource })
            {
                root.Tell("early_stopping", "needs validation rows; add data.validation, for example 0.1");
            }

            if (stopping.Metric == StoppingMetric.ValidationAccuracy && recipe.Data.Task == TaskKind.Regression)
            {
                root.Tell("early_stopping", "watches val_acc, which regression does not have; write metric: val_loss");
            }
        }

        if (recipe.Data.ClassWeights is not null && root.Sound("loss") && recipe.Loss != LossKind.CategoricalCrossEntropy)
        {
            root.Tell("data", "has class_weights, which weigh the rows of loss: categorical-cross-entropy (with activation: "
                + "softmax and one unit for each class) only; change the loss, or remove class_weights");
        }
    }

    private static void CheckLayers(Recipe recipe, RecipeSection root)
    {
        int? inputs = recipe.Data.Source is InlineSource { Features.IsEmpty: false } inline && root.Sound("data.inline")
            ? inline.Features[0].Length + inline.Derived.Length
            : null;
        var parameters = 0L;
        foreach (var (i, layer) in recipe.Layers.Index())
        {
            var isLast = i == recipe.Layers.Length - 1;
            if (layer.Activation == ActivationKind.Softmax && !isLast)
            {
                root.Tell($"layers[{i}].activation",
                    "is 'softmax', which only the last layer can have; use relu, tanh or sigmoid here");
            }

            if (layer.Dropout > 0 && isLast)
            {
                root.Tell($"layers[{i}].dropout",
                    "is on the last layer, whose outputs are the network's; remove it, or write it on a layer before");
            }

            if (layer.Weights.Kind == InitialiserKind.Given && inputs is { } wanted
                && layer.Weights.Values.Length / layer.Units is var rows && rows != wanted)
            {
                root.Tell($"layers[{i}].weights.values",
                    $"has {rows} rows, but the layer has {wanted} inputs; write one row per input");
            }

            parameters += ((long)(inputs ?? 0) + 1) * layer.Units;
            if (parameters > RecipeLimits.Parameters)
            {
                root.Tell($"layers[{i}].units", $"is {layer.Units}: with it the layers have {parameters} weights and biases; "
                    + $"at most {RecipeLimits.Parameters} are allowed, make the layers smaller");
                return;
            }

            inputs = layer.Units;
        }
    }

    private static void CheckLoss(RecipeSection root, LossKind loss, LayerRecipe last)
    {
        var word = RecipeWords.Loss.Of(loss);
        var activation = RecipeWords.Activation.Of(last.Activation);
        if (loss == LossKind.BinaryCrossEntropy && last.Activation != ActivationKind.Sigmoid)
        {
            var instead = last.Activation == ActivationKind.Softmax ? ", or loss: categorical-cross-entropy with softmax" : "";
            root.Tell("loss", $"is '{word}', but the last layer's activation is '{activation}'; use activation: "
                + $"sigmoid{instead}");
        }

        if (last is { Units: 1, Activation: ActivationKind.Softmax })
        {
            root.Tell("layers", "end in a softmax of one unit, whose output is always 1; use activation: sigmoid with loss: "
                + "binary-cross-entropy, or one unit for each class");
        }
        else if (loss == LossKind.CategoricalCrossEntropy && last.Units == 1)
        {
            root.Tell("loss", $"is '{word}', which never sees the second class at a single unit; use loss: binary-cross-entropy, "
                + "or activation: softmax with one unit for each class");
        }
        else if (loss == LossKind.CategoricalCrossEntropy
            && last.Activation is not (ActivationKind.Softmax or ActivationKind.Sigmoid))
        {
            root.Tell("loss", $"is '{word}', which takes the logarithm of the outputs, but the last layer's activation is "
                + $"'{activation}'; use activation: softmax");
        }
    }

    /// <summary>L-BFGS compares losses from step to step: every step must see the same rows through the same network.</summary>
    private static void CheckFullBatch(Recipe recipe, RecipeSection root)
    {
        if (recipe.BatchRows is { } batch && root.Sound("batch"))
        {
            root.Tell(root.Has("batch") ? "batch" : "optimiser",
                (root.Has("batch") ? $"is {batch}, but optimiser 'lbfgs'" : "is 'lbfgs', which")
                + " compares losses from step to step and needs all rows in each; write batch: full");
        }

        if (recipe.Schedule.Kind != ScheduleKind.Constant || recipe.Schedule.WarmUpEpochs > 0)
        {
            root.Tell("schedule", "has no meaning for optimiser 'lbfgs', which finds the length of each step itself; remove it");
        }

        if (recipe.ClipNorm is not null)
        {
            root.Tell("clip_norm", "has no meaning for optimiser 'lbfgs', whose line search bounds each step; remove it");
        }

        if (recipe.Layers.Any(layer => layer.Dropout > 0))
        {
            root.Tell("layers", "has dropout, which changes the loss from step to step; optimiser 'lbfgs' compares losses, "
                + "remove the dropout or use optimiser: adam");
        }
    }
}
