using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Numerics.KernelSets;

// All of these work on (rows, outputs), row-major, each row by itself.
//
// Sums and maxima across a row have one order at every vector width: column c belongs to the c mod 16th of 16 lanes, each lane
// takes its columns in ascending order, and the lanes are combined by halves (lane i with i + 8, then i + 4, i + 2, i + 1).
public abstract partial class Kernels
{
    /// <summary>The number of lanes that a row's sums and maxima run in, whatever the vector width.</summary>
    private protected const int RowLanes = 16;

    /// <summary>
    /// probabilities = e^logits / (the row's sum of e^logits), after subtracting the row's maximum. In place is
    /// allowed.
    /// </summary>
    /// <param name="logits">(rows, outputs).</param>
    /// <param name="probabilities">(rows, outputs).</param>
    /// <param name="rows">Number of rows; 0 does nothing.</param>
    /// <param name="outputs">Number of outputs, at least 1.</param>
    /// <exception cref="ArgumentException">A length does not fit the shape, or the spans overlap without being the
    /// same.</exception>
    public unsafe void Softmax(ReadOnlySpan<float> logits, Span<float> probabilities, int rows, int outputs)
    {
        CheckShape(nameof(logits), logits.Length, rows, outputs);
        CheckShape(nameof(probabilities), probabilities.Length, rows, outputs);
        CheckOverlap(nameof(logits), logits, nameof(probabilities), probabilities);
        fixed (float* z = logits, p = probabilities)
        {
            SoftmaxCore(z, p, rows, outputs);
        }
    }

    /// <summary>
    /// The gradient with respect to the logits, from the one with respect to the probabilities: p * (dp - the row's sum of p dp).
    /// In place is allowed.
    /// </summary>
    /// <param name="probabilitiesGradient">dp, (rows, outputs).</param>
    /// <param name="probabilities">p as <see cref="Softmax"/> gave it, (rows, outputs).</param>
    /// <param name="logitsGradient">(rows, outputs).</param>
    /// <param name="rows">Number of rows; 0 does nothing.</param>
    /// <param name="outputs">Number of outputs, at least 1.</param>
    /// <exception cref="ArgumentException">A length does not fit the shape, or spans overlap without being the same.</exception>
    public unsafe void SoftmaxBackward(
        ReadOnlySpan<float> probabilitiesGradient,
        ReadOnlySpan<float> probabilities,
        Span<float> logitsGradient,
        int rows,
        int outputs)
    {
        CheckShape(nameof(probabilitiesGradient), probabilitiesGradient.Length, rows, outputs);
        CheckShape(nameof(probabilities), probabilities.Length, rows, outputs);
        CheckShape(nameof(logitsGradient), logitsGradient.Length, rows, outputs);
        CheckOverlap(nameof(probabilitiesGradient), probabilitiesGradient, nameof(logitsGradient), logitsGradient);
        CheckOverlap(nameof(probabilities), probabilities, nameof(logitsGradient), logitsGradient);
        fixed (float* dp = probabilitiesGradient, p = probabilities, dz = logitsGradient)
        {
            SoftmaxBackwardCore(dp, p, dz, rows, outputs);
        }
    }

    /// <summary>
    /// Cross-entropy of softmax, from the logits: loss = -sum of t log p, gradient = p * (sum of t) - t. Targets may be any
    /// weights; usually one of them is 1. A target of exactly 0 adds nothing to the loss, however unlikely the output.
    /// </summary>
    /// <param name="logits">(rows, outputs).</param>
    /// <param name="targets">(rows, outputs).</param>
    /// <param name="logitsGradient">(rows, outputs); may be the same span as <paramref name="logits"/>, not overlap the
    /// targets.</param>
    /// <param name="rowLoss">(rows): each row's loss, with natural logarithms.</param>
    /// <param name="rows">Number of rows; 0 does nothing.</param>
    /// <param name="outputs">Number of outputs, at least 1.</param>
    /// <exception cref="ArgumentException">A length does not fit the shape, or spans overlap that must not.</exception>
    public unsafe void SoftmaxCrossEntropy(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<float> targets,
        Span<float> logitsGradient,
        Span<float> rowLoss,
        int rows,
        int outputs)
    {
        CheckLoss(logits, targets, logitsGradient, rowLoss, rows, outputs);
        fixed (float* z = logits, t = targets, dz = logitsGradient, loss = rowLoss)
        {
            SoftmaxCrossEntropyCore(z, t, dz, loss, rows, outputs);
        }
    }

    /// <summary>
    /// Binary cross-entropy of the logistic function, from the logits z: with p = sigmoid(z), loss = sum over outputs of
    /// -[t log p + (1 - t) log(1 - p)], gradient = p - t.
    /// </summary>
    /// <inheritdoc cref="SoftmaxCrossEntropy" path="/param"/>
    /// <inheritdoc cref="SoftmaxCrossEntropy" path="/exception"/>
    public void SigmoidCrossEntropy(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<float> targets,
        Span<float> logitsGradient,
        Span<float> rowLoss,
        int rows,
        int outputs) =>
        Loss(default(SigmoidCrossEntropyTerm), logits, targets, logitsGradient, rowLoss, rows, outputs);

    /// <summary>
    /// Squared error: loss = factor * sum over outputs of (y - t)^2, gradient = 2 * factor * (y - t). Half squared error has the
    /// factor 1/2, mean squared error 1/outputs.
    /// </summary>
    /// <param name="outputValues">y, (rows, outputs).</param>
    /// <param name="targets">t, (rows, outputs).</param>
    /// <param name="outputGradient">(rows, outputs); may be the same span as <paramref name="outputValues"/>, not overlap the
    /// targets.</param>
    /// <param name="rowLoss">(rows): each row's loss.</param>
    /// <param name="rows">Number of rows; 0 does nothing.</param>
    /// <param name="outputs">Number of outputs, at least 1.</param>
    /// <param name="factor">Factor of each square.</param>
    /// <exception cref="ArgumentException">A length does not fit the shape, or spans overlap that must not.</exception>
    public void SquaredError(
        ReadOnlySpan<float> outputValues,
        ReadOnlySpan<float> targets,
        Span<float> outputGradient,
        Span<float> rowLoss,
        int rows,
        int outputs,
        float factor) =>
        Loss(new SquaredErrorTerm(factor), outputValues, targets, outputGradient, rowLoss, rows, outputs);

    /// <summary>
    /// Cross-entropy from probabilities p, for outputs that are not a softmax fused with its loss: p is clamped to
    /// [1e-7, 1 - 1e-7], then loss = -sum of t log p, gradient with respect to p = -t / p (at the clamped value, so that an
    /// output
    /// beyond the clamp is still pulled back).
    /// </summary>
    /// <param name="probabilities">(rows, outputs).</param>
    /// <param name="targets">(rows, outputs).</param>
    /// <param name="probabilitiesGradient">(rows, outputs); may be the same span as the probabilities, not overlap the
    /// targets.</param>
    /// <param name="rowLoss">(rows): each row's loss, with natural logarithms.</param>
    /// <param name="rows">Number of rows; 0 does nothing.</param>
    /// <param name="outputs">Number of outputs, at least 1.</param>
    /// <exception cref="ArgumentException">A length does not fit the shape, or spans overlap that must not.</exception>
    public void CategoricalCrossEntropy(
        ReadOnlySpan<float> probabilities,
        ReadOnlySpan<float> targets,
        Span<float> probabilitiesGradient,
        Span<float> rowLoss,
        int rows,
        int outputs) =>
        Loss(default(CategoricalCrossEntropyTerm), probabilities, targets, probabilitiesGradient, rowLoss, rows, outputs);

    /// <summary>
    /// Binary cross-entropy from probabilities p, for outputs that are not a sigmoid fused with its loss: p is clamped to
    /// [1e-7, 1 - 1e-7], then loss = sum over outputs of -[t log p + (1 - t) log(1 - p)], gradient with respect to
    /// p = (p - t) / (p (1 - p)), at the clamped value.
    /// </summary>
    /// <inheritdoc cref="CategoricalCrossEntropy" path="/param"/>
    /// <inheritdoc cref="CategoricalCrossEntropy" path="/exception"/>
    public void BinaryCrossEntropy(
        ReadOnlySpan<float> probabilities,
        ReadOnlySpan<float> targets,
        Span<float> probabilitiesGradient,
        Span<float> rowLoss,
        int rows,
        int outputs) =>
        Loss(default(BinaryCrossEntropyTerm), probabilities, targets, probabilitiesGradient, rowLoss, rows, outputs);

    private unsafe void Loss<TTerm>(
        in TTerm term,
        ReadOnlySpan<float> outputValues,
        ReadOnlySpan<float> targets,
        Span<float> gradient,
        Span<float> rowLoss,
        int rows,
        int outputs)
        where TTerm : struct, ILossTerm
    {
        CheckLoss(outputValues, targets, gradient, rowLoss, rows, outputs);
        fixed (float* y = outputValues, t = targets, dy = gradient, loss = rowLoss)
        {
            LossCore(term, y, t, dy, loss, rows, outputs);
        }
    }

    private static void CheckLoss(
        ReadOnlySpan<float> outputValues,
        ReadOnlySpan<float> targets,
        ReadOnlySpan<float> gradient,
        ReadOnlySpan<float> rowLoss,
        int rows,
        int outputs)
    {
        CheckShape(nameof(outputValues), outputValues.Length, rows, outputs);
        CheckShape(nameof(targets), targets.Length, rows, outputs);
        CheckShape(nameof(gradient), gradient.Length, rows, outputs);
        CheckLength(nameof(rowLoss), rowLoss.Length, rows);
        CheckOverlap(nameof(outputValues), outputValues, nameof(gradient), gradient);
        CheckApart(nameof(targets), targets, nameof(gradient), gradient);
        CheckApart(nameof(outputValues), outputValues, nameof(rowLoss), rowLoss);
        CheckApart(nameof(targets), targets, nameof(rowLoss), rowLoss);
        CheckApart(nameof(gradient), gradient, nameof(rowLoss), rowLoss);
    }

    private static void CheckShape(string name, int length, int rows, int outputs)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfLessThan(outputs, 1);
        if (length != (long)rows * outputs)
        {
            throw new ArgumentException(
                $"{name} has {length} elements and must have {(long)rows * outputs}, for {rows} rows of {outputs} outputs.", name);
        }
    }

    private protected abstract unsafe void SoftmaxCore(float* logits, float* probabilities, int rows, int outputs);

    private protected abstract unsafe void SoftmaxBackwardCore(
        float* probabilitiesGradient, float* probabilities, float* logitsGradient, int rows, int outputs);

    private protected abstract unsafe void SoftmaxCrossEntropyCore(
        float* logits, float* targets, float* gradient, float* rowLoss, int rows, int outputs);

    private protected abstract unsafe void LossCore<TTerm>(
        in TTerm term, float* outputValues, float* targets, float* gradient, float* rowLoss, int rows, int outputs)
        where TTerm : struct, ILossTerm;
}

internal sealed unsafe partial class Kernels<TSimd>
{
    // The softmaxes go through 16 rows at a time in phases: within a phase the rows do not wait for each other, and what one
    // phase has stored is in the cache when the next one reads it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private protected override void SoftmaxCore(float* logits, float* probabilities, int rows, int outputs)
    {
        var sums = stackalloc float[RowLanes];
        var totals = stackalloc float[RowLanes];
        for (var start = 0; start < rows; start += RowLanes)
        {
            var count = Math.Min(RowLanes, rows - start);
            var z = logits + ((nint)start * outputs);
            var p = probabilities + ((nint)start * outputs);
            for (var row = 0; row < count; row++)
            {
                totals[row] = RowMaximum(z + ((nint)row * outputs), outputs, sums);
            }

            for (var row = 0; row < count; row++, z += outputs, p += outputs)
            {
                var maximum = TSimd.Create(totals[row]);
                for (var lane = 0; lane < RowLanes; lane += TSimd.Width)
                {
                    TSimd sum = default;
                    for (var column = lane; column < outputs; column += RowLanes)
                    {
                        var left = outputs - column;
                        var power = SimdMath.Exp(Load(z + column, left, maximum) - maximum);
                        Store(power, p + column, left);
                        sum += KeepFirst(power, left);
                    }

                    TSimd.Store(sum, sums + lane);
                }

                totals[row] = SumLanes(sums);
            }

            p = probabilities + ((nint)start * outputs);
            for (var row = 0; row < count; row++, p += outputs)
            {
                var total = TSimd.Create(totals[row]);
                for (var column = 0; column < outputs; column += TSimd.Width)
                {
                    Store(Load(p + column, outputs - column, default) / total, p + column, outputs - column);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private protected override void SoftmaxBackwardCore(
        float* probabilitiesGradient, float* probabilities, float* logitsGradient, int rows, int outputs)
    {
        var sums = stackalloc float[RowLanes];
        for (var row = 0; row < rows; row++)
        {
            for (var lane = 0; lane < RowLanes; lane += TSimd.Width)
            {
                TSimd sum = default;
                for (var column = lane; column < outputs; column += RowLanes)
                {
                    var dp = Load(probabilitiesGradient + column, outputs - column, default);
                    sum = TSimd.FusedMultiplyAdd(Load(probabilities + column, outputs - column, default), dp, sum);
                }

                TSimd.Store(sum, sums + lane);
            }

            var total = TSimd.Create(SumLanes(sums));
            for (var column = 0; column < outputs; column += TSimd.Width)
            {
                var dp = Load(probabilitiesGradient + column, outputs - column, default);
                var p = Load(probabilities + column, outputs - column, default);
                Store(p * (dp - total), logitsGradient + column, outputs - column);
            }

            probabilitiesGradient += outputs;
            probabilities += outputs;
            logitsGradient += outputs;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private protected override void SoftmaxCrossEntropyCore(
        float* logits, float* targets, float* gradient, float* rowLoss, int rows, int outputs)
    {
        var lanes = stackalloc float[3 * RowLanes];
        var maxima = stackalloc float[RowLanes];
        var powers = stackalloc float[RowLanes]; // per row, the sums of e^(z - maximum), of t, and of t (z - maximum)
        var weights = stackalloc float[RowLanes];
        var products = stackalloc float[RowLanes];
        for (var start = 0; start < rows; start += RowLanes)
        {
            var count = Math.Min(RowLanes, rows - start);
            var offset = (nint)start * outputs;
            for (var row = 0; row < count; row++)
            {
                maxima[row] = RowMaximum(logits + offset + ((nint)row * outputs), outputs, lanes);
            }

            for (var row = 0; row < count; row++)
            {
                var skip = offset + ((nint)row * outputs);
                SumRow(logits + skip, targets + skip, gradient + skip, outputs, maxima[row], lanes);
                powers[row] = SumLanes(lanes);
                weights[row] = SumLanes(lanes + RowLanes);
                products[row] = SumLanes(lanes + (2 * RowLanes));
            }

            for (var row = 0; row < count; row++)
            {
                var skip = offset + ((nint)row * outputs);
                var scale = TSimd.Create(weights[row] / powers[row]);
                for (var column = 0; column < outputs; column += TSimd.Width)
                {
                    var left = outputs - column;
                    var power = Load(gradient + skip + column, left, default);
                    var target = Load(targets + skip + column, left, default);
                    Store(TSimd.FusedMultiplyAdd(power, scale, default(TSimd) - target), gradient + skip + column, left);
                }
            }

            for (var row = 0; row < count; row += TSimd.Width)
            {
                var product = TSimd.Load(products + row);
                var loss = TSimd.FusedMultiplyAdd(
                    TSimd.Load(weights + row), SimdMath.Log(TSimd.Load(powers + row)), default(TSimd) - product);
                Store(loss, rowLoss + start + row, count - row);
            }
        }
    }

    // Stores e^(z - maximum), and in three times 16 lanes the sums of it, of the targets, and of target * (z - maximum).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SumRow(float* logits, float* targets, float* powers, int outputs, float maximum, float* lanes)
    {
        for (var lane = 0; lane < RowLanes; lane += TSimd.Width)
        {
            TSimd powerSum = default, targetSum = default, productSum = default;
            for (var column = lane; column < outputs; column += RowLanes)
            {
                var left = outputs - column;
                var difference = Load(logits + column, left, TSimd.Create(maximum)) - TSimd.Create(maximum);
                var target = Load(targets + column, left, default);
                var power = SimdMath.Exp(difference);
                Store(power, powers + column, left);
                powerSum += KeepFirst(power, left);
                targetSum += target;

                // 0 * -infinity would be NaN.
                difference = TSimd.Select(TSimd.Equal(target, default), default, difference);
                productSum = TSimd.FusedMultiplyAdd(target, difference, productSum);
            }

            TSimd.Store(powerSum, lanes + lane);
            TSimd.Store(targetSum, lanes + RowLanes + lane);
            TSimd.Store(productSum, lanes + (2 * RowLanes) + lane);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private protected override void LossCore<TTerm>(
        in TTerm term, float* outputValues, float* targets, float* gradient, float* rowLoss, int rows, int outputs)
    {
        var formula = term;
        var sums = stackalloc float[RowLanes];
        for (var row = 0; row < rows; row++, outputValues += outputs, targets += outputs, gradient += outputs)
        {
            for (var lane = 0; lane < RowLanes; lane += TSimd.Width)
            {
                TSimd sum = default;
                for (var column = lane; column < outputs; column += RowLanes)
                {
                    var left = outputs - column;
                    var value = formula.Apply(
                        Load(outputValues + column, left, default), Load(targets + column, left, default), out var derivative);
                    Store(derivative, gradient + column, left);
                    sum += KeepFirst(value, left);
                }

                TSimd.Store(sum, sums + lane);
            }

            rowLoss[row] = SumLanes(sums);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float RowMaximum(float* values, int length, float* lanes)
    {
        for (var lane = 0; lane < RowLanes; lane += TSimd.Width)
        {
            // A NaN is passed over here; its own exponential brings it into the sum.
            var maximum = TSimd.Create(float.NegativeInfinity);
            for (var column = lane; column < length; column += RowLanes)
            {
                var rest = TSimd.Create(float.NegativeInfinity);
                maximum = TSimd.Max(Load(values + column, length - column, rest), maximum);
            }

            TSimd.Store(maximum, lanes + lane);
        }

        var four = Larger(
            Larger(Vector128.Load(lanes), Vector128.Load(lanes + 8)), Larger(Vector128.Load(lanes + 4), Vector128.Load(lanes + 12)));
        four = Larger(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Larger(four, Vector128.Shuffle(four, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Larger(Vector128<float> a, Vector128<float> b) =>
        Vector128.ConditionalSelect(Vector128.GreaterThan(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float SumLanes(float* lanes)
    {
        var four = Vector128.Load(lanes) + Vector128.Load(lanes + 8) + (Vector128.Load(lanes + 4) + Vector128.Load(lanes + 12));
        four += Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1));
        return (four + Vector128.Shuffle(four, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TSimd Load(float* source, int left, TSimd rest) =>
        left >= TSimd.Width ? TSimd.Load(source) : TSimd.LoadFirst(source, left, rest);

    // Lanes behind the row's end hold harmless numbers during the computation and are cleared before a sum.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TSimd KeepFirst(TSimd value, int left) =>
        left >= TSimd.Width ? value : TSimd.FirstLanes(left) & value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(TSimd value, float* destination, int left)
    {
        if (left >= TSimd.Width)
        {
            TSimd.Store(value, destination);
        }
        else
        {
            TSimd.StoreFirst(value, destination, left);
        }
    }
}
