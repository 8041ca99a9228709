using ClusterTrain.Learning.Optimisers.WholeModel;

namespace ClusterTrain.Learning.Tests;

public sealed class WolfeSearchTests
{
    /// <summary>Functions of one variable that fall at 0, with their slopes; the first two are of Moré and Thuente (1994).</summary>
    public static TheoryData<string, double> FunctionsAndTrials()
    {
        var cases = new TheoryData<string, double>();
        foreach (var name in new[] { "rational", "polynomial", "wiggly", "valley", "cosine", "exponential", "wall" })
        {
            foreach (var trial in new[] { 1e-3, 0.1, 1, 10, 1e3 })
            {
                cases.Add(name, trial);
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(FunctionsAndTrials))]
    public void It_ends_at_a_point_of_sufficient_decrease_and_small_slope(string name, double trial)
    {
        var start = Evaluate(name, 0);
        Assert.True(start.Slope < 0);
        var search = WolfeSearch.Begin(start.Value, start.Slope, trial);
        for (var evaluation = 1; evaluation <= 20; evaluation++)
        {
            var (value, slope) = Evaluate(name, search.Trial);
            (search, var verdict) = search.Evaluated(value, slope);
            Assert.NotEqual(WolfeSearch.Verdict.GiveUp, verdict);
            if (verdict == WolfeSearch.Verdict.Accept)
            {
                Assert.InRange(Math.Abs(slope), 0, -0.9 * start.Slope);
                Assert.True(value <= start.Value + 1e-4 * search.Trial * start.Slope + 1e-6 * Math.Abs(start.Value));
                return;
            }
        }

        Assert.Fail($"{name} from {trial}: no point accepted in 20 evaluations");
    }

    [Fact]
    public void A_function_that_falls_for_ever_is_given_up_at_the_farthest_point()
    {
        var (search, verdict) = (WolfeSearch.Begin(0, -1, 1), WolfeSearch.Verdict.GoOn);
        var evaluations = 0;
        while (verdict == WolfeSearch.Verdict.GoOn)
        {
            var at = search.Trial;
            (search, verdict) = search.Evaluated(-at, -1);
            Assert.Equal(at, search.Low.At);
            evaluations++;
        }

        Assert.Equal((WolfeSearch.Verdict.GiveUp, 20), (verdict, evaluations));
    }

    [Fact]
    public void A_function_that_only_rises_is_given_up_at_the_start()
    {
        var (search, verdict) = (WolfeSearch.Begin(1, -1, 1), WolfeSearch.Verdict.GoOn);
        while (verdict == WolfeSearch.Verdict.GoOn)
        {
            (search, verdict) = search.Evaluated(2 + search.Trial, 1);
        }

        Assert.Equal((WolfeSearch.Verdict.GiveUp, 0.0), (verdict, search.Low.At));
    }

    // Values that differ in the last bits of a float only: the slope tells the minimum.
    [Fact]
    public void Where_values_are_noise_the_slope_decides()
    {
        var (next, verdict) = WolfeSearch.Begin(1, -1e-9, 1).Evaluated(1 + 1e-7, 1e-10);
        Assert.Equal(WolfeSearch.Verdict.Accept, verdict);
        Assert.Equal(1, next.Trial);
    }

    private static (double Value, double Slope) Evaluate(string name, double x) => name switch
    {
        "rational" => (-x / (x * x + 2), (x * x - 2) / ((x * x + 2) * (x * x + 2))),
        "polynomial" => (
            Math.Pow(x + 0.004, 5) - 2 * Math.Pow(x + 0.004, 4),
            5 * Math.Pow(x + 0.004, 4) - 8 * Math.Pow(x + 0.004, 3)),
        "wiggly" => (0.5 * x * x - 3 * x + 0.1 * Math.Sin(8 * x), x - 3 + 0.8 * Math.Cos(8 * x)),
        "valley" => (Math.Sqrt(1 + (x - 2) * (x - 2)), (x - 2) / Math.Sqrt(1 + (x - 2) * (x - 2))),
        "cosine" => (-Math.Sin(x / 40) + x * x / 4000, -Math.Cos(x / 40) / 40 + x / 2000),
        "exponential" => (Math.Exp(-x) + 0.01 * x, -Math.Exp(-x) + 0.01),
        // Beyond 2 a value that no interpolation can be told with.
        "wall" => x < 2 ? ((x - 1) * (x - 1), 2 * (x - 1)) : (1e300, 1e300),
        _ => throw new ArgumentException(name),
    };
}
