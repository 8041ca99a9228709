namespace ClusterTrain.Learning;

/// <summary>
/// The numbers a recipe may have. Every lower bound above zero is one that stays above zero as a 32-bit float, and every upper
/// bound stays finite.
/// </summary>
internal static class RecipeRanges
{
    public static readonly NumberRange Rate = new("a number from 1e-30 to 1e6", x => x is >= 1e-30 and <= 1e6);

    public static readonly NumberRange Decay = new("a number from 0 to below 1", x => x >= 0 && x < 1 && (float)x < 1);

    public static readonly NumberRange Epsilon = new("a number from 1e-30 to 1", x => x is >= 1e-30 and <= 1);

    public static readonly NumberRange Penalty = new("a number from 0 to 1e6", x => x is >= 0 and <= 1e6);

    public static readonly NumberRange ClipNorm = new("a number from 1e-30 to 1e30, or none", x => x is >= 1e-30 and <= 1e30);

    public static readonly NumberRange Slope = new("a number from 0 to 1", x => x is >= 0 and <= 1);

    public static readonly NumberRange StartScale = new("a number from 1e-30 to 1e6", x => x is >= 1e-30 and <= 1e6);

    public static readonly NumberRange DataScale = new(
        "a number or a fraction such as 1/255, its size from 1e-30 to 1e30, or none", x => Math.Abs(x) is >= 1e-30 and <= 1e30);

    public static readonly NumberRange TargetScale = new(
        "auto, a number or a fraction such as 1/100000, from 1e-30 to 1e30, or none", x => x is >= 1e-30 and <= 1e30);

    public static readonly NumberRange ClassWeight = new("a number from 1e-6 to 1e6", x => x is >= 1e-6 and <= 1e6);

    public static readonly NumberRange Constant = new("a number that fits a 32-bit float", x => float.IsFinite((float)x));

    public static readonly NumberRange WarmUp = new($"a number from 0 to {RecipeLimits.Epochs}", x => x is >= 0 and <= RecipeLimits.Epochs);

    public static readonly NumberRange Tolerance = new("a number from 0 to 1", x => x is >= 0 and <= 1);

    public static readonly NumberRange Factor = new("a number from 1e-30 to 10", x => x is >= 1e-30 and <= 10);

    public static readonly NumberRange Every = new(
        $"a number from 0.001 to {RecipeLimits.Epochs}", x => x is >= 0.001 and <= RecipeLimits.Epochs);

    public static readonly NumberRange Final = new("a number from 0 to 1", x => x is >= 0 and <= 1);

    public static readonly NumberRange Least = new("a number from 0 to 1e6", x => x is >= 0 and <= 1e6);
}
