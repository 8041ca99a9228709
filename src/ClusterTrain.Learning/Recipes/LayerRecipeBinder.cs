using System.Collections.Immutable;

namespace ClusterTrain.Learning;

/// <summary>Makes the layers of a recipe of their tree.</summary>
internal sealed class LayerRecipeBinder(RecipeProblems problems)
{
    /// <summary>The layers; null, and a problem, when one cannot be used.</summary>
    /// <param name="root">The recipe.</param>
    /// <param name="features">Inputs of the first layer when the recipe itself says them; null: the data set will.</param>
    public ImmutableArray<LayerRecipe>? Layers(RecipeSection root, int? features)
    {
        var nodes = root.List("layers", isRequired: true);
        if (nodes is null) return null;
        if (nodes.Count is 0 or > RecipeLimits.Layers)
        {
            root.Problem("layers", $"has {nodes.Count} layers; allowed: 1 to {RecipeLimits.Layers}");
            return null;
        }

        var layers = ImmutableArray.CreateBuilder<LayerRecipe>(nodes.Count);
        var inputs = features;
        var parameters = 0L;
        for (var i = 0; i < nodes.Count; i++)
        {
            if (RecipeSection.Of(nodes[i], $"layers[{i}]", problems) is not { } section) return null;
            if (Layer(section, inputs, isLast: i == nodes.Count - 1) is not { } layer) return null;
            parameters += ((long)(inputs ?? 0) + 1) * layer.Units;
            if (parameters > RecipeLimits.Parameters)
            {
                section.Problem("units", $"is {layer.Units}: with it the layers have {parameters} weights and biases; "
                    + $"at most {RecipeLimits.Parameters} are allowed, make the layers smaller");
                return null;
            }

            inputs = layer.Units;
            layers.Add(layer);
        }

        return layers.MoveToImmutable();
    }

    /// <summary>One layer; null when its units or activation cannot be used: checks across layers would only add noise.</summary>
    private static LayerRecipe? Layer(RecipeSection section, int? inputs, bool isLast)
    {
        var units = (int?)section.Integer("units", 1, RecipeLimits.Units, isRequired: true);
        var readActivation = section.Word("activation", RecipeWords.Activation);
        var activation = readActivation ?? ActivationKind.Identity;
        double? slope = activation == ActivationKind.LeakyRelu ? section.Number("slope", RecipeRanges.Slope) : null;
        var dropout = section.Number("dropout", RecipeRanges.Decay) ?? 0;
        var usual = activation is ActivationKind.Relu or ActivationKind.LeakyRelu ? InitialiserKind.He : InitialiserKind.Xavier;
        var weights = Weights(section.KindSection("weights"), usual, inputs, units);
        var biases = section.IsNone("biases") ? null : Biases(section.KindSection("biases"), units);
        section.Finish($"activation '{RecipeWords.Activation.Of(activation)}'", "slope");
        if (activation == ActivationKind.Softmax && !isLast)
            section.Problem("activation", "is 'softmax', which only the last layer can have; use relu, tanh or sigmoid here");
        if (dropout > 0 && isLast)
            section.Problem("dropout", "is on the last layer, whose outputs are the network's; remove it, or write it on a layer before");
        if (units is null || (readActivation is null && section.Has("activation"))) return null;
        var layer = new LayerRecipe { Units = units.Value, Activation = activation, Dropout = dropout, Weights = weights, Biases = biases };
        return slope is null ? layer : layer with { Slope = slope.Value };
    }

    private static InitialiserRecipe Weights(RecipeSection? section, InitialiserKind usual, int? inputs, int? units)
    {
        if (section is null) return new() { Kind = usual };
        if (section.Word("kind", RecipeWords.Initialiser, isRequired: true) is not { } kind) return new() { Kind = usual };
        var initialiser = Scaled(section, kind);
        if (kind == InitialiserKind.Given && section.FloatRows("values") is { } rows)
        {
            initialiser = initialiser with { Values = [.. rows.SelectMany(row => row)] };
            var wrong = Array.FindIndex(rows, row => row.Length != (units ?? row.Length));
            if (rows.Length == 0)
            {
                section.Problem("values", "is empty; allowed: one list per input, each with one number per unit");
            }
            else if (wrong >= 0)
            {
                section.Problem("values", $"has {rows[wrong].Length} numbers in row {wrong}, but the layer has {units} units; "
                    + "write one number per unit");
            }
            else if (inputs is not null && rows.Length != inputs)
            {
                section.Problem("values", $"has {rows.Length} rows, but the layer has {inputs} inputs; write one row per input");
            }
        }

        Finish(section, kind);
        return initialiser;
    }

    private static InitialiserRecipe Biases(RecipeSection? section, int? units)
    {
        var usual = new InitialiserRecipe { Kind = InitialiserKind.Zeros };
        if (section is null) return usual;
        if (section.Word("kind", RecipeWords.Initialiser, isRequired: true) is not { } kind) return usual;
        var initialiser = Scaled(section, kind);
        if (kind is InitialiserKind.Xavier or InitialiserKind.He)
        {
            section.Problem("kind", $"is '{RecipeWords.Initialiser.Of(kind)}', which needs a number of inputs, and a bias has none; "
                + "allowed: zeros, gaussian, uniform, given, or none for no bias");
        }

        if (kind == InitialiserKind.Given && section.Node("values", isRequired: true) is { } node
            && section.Floats(node, section.PathOf("values")) is { } values)
        {
            initialiser = initialiser with { Values = [.. values] };
            if (values.Length != (units ?? values.Length))
                section.Problem("values", $"has {values.Length} numbers, but the layer has {units} units; write one number per unit");
        }

        Finish(section, kind);
        return initialiser;
    }

    private static InitialiserRecipe Scaled(RecipeSection section, InitialiserKind kind)
    {
        var initialiser = new InitialiserRecipe { Kind = kind };
        return kind is InitialiserKind.Gaussian or InitialiserKind.Uniform
            && section.Number("scale", RecipeRanges.StartScale) is { } scale
            ? initialiser with { Scale = scale }
            : initialiser;
    }

    private static void Finish(RecipeSection section, InitialiserKind kind) =>
        section.Finish($"initialiser kind '{RecipeWords.Initialiser.Of(kind)}'", "scale", "values");
}
