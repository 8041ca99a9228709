using System.Globalization;

namespace ClusterTrain.Reproductions;

/// <summary>Every row.</summary>
internal static class Rows
{
    private static readonly double[] s_orGateCosts = [0.08891294752, 0.08400959542, 0.08004751322];

    /// <summary>The table, in its order.</summary>
    public static IReadOnlyList<Row> All { get; } =
    [
        new()
        {
            Recipe = "or-gate",
            What = "One sigmoid neuron learns OR: costs of the first three of 5,000 iterations, and of the last",
            Published = "0.08891294752, 0.08400959542, 0.08004751322; 0.000527569",
            Wanted = "the same to 7 decimals; 0.000527569",
            Measure = OrGate,
        },
        new()
        {
            Recipe = "xor-feature-cross",
            What = "XOR by one neuron with the product of both inputs",
            Published = "100 % right",
            Wanted = "100 %",
            Measure = runs => new Measured(Text($"{runs[0].OnTraining.Accuracy:0.##%}"), runs[0].OnTraining.Accuracy == 1),
        },
        new()
        {
            Recipe = "xor",
            What = "XOR by a hidden layer of three, 5,000 epochs",
            Published = "100 % right, cost about 0.0009",
            Wanted = "100 %, cost at most 0.002",
            Measure = runs => new Measured(
                Text($"{runs[0].OnTraining.Accuracy:0.##%}, cost {runs[0].OnTraining.Loss:0.000000}"),
                runs[0].OnTraining is { Accuracy: 1, Loss: <= 0.002 }),
        },
        new()
        {
            Recipe = "xor-3-4-1",
            What = "XOR by 3-4-1 without biases from printed weights, 50,000 iterations: mean absolute error",
            Published = "0.00351012",
            Wanted = "the same to three digits",
            Measure = runs => new Measured(
                Text($"{runs[0].OnTraining.MeanAbsoluteError:0.00000000}"),
                Math.Round(runs[0].OnTraining.MeanAbsoluteError!.Value, 5) == 0.00351),
        },
        new()
        {
            Recipe = "mnist-10",
            What = "784-10-10, full-batch gradient descent, 3,000 iterations: test accuracy",
            Published = "92.47 %",
            Wanted = "at least 92.47 %",
            Measure = runs => Share(runs[0].OnTest!.Accuracy!.Value, atLeast: 0.9247),
        },
        new()
        {
            Recipe = "mnist-csv",
            What = "The same from CSV files",
            Published = "92.47 %",
            Wanted = "the bits of mnist-10",
            Exported = "mnist",
            Twin = "mnist-10",
            Measure = runs => Share(runs[0].OnTest!.Accuracy!.Value, atLeast: 0.9247),
        },
        new()
        {
            Recipe = "mnist-momentum",
            What = "Rectified hidden layer, softmax, mini-batches, momentum: test accuracy (and on the training rows)",
            Published = "95.9 % (99.8 %)",
            Wanted = "at least 98 %",
            Measure = runs => new Measured(
                Text($"{runs[0].OnTest!.Accuracy:0.00%} ({runs[0].OnTraining.Accuracy:0.00%})"), runs[0].OnTest!.Accuracy >= 0.98),
        },
        new()
        {
            Recipe = "mnist-sigmoid-500-500",
            What = "784-500-500-10, all sigmoid, row by row, two epochs: test accuracy",
            Published = "about 90 %",
            Wanted = "at least 90 %",
            Measure = runs => Share(runs[0].OnTest!.Accuracy!.Value, atLeast: 0.90),
        },
        new()
        {
            Recipe = "mnist-50",
            What = "One hidden layer of 50, ten epochs: test accuracy",
            Published = "about 97 %",
            Wanted = "at least 97 %",
            Measure = runs => Share(runs[0].OnTest!.Accuracy!.Value, atLeast: 0.97),
        },
        new()
        {
            Recipe = "fashion",
            What = "Fashion-MNIST: test accuracy",
            Published = "",
            Wanted = "at least 89 %",
            Measure = runs => Share(runs[0].OnTest!.Accuracy!.Value, atLeast: 0.89),
        },
        new()
        {
            Recipe = "california",
            What = "California housing, seeds 1 to 3: mean squared error of the test rows, the largest of three",
            Published = "about 0.36",
            Wanted = "at most 0.30",
            Seeds = [1, 2, 3],
            Measure = runs =>
            {
                double[] errors = [.. runs.Select(run => run.OnTest!.MeanSquaredError!.Value)];
                var each = string.Join(", ", errors.Select(error => error.ToString("0.000", CultureInfo.InvariantCulture)));
                return new Measured(Text($"{errors.Max():0.000} ({each})"), errors.Max() <= 0.30);
            },
        },
        new()
        {
            Recipe = "car",
            What = "Car evaluation, hidden layers of 3 and 2, L-BFGS, seeds 1 to 5: test accuracy, the median of five",
            Published = "93.06 %",
            Wanted = "at least 95 %",
            Seeds = [1, 2, 3, 4, 5],
            Measure = runs =>
            {
                double[] shares = [.. runs.Select(run => run.OnTest!.Accuracy!.Value)];
                var median = shares.Order().ElementAt(shares.Length / 2);
                return new Measured(
                    Text($"{median:0.00%} ({string.Join(", ", shares.Select(share => share.ToString("0.00%", CultureInfo.InvariantCulture)))})"),
                        median >= 0.95);
            },
        },
    ];

    private static Measured OrGate(IReadOnlyList<TrainedRow> runs)
    {
        var first = runs[0].Epochs.Take(s_orGateCosts.Length).Select(epoch => epoch.Loss).ToList();
        var last = runs[0].OnTraining.Loss;
        return new Measured(
            Text($"{string.Join(", ", first.Select(cost => cost.ToString("0.00000000000", CultureInfo.InvariantCulture)))}; {last:0.000000000}"),
            first.Zip(s_orGateCosts).All(pair => Math.Abs(pair.First - pair.Second) < 0.5e-7) && Math.Round(last, 9) == 0.000527569);
    }

    private static Measured Share(double share, double atLeast) => new(Text($"{share:0.00%}"), share >= atLeast);

    // Percentages as the rest of the documents write them: 92.47 %.
    private static string Text(FormattableString text) =>
        text.ToString(CultureInfo.InvariantCulture).Replace("%", " %", StringComparison.Ordinal);
}
