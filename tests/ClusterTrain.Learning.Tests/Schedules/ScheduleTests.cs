using ClusterTrain.Learning.Recipes;
using ClusterTrain.Learning.Schedules;

namespace ClusterTrain.Learning.Tests;

public sealed class ScheduleTests
{
    private const int StepsPerEpoch = 10;
    private const int Epochs = 8;

    public static TheoryData<string, ScheduleRecipe, long, double> Cases()
    {
        var constant = new ScheduleRecipe();
        var warm = new ScheduleRecipe { WarmUpEpochs = 0.4 };
        var step = new ScheduleRecipe { Kind = ScheduleKind.Step, Factor = 0.1, EveryEpochs = 2 };
        var exponential = new ScheduleRecipe { Kind = ScheduleKind.Exponential, Factor = 0.5 };
        var cosine = new ScheduleRecipe { Kind = ScheduleKind.Cosine, Final = 0.2 };
        return new()
        {
            { "constant begins", constant, 1, 1 },
            { "constant ends", constant, 80, 1 },
            { "warm-up begins above 0", warm, 1, 0.25 },
            { "warm-up rises", warm, 3, 0.75 },
            { "warm-up ends at 1", warm, 4, 1 },
            { "after warm-up", warm, 5, 1 },
            { "step begins", step, 20, 1 },
            { "step falls", step, 21, 0.1 },
            { "step falls again", step, 41, 0.01 },
            { "step after warm-up begins later", step with { WarmUpEpochs = 1 }, 30, 1 },
            { "step after warm-up falls later", step with { WarmUpEpochs = 1 }, 31, 0.1 },
            { "exponential begins", exponential, 1, 1 },
            { "exponential after half an epoch", exponential, 6, Math.Sqrt(0.5) },
            { "exponential after three epochs", exponential, 31, 0.125 },
            { "cosine begins", cosine, 1, 1 },
            { "cosine at a quarter", cosine, 21, 0.2 + 0.4 * (1 + Math.Sqrt(0.5)) },
            { "cosine at half", cosine, 41, 0.6 },
            { "cosine at the end", cosine, 81, 0.2 },
            { "cosine beyond the end stays", cosine, 500, 0.2 },
            { "cosine after warm-up begins", cosine with { WarmUpEpochs = 4 }, 41, 1 },
            { "cosine after warm-up at half", cosine with { WarmUpEpochs = 4 }, 61, 0.6 },
        };
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Factors_by_hand(string name, ScheduleRecipe schedule, long step, double expected)
    {
        Assert.NotEmpty(name);
        Assert.Equal(expected, Schedule.Factor(schedule, step, StepsPerEpoch, Epochs), 12);
    }

    [Fact]
    public void A_warm_up_longer_than_the_run_never_reaches_the_curve() => Assert.Equal(
        0.8, Schedule.Factor(new() { Kind = ScheduleKind.Cosine, WarmUpEpochs = 10 }, 80, StepsPerEpoch, Epochs));
}
