using System.Globalization;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.Networks;

/// <summary>Which losses can follow which last activation.</summary>
public static class LossRules
{
    /// <summary>
    /// True when the loss is defined for every output of the activation: the cross-entropies take the logarithm of the
    /// outputs, so they need an activation that stays inside (0, 1).
    /// </summary>
    public static bool Accepts(LossKind loss, ActivationKind lastActivation) => loss switch
    {
        LossKind.BinaryCrossEntropy or LossKind.CategoricalCrossEntropy =>
            lastActivation is ActivationKind.Sigmoid or ActivationKind.Softmax,
        _ => true,
    };

    /// <summary>What is wrong with a row's targets for the loss; null: nothing is.</summary>
    /// <param name="loss">The loss.</param>
    /// <param name="targets">The targets of one row, as the network is to learn them.</param>
    internal static string? Refusal(LossKind loss, ReadOnlySpan<float> targets)
    {
        // Shares written with few digits add up to nearly 1.
        const float Tolerance = 0.001f;
        var isCrossEntropy = loss is LossKind.BinaryCrossEntropy or LossKind.CategoricalCrossEntropy;
        var sum = 0f;
        foreach (var target in targets)
        {
            if (isCrossEntropy && target is not (>= 0 and <= 1))
            {
                return string.Create(CultureInfo.InvariantCulture,
                    $"a target is {target}, and loss {RecipeWords.Loss.Of(loss)} needs targets from 0 to 1");
            }

            sum += target;
        }

        return loss == LossKind.CategoricalCrossEntropy && MathF.Abs(sum - 1) > Tolerance
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"the targets add up to {sum}, and loss {RecipeWords.Loss.Of(loss)} needs shares that add up to 1")
            : null;
    }

    /// <summary>
    /// True when loss and activation are computed together, from the logits: exact where the outputs round to 0 or 1.
    /// </summary>
    public static bool IsFused(LossKind loss, ActivationKind lastActivation) => (loss, lastActivation) is
        (LossKind.BinaryCrossEntropy, ActivationKind.Sigmoid) or
        (LossKind.CategoricalCrossEntropy, ActivationKind.Softmax);
}
