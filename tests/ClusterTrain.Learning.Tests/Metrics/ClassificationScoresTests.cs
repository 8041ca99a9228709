using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.Tests;

/// <summary>The expected values are those of scikit-learn 1.2.1 for the same rows; of the calibration error, of its definition in NumPy.</summary>
public sealed class ClassificationScoresTests
{
    private const int Rows = 40;

    private static readonly LayerRecipe s_softmax = new() { Units = 3, Activation = ActivationKind.Softmax };
    private static readonly LayerRecipe s_sigmoid = new() { Units = 1, Activation = ActivationKind.Sigmoid };

    [Fact]
    public void Three_classes_have_the_figures_of_scikit_learn()
    {
        var result = Evaluate(s_softmax, Enumerable.Range(0, Rows).Select(Three));
        var details = result.Details!;

        Assert.Equal(new long[,] { { 8, 2, 3 }, { 5, 7, 3 }, { 2, 3, 7 } }, result.Confusion);
        Assert.Equal([13L, 15, 12], details.Classes.Select(of => of.Rows));
        Equal([0.5333333333333333, 0.5833333333333334, 0.5384615384615384], details.Classes.Select(of => of.Precision));
        Equal([0.6153846153846154, 0.4666666666666667, 0.5833333333333334], details.Classes.Select(of => of.Recall));
        Equal([0.5714285714285715, 0.5185185185185186, 0.5599999999999999], details.Classes.Select(of => of.F1));
        Equal([0.7635327635327636, 0.6853333333333333, 0.6934523809523809], details.Classes.Select(of => of.RocAuc!.Value));
        Equal([0.5607819915694678, 0.6602374328180779, 0.5207125122131435], details.Classes.Select(of => of.PrAuc!.Value));
        Equal([0.5517094017094016, 0.5551282051282053, 0.5499823633156967], [details.Precision, details.Recall, details.F1]);
        Equal([0.7141061592728258, 0.5805773122002297], [details.RocAuc!.Value, details.PrAuc!.Value]);
        Assert.Equal(0.913199657698377, details.LogLoss!.Value, 12);
        Assert.Equal(0.14251726269721984, details.CalibrationError!.Value, 7);
    }

    [Fact]
    public void One_output_for_two_classes_has_the_figures_of_scikit_learn_with_equal_scores_among_them()
    {
        var result = Evaluate(s_sigmoid, Enumerable.Range(0, Rows).Select(Two));
        var details = result.Details!;

        Assert.Equal(new long[,] { { 10, 9 }, { 11, 10 } }, result.Confusion);
        Equal([0.5325814536340853, 0.5325814536340853], details.Classes.Select(of => of.RocAuc!.Value));
        Equal([0.513573219528296, 0.5798324018875398], details.Classes.Select(of => of.PrAuc!.Value));
        Equal([0.5012531328320802, 0.5012531328320802, 0.5], [details.Precision, details.Recall, details.F1]);
        Equal([0.5325814536340853, 0.5798324018875398], [details.RocAuc!.Value, details.PrAuc!.Value]);
        Assert.Equal(0.7883410229696841, details.LogLoss!.Value, 12);
        Assert.Equal(0.2273809589445591, details.CalibrationError!.Value, 7);
    }

    [Fact]
    public void A_threshold_moves_the_classes_and_not_the_areas()
    {
        var rows = Enumerable.Range(0, Rows).Select(Two).ToList();
        var result = Evaluate(s_sigmoid, rows, 0.3);
        Assert.Equal(new long[,] { { 4, 15 }, { 6, 15 } }, result.Confusion);
        Assert.Equal(Evaluate(s_sigmoid, rows).Details!.RocAuc, result.Details!.RocAuc);

        // Two outputs that sum to 1 say the same.
        var pairs = rows.Select(row => (new[] { 1 - row.Outputs[0], row.Outputs[0] }, row.Label));
        Assert.Equal(result.Confusion, Evaluate(s_softmax with { Units = 2 }, pairs, 0.3).Confusion);
    }

    [Fact]
    public void Areas_do_not_depend_on_the_order_of_the_rows()
    {
        var rows = Enumerable.Range(0, Rows).Select(Two).ToList();
        var (one, other) = (Evaluate(s_sigmoid, rows).Details!, Evaluate(s_sigmoid, rows.AsEnumerable().Reverse()).Details!);
        Assert.Equal((one.RocAuc, one.PrAuc), (other.RocAuc, other.PrAuc));
    }

    [Theory]
    [InlineData("0 0 1 1", "0 1 1 1", 0.8333333333333333, 0.75, 0.7333333333333334)]
    [InlineData("0 0 1 1", "0 2 1 1", 0.6666666666666666, 0.5, 0.5555555555555555)]
    public void Means_are_over_the_classes_that_occur(string labels, string predicted, double precision, double recall, double f1)
    {
        var rows = labels.Split(' ')
            .Zip(predicted.Split(' '), (label, of) =>
                (Enumerable.Range(0, 4).Select(c => c == int.Parse(of, System.Globalization.CultureInfo.InvariantCulture) ? 1f : 0)
                    .ToArray(), int.Parse(label, System.Globalization.CultureInfo.InvariantCulture)));
        var details = Evaluate(s_softmax with { Units = 4 }, rows).Details!;
        Equal([precision, recall, f1], [details.Precision, details.Recall, details.F1]);
        Assert.False(details.Classes[3].Occurs);
        Assert.Null(details.Classes[3].RocAuc);
    }

    [Fact]
    public void Rows_of_one_class_have_no_areas()
    {
        var details = Evaluate(s_sigmoid, [([0.2f], 1), ([0.9f], 1)]).Details!;
        Assert.Equal((null, null), (details.RocAuc, details.PrAuc));
        Assert.NotNull(details.LogLoss);
    }

    [Fact]
    public void Certain_and_wrong_costs_much_and_not_everything()
    {
        var details = Evaluate(s_sigmoid, [([0f], 1), ([1f], 0)]).Details!;
        Assert.Equal(52 * Math.Log(2), details.LogLoss!.Value, 12);
        Assert.Equal((1.0, 0.0), (details.CalibrationError, details.RocAuc));
    }

    [Theory]
    [InlineData(ActivationKind.Sigmoid, 3)]
    [InlineData(ActivationKind.Identity, 1)]
    [InlineData(ActivationKind.Tanh, 2)]
    public void Outputs_that_are_no_probabilities_have_areas_and_no_log_loss(ActivationKind activation, int units)
    {
        var rows = Enumerable.Range(0, 8).Select(i => (Enumerable.Range(0, units).Select(c => (i + c) % 3 - 1f).ToArray(), i % 2));
        var details = Evaluate(new LayerRecipe { Units = units, Activation = activation }, rows).Details!;
        Assert.NotNull(details.RocAuc);
        Assert.Equal((null, null), (details.LogLoss, details.CalibrationError));
        Assert.Empty(details.Calibration);
    }

    [Fact]
    public void A_row_without_a_prediction_leaves_no_details()
    {
        var result = Evaluate(s_sigmoid, [([0.4f], 1), ([float.NaN], 1), ([0.3f], 0)]);
        Assert.Null(result.Details);
        Assert.Equal(1, result.FirstUndefined);
    }

    [Fact]
    public void The_percentage_error_is_a_share_and_has_no_value_where_a_target_is_0()
    {
        var sums = new EvaluationSums(TaskKind.Regression, 1);
        sums.Add([110, -40, 25, 6], [100, -50, 20, 8], new float[4]);
        Assert.Equal(0.2, sums.Result().MeanAbsolutePercentageError!.Value, 12);
        sums.Add([1], [0], new float[1]);
        Assert.Null(sums.Result().MeanAbsolutePercentageError);
    }

    private static void Equal(IEnumerable<double> expected, IEnumerable<double> actual) =>
        Assert.All(expected.Zip(actual, (one, other) => (one, other)), pair => Assert.Equal(pair.one, pair.other, 12));

    private static (float[] Outputs, int Label) Three(int row)
    {
        var label = ((row * row) + (row / 3)) % 3;
        float[] raw = [.. Enumerable.Range(0, 3).Select(c => (1 + (((7 * row * (c + 2)) + (3 * c)) % 13)) / 16f)];
        raw[label] += 0.25f;
        var sum = raw[0] + raw[1] + raw[2];
        return ([.. raw.Select(value => value / sum)], label);
    }

    private static (float[] Outputs, int Label) Two(int row)
    {
        var isHigh = row * row % 3 == 1;
        return ([(float)(((11 * row % 17) + (isHigh ? 4 : 0)) / 21.0)], isHigh && row % 5 != 0 ? 1 : 0);
    }

    private static Evaluation Evaluate(LayerRecipe last, IEnumerable<(float[] Outputs, int Label)> rows,
        double threshold = EvaluationSums.EvenThreshold)
    {
        var sums = new EvaluationSums(TaskKind.Classification, last.Units, new ClassificationScores(last), threshold);
        foreach (var (outputs, label) in rows)
        {
            var target = new float[last.Units];
            target[last.Units == 1 ? 0 : label] = last.Units == 1 ? label : 1;
            sums.Add(outputs, target, new float[1]);
        }

        return sums.Result();
    }
}
