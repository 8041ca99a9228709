namespace ClusterTrain.Numerics;

/// <summary>
/// The three products of a dense layer, <c>output = input weight + bias</c>. Tensors are row-major and contiguous. One object
/// serves one caller at a time; it owns its scratch memory and allocates nothing once it has seen its largest shape.
/// </summary>
/// <remarks>
/// The bits are defined, whatever the kernels and the number of threads: each float is a chain <c>acc = fma(a, b, acc)</c> with
/// the inner index ascending. <see cref="NaiveProducts"/> is the same in plain loops.
/// </remarks>
public sealed unsafe class DenseProducts : IDisposable
{
    // Below this many vector operations (about 10 microseconds) waking other threads costs more than they save.
    private const double MinimumSharedCost = 40_000;

    private readonly Kernels _kernels;
    private readonly ComputePool _pool;
    private readonly AlignedMemory _memory = new();

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
            Run(new StridedProduct
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
            });
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
            RunCheaper(
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
        int leafRows)
    {
        DenseShape.CheckWeightGradient(input, outputGradient, weightGradient, biasGradient, rows, inputs, outputs, leafRows);
        var leaf = Math.Min(rows, leafRows);
        var one = 1f;
        fixed (float* x = input, g = outputGradient, dw = weightGradient, db = biasGradient)
        {
            var product = new StridedProduct
            {
                M = inputs,
                N = outputs,
                K = rows,
                LeafK = leaf,
                A = x,
                ARow = 1,
                AColumn = inputs,
                B = g,
                BRow = outputs,
                BColumn = 1,
                BLength = outputGradient.Length,
                C = dw,
                CRow = outputs,
                CColumn = 1,
            };
            RunCheaper(product, input.Length);
            if (db != null)
            {
                // The bias is the weight of an input that is always 1, and fma(1, g, acc) is the addition acc + g.
                Run(product with { M = 1, A = &one, ARow = 0, AColumn = 0, C = db });
            }
        }
    }

    /// <summary>Frees the scratch memory.</summary>
    public void Dispose() => _memory.Dispose();

    private void RunCheaper(in StridedProduct product, nint aLength)
    {
        var transposed = product.Transposed(aLength);
        var width = _kernels.Width;
        var height = _kernels.TileHeight;
        Run(transposed.Cost(width, height) < product.Cost(width, height) ? transposed : product);
    }

    private void Run(in StridedProduct product)
    {
        var threads = product.Cost(_kernels.Width, _kernels.TileHeight) < MinimumSharedCost ? 1 : _pool.Threads;
        var tiled = new TiledProduct(product, _kernels, threads, _memory);
        if (threads > 1)
        {
            _pool.Run(ref tiled, tiled.Parts);
            return;
        }

        for (var part = 0; part < tiled.Parts; part++)
            tiled.Execute(part, 0);
    }
}
