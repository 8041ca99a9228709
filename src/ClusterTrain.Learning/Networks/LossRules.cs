namespace ClusterTrain.Learning;

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

    /// <summary>
    /// True when loss and activation are computed together, from the logits: exact where the outputs round to 0 or 1.
    /// </summary>
    public static bool IsFused(LossKind loss, ActivationKind lastActivation) => (loss, lastActivation) is
        (LossKind.BinaryCrossEntropy, ActivationKind.Sigmoid) or
        (LossKind.CategoricalCrossEntropy, ActivationKind.Softmax);
}
