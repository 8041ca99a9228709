using System.Globalization;

namespace ClusterTrain.Training.Coordination;

/// <summary>What the audit of a run has shown so far, over all its coordinators.</summary>
/// <param name="VerifiedStep">Steps done at the end of the last step of which every share was computed twice, with equal bits; 0: none was.</param>
/// <param name="Shares">Shares computed twice and compared.</param>
/// <param name="Differed">Of these, the ones that differed.</param>
/// <param name="Missed">Shares that were to be compared and could not, because a worker or a connection was lost or the leaves divided again.</param>
public sealed record AuditTotals(long VerifiedStep, long Shares, long Differed, long Missed)
{
    /// <summary>Nothing was compared.</summary>
    public static AuditTotals None { get; } = new(0, 0, 0, 0);

    /// <summary>In words, for example <c>verified to step 8,600: 412 shares computed twice, 0 differed</c>.</summary>
    public string Sentence
    {
        get
        {
            var verified = VerifiedStep > 0
                ? string.Create(CultureInfo.InvariantCulture, $"verified to step {VerifiedStep:N0}")
                : "no step verified yet";
            var shares = string.Create(
                CultureInfo.InvariantCulture, $"{Shares:N0} {(Shares == 1 ? "share" : "shares")} computed twice, {Differed:N0} differed");
            var missed = Missed > 0 ? string.Create(CultureInfo.InvariantCulture, $", {Missed:N0} could not be compared") : "";
            return $"{verified}: {shares}{missed}";
        }
    }
}
