namespace ClusterTrain.Numerics.Tests;

public class NaiveProductsTests
{
    // A chain of n multiply-adds errs by at most n u / (1 - n u) times the sum of the absolute terms, u = 2^-24 (Higham,
    // Accuracy and Stability of Numerical Algorithms, section 3.1); the oracle's own error is far below that.
    private const double UnitRoundoff = 1.0 / (1 << 24);

    [Theory]
    [InlineData(1, 1, 1, 1)]
    [InlineData(3, 5, 2, 2)]
    [InlineData(40, 300, 7, 16)]
    [InlineData(130, 17, 33, 8)]
    public void The_naive_products_are_the_sums_of_products_within_the_rounding_of_floats(
        int rows, int inputs, int outputs, int leafRows)
    {
        var shape = new ProductCase(rows, inputs, outputs, seed: 9);
        var (x, w) = (shape.Input.ToArray(), shape.Weight.ToArray());
        var (b, g) = (shape.Bias.ToArray(), shape.OutputGradient.ToArray());
        var (weightGradient, biasGradient) = shape.NaiveWeightGradient(leafRows);
        double Input(int row, int i) => x[(row * inputs) + i];
        double Weight(int i, int o) => w[(i * outputs) + o];
        double Gradient(int row, int o) => g[(row * outputs) + o];

        AssertSums(shape.NaiveForward(bias: true), rows, outputs, inputs, (r, o, i) => Input(r, i) * Weight(i, o), o => b[o]);
        AssertSums(shape.NaiveForward(bias: false), rows, outputs, inputs, (r, o, i) => Input(r, i) * Weight(i, o), _ => 0);
        AssertSums(shape.NaiveInputGradient(), rows, inputs, outputs, (r, i, o) => Gradient(r, o) * Weight(i, o), _ => 0);
        AssertSums(weightGradient, inputs, outputs, rows, (i, o, r) => Input(r, i) * Gradient(r, o), _ => 0);
        AssertSums(biasGradient, 1, outputs, rows, (_, o, r) => Gradient(r, o), _ => 0);
    }

    [Fact]
    public void Leaves_are_chains_from_zero_and_are_added_in_the_order_of_the_tree()
    {
        // Seven leaves of two rows and a short one; the tree over 8 leaves is ((01)(23))((45)(67)).
        var shape = new ProductCase(15, 1, 1, seed: 10);
        var leaf = new float[8];
        for (var row = 0; row < 15; row++)
        {
            leaf[row / 2] = MathF.FusedMultiplyAdd(shape.Input[row], shape.OutputGradient[row], leaf[row / 2]);
        }

        var expected = (leaf[0] + leaf[1] + (leaf[2] + leaf[3])) + (leaf[4] + leaf[5] + (leaf[6] + leaf[7]));

        Assert.Equal(expected, shape.NaiveWeightGradient(leafRows: 2).Weight[0]);
    }

    private static void AssertSums(
        float[] actual, int rows, int columns, int terms, Func<int, int, int, double> term, Func<int, double> start)
    {
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                var sum = start(column);
                var magnitude = Math.Abs(sum);
                for (var k = 0; k < terms; k++)
                {
                    sum += term(row, column, k);
                    magnitude += Math.Abs(term(row, column, k));
                }

                var bound = terms * UnitRoundoff / (1 - (terms * UnitRoundoff)) * magnitude;
                Assert.InRange(actual[(row * columns) + column], sum - bound, sum + bound);
            }
        }
    }
}
