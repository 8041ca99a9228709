using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Training.Tests;

public sealed class AuditTotalsTests
{
    [Theory]
    [InlineData(0, 0, 0, 0, "no step verified yet: 0 shares computed twice, 0 differed")]
    [InlineData(1, 1, 0, 0, "verified to step 1: 1 share computed twice, 0 differed")]
    [InlineData(8600, 4120, 1, 0, "verified to step 8,600: 4,120 shares computed twice, 1 differed")]
    [InlineData(8600, 2, 1234, 1, "verified to step 8,600: 2 shares computed twice, 1,234 differed, 1 could not be compared")]
    [InlineData(0, 0, 0, 5000, "no step verified yet: 0 shares computed twice, 0 differed, 5,000 could not be compared")]
    public void What_was_shown_is_said_in_a_sentence(long verified, long shares, long differed, long missed, string expected) =>
        Assert.Equal(expected, new AuditTotals(verified, shares, differed, missed).Sentence);
}
