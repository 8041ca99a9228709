using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Memory;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Numerics.Tree;

namespace ClusterTrain.Numerics.Products;

/// <summary>
/// The three products of a dense layer, <c>output = input weight + bias</c>. Tensors are row-major and contiguous. One object
/// serves one caller at a time; it owns its scratch memory and allocates nothing once it has seen its largest shape, with zeros and
/// without.
/// </summary>
/// <remarks>
/// The bits are defined, whatever the kernels and the number of threads: each float is a chain <c>acc = fma(a, b, acc)</c> with
/// the inner index ascending, and a result that is zero is +0. <see cref="NaiveProducts"/> is the same in plain loops.
/// <para>
/// That leaves room to skip zeros. Call two floats alike when they are equal, +0 and -0 included. (1) Alike accumulators give
/// alike results: where they differ they are zeros, and a * b + c has the same exact value for c = +0 and c = -0, so it is
/// rounded to the same float, or to a zero. The same holds for the sums of the tree. (2) With a = 0 and b finite,
/// a * b + c is like c: a step with a zero factor may be left out, and so may a leaf of such steps, as x + 0 is like x. (3) At
/// the end +0 is added, which makes alike floats equal. A sum of results is never -0 either, so results of subtrees that are
/// added elsewhere give the same bits. Zero times infinity is not zero: where B is not finite, nothing is skipped.
/// </para>
/// </remarks>
public sealed unsafe class DenseProducts : IDisposable
{
    // Below this many vector operations (about 10 microseconds) waking other threads costs more than they save.
    private const double MinimumSharedCost = 40_000;

    // Below this many vector operations (a few microseconds) it does not pay to look for zeros.
    private const double MinimumSparseCost = 10_000;

    // With fewer columns, a weight gradient is faster the other way round: A's rows as columns, none skipped.
    private const int MinimumGradientColumns = 16;

    private readonly Kernels _kernels;
    private readonly ComputePool _pool;
    private readonly AlignedMemory _memory = new();
    private readonly SparsePlan _plan = new();

    /// <summary>Products by the given kernels on the threads of a pool.</summary>
    /// <param name="kernels">The implementation; it does not change the bits.</param>
    /// <param name="pool">The threads; neither does it. The pool stays the caller's.</param>
    public DenseProducts(Kernels kernels, ComputePool pool)
    {
        ArgumentNullException.ThrowIfNull(kernels);
        ArgumentNullException.ThrowIfNull(pool);
        _kernels = kernels;
        _pool = pool;
    }

    /// <summary>Which products skip the zeros of their first operand. This changes the time, and no bit.</summary>
    internal ZeroSkipping Zeros { get; set; } = ZeroSkipping.WhereItPays;

    /// <summary>
    /// output = input weight + bias. Each output is one chain over the inputs, started at the bias, or at +0 without one.
    /// </summary>
    /// <param name="input">(rows, inputs)</param>
    /// <param name="weight">(inputs, outputs)</param>
    /// <param name="bias">(outputs), or empty for none</param>
    /// <param name="output">(rows, outputs); overwritten</param>
    /// <param name="rows">Rows of the batch, at least 1.</param>
    /// <param name="inputs">Inputs of the layer, at least 1.</param>
    /// <param name="outputs">Outputs of the layer, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is less than 1.</exception>
    /// <exception cref="ArgumentException">A span's length is not that of its shape, or the output overlaps an operand.</exception>
    public void Forward(
        ReadOnlySpan<float> input,
        ReadOnlySpan<float> weight,
        ReadOnlySpan<float> bias,
        Span<float> output,
        int rows,
        int inputs,
        int outputs)
    {
        DenseShape.CheckForward(input, weight, bias, output, rows, inputs, outputs);
        fixed (float* x = input, w = weight, b = bias, y = output)
        {
            var product = new StridedProduct
            {
                M = rows,
                N = outputs,
                K = inputs,
                LeafK = inputs,
                A = x,
                ARow = inputs,
                AColumn = 1,
                B = w,
                BRow = outputs,
                BColumn = 1,
                BLength = weight.Length,
                C = y,
                CRow = outputs,
                CColumn = 1,
                Bias = b,
            };
            Run(product, input.Length);
        }
    }

    /// <summary>
    /// inputGradient = outputGradient weight'. Each float is one chain over the outputs, started at +0.
    /// </summary>
    /// <param name="outputGradient">(rows, outputs)</param>
    /// <param name="weight">(inputs, outputs)</param>
    /// <param name="inputGradient">(rows, inputs); overwritten</param>
    /// <param name="rows">Rows of the batch, at least 1.</param>
    /// <param name="inputs">Inputs of the layer, at least 1.</param>
    /// <param name="outputs">Outputs of the layer, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is less than 1.</exception>
    /// <exception cref="ArgumentException">A span's length is not that of its shape, or the output overlaps an operand.</exception>
    public void InputGradient(
        ReadOnlySpan<float> outputGradient,
        ReadOnlySpan<float> weight,
        Span<float> inputGradient,
        int rows,
        int inputs,
        int outputs)
    {
        DenseShape.CheckInputGradient(outputGradient, weight, inputGradient, rows, inputs, outputs);
        fixed (float* g = outputGradient, w = weight, dx = inputGradient)
        {
            Run(
                new StridedProduct
                {
                    M = rows,
                    N = inputs,
                    K = outputs,
                    LeafK = outputs,
                    A = g,
                    ARow = outputs,
                    AColumn = 1,
                    B = w,
                    BRow = 1,
                    BColumn = outputs,
                    BLength = weight.Length,
                    C = dx,
                    CRow = inputs,
                    CColumn = 1,
                },
                outputGradient.Length);
        }
    }

    /// <summary>
    /// weightGradient = input' outputGradient and biasGradient = the sum of outputGradient's rows, both as sums over leaves of
    /// <paramref name="leafRows"/> rows. Within a leaf each weight gradient is one chain over the leaf's rows, started at +0,
    /// and each bias gradient a chain of additions, started at +0; the leaves are added (left + right) by
    /// <see cref="ReductionTree"/>.
    /// </summary>
    /// <param name="input">(rows, inputs)</param>
    /// <param name="outputGradient">(rows, outputs)</param>
    /// <param name="weightGradient">(inputs, outputs); overwritten</param>
    /// <param name="biasGradient">(outputs), overwritten, or empty for none</param>
    /// <param name="rows">Rows of the batch, at least 1.</param>
    /// <param name="inputs">Inputs of the layer, at least 1.</param>
    /// <param name="outputs">Outputs of the layer, at least 1.</param>
    /// <param name="leafRows">Rows of a leaf, at least 1; the last leaf may have fewer.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is less than 1.</exception>
    /// <exception cref="ArgumentException">A span's length is not that of its shape, or an output overlaps an operand.</exception>
    public void WeightGradient(
        ReadOnlySpan<float> input,
        ReadOnlySpan<float> outputGradient,
        Span<float> weightGradient,
        Span<float> biasGradient,
        int rows,
        int inputs,
        int outputs,
        int leafRows) =>
        PartialWeightGradient(input, outputGradient, weightGradient, biasGradient, rows, inputs, outputs, leafRows, 0, inputs);

    /// <summary>The gradients of some inputs' weights alone, with the same bits, and of the biases; the other weights' are left as they are.</summary>
    /// <param name="input">(rows, inputs)</param>
    /// <param name="outputGradient">(rows, outputs)</param>
    /// <param name="weightGradient">(inputs, outputs); the rows of the inputs that are asked for are overwritten</param>
    /// <param name="biasGradient">(outputs), overwritten, or empty for none</param>
    /// <param name="rows">Rows of the batch, at least 1.</param>
    /// <param name="inputs">Inputs of the layer, at least 1.</param>
    /// <param name="outputs">Outputs of the layer, at least 1.</param>
    /// <param name="leafRows">Rows of a leaf, at least 1; the last leaf may have fewer.</param>
    /// <param name="firstInput">The first input that is asked for.</param>
    /// <param name="count">How many are, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is less than 1, or the inputs asked for are not the layer's.</exception>
    /// <exception cref="ArgumentException">A span's length is not that of its shape, or an output overlaps an operand.</exception>
    public void PartialWeightGradient(
        ReadOnlySpan<float> input,
        ReadOnlySpan<float> outputGradient,
        Span<float> weightGradient,
        Span<float> biasGradient,
        int rows,
        int inputs,
        int outputs,
        int leafRows,
        int firstInput,
        int count)
    {
        DenseShape.CheckWeightGradient(input, outputGradient, weightGradient, biasGradient, rows, inputs, outputs, leafRows);
        ArgumentOutOfRangeException.ThrowIfNegative(firstInput);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, inputs - firstInput);
        var leaf = Math.Min(rows, leafRows);
        var one = 1f;
        fixed (float* x = input, g = outputGradient, dw = weightGradient, db = biasGradient)
        {
            var product = new StridedProduct
            {
                M = count,
                N = outputs,
                K = rows,
                LeafK = leaf,
                A = x + firstInput,
                ARow = 1,
                AColumn = inputs,
                B = g,
                BRow = outputs,
                BColumn = 1,
                BLength = outputGradient.Length,
                C = dw + ((nint)firstInput * outputs),
                CRow = outputs,
                CColumn = 1,
            };
            Run(product, input.Length - firstInput);
            if (db != null)
            {
                // The bias is the weight of an input that is always 1, and fma(1, g, acc) is the addition acc + g.
                RunTiled(product with { M = 1, A = &one, ARow = 0, AColumn = 0, C = db });
            }
        }
    }

    /// <summary>Frees the scratch memory.</summary>
    public void Dispose()
    {
        _memory.Dispose();
        _plan.Dispose();
    }

    // The fastest of three ways: with the zeros of A skipped, as it stands, or transposed.
    private void Run(in StridedProduct product, nint aLength)
    {
        var (width, height) = (_kernels.Width, _kernels.TileHeight);
        var transposed = product.Bias == null ? product.Transposed(aLength) : product;
        var (cost, transposedCost) = (product.Cost(width, height), transposed.Cost(width, height));
        if (!TryRunSparse(product, cost, Math.Min(cost, transposedCost)))
        {
            RunTiled(transposedCost < cost ? transposed : product);
        }
    }

    private bool TryRunSparse(in StridedProduct product, double cost, double denseCost)
    {
        if (!_plan.TryBuild(product, _kernels, MaximumDensity(product, cost, denseCost)))
        {
            return false;
        }

        var threads = Threads(_plan.Density * cost);
        var tiled = new SparseProduct(product, _plan, _kernels, threads, _memory);
        Share(ref tiled, tiled.Parts, threads);
        return true;
    }

    // The share of steps to visit up to which it pays to skip the others; below 0, not even to look for them.
    private double MaximumDensity(in StridedProduct product, double cost, double denseCost)
    {
        if (Zeros != ZeroSkipping.WhereItPays)
        {
            return Zeros == ZeroSkipping.Never ? -1 : 1;
        }

        var multiplyAdds = product.MultiplyAdds(_kernels.Width);
        if (multiplyAdds < MinimumSparseCost || (product.AColumn != 1 && product.N < MinimumGradientColumns))
        {
            return -1;
        }

        // Measured: what planning takes for each row and step, packing for each step and column, and a tile for itself, as shares
        // of the multiply-adds.
        var overhead = (2.0 / product.N) + (2.0 / product.M) + (4.0 / product.K) + ((cost - denseCost) / multiplyAdds);
        return _kernels.SparseTileSpeed - overhead;
    }

    private void RunTiled(in StridedProduct product)
    {
        var threads = Threads(product.Cost(_kernels.Width, _kernels.TileHeight));
        var tiled = new TiledProduct(product, _kernels, threads, _memory);
        Share(ref tiled, tiled.Parts, threads);
    }

    private int Threads(double cost) => cost < MinimumSharedCost ? 1 : _pool.Threads;

    private void Share<TJob>(ref TJob job, int parts, int threads)
        where TJob : struct, IComputeJob
    {
        if (threads > 1)
        {
            _pool.Run(ref job, parts);
            return;
        }

        for (var part = 0; part < parts; part++)
        {
            job.Execute(part, 0);
        }
    }
}
