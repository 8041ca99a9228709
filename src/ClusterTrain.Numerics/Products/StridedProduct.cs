namespace ClusterTrain.Numerics.Products;

/// <summary>
/// C = A B (+ bias) over strided operands: <c>c(m, n) = bias(n) + sum over k of a(m, k) * b(k, n)</c>, with the k cut in leaves.
/// Strides are in floats. All products of a dense layer are of this form, most of them in two ways (C or its transpose); both
/// give the same bits, since a product does not care for the order of its factors.
/// </summary>
internal unsafe struct StridedProduct
{
    public int M;
    public int N;
    public int K;

    /// <summary>Steps of one leaf; <see cref="K"/> when there is no tree.</summary>
    public int LeafK;

    public float* A;
    public nint ARow;
    public nint AColumn;

    /// <summary>One of B's strides is 1.</summary>
    public float* B;
    public nint BRow;
    public nint BColumn;

    /// <summary>Floats from <see cref="B"/> to the end of its memory: nothing is read behind it.</summary>
    public nint BLength;

    /// <summary>One of C's strides is 1.</summary>
    public float* C;
    public nint CRow;
    public nint CColumn;

    /// <summary>N values that the chains start from, or null for zero; only without a tree.</summary>
    public float* Bias;

    public readonly int Leaves => (K + LeafK - 1) / LeafK;

    public readonly bool HasTree => LeafK < K;

    /// <summary>The product (N x M) = B' A', which computes the transpose of C and stores it transposed. B and A trade places.</summary>
    /// <param name="aLength">Floats from A to the end of its memory.</param>
    public readonly StridedProduct Transposed(nint aLength) =>
        this with
        {
            M = N,
            N = M,
            A = B,
            ARow = BColumn,
            AColumn = BRow,
            B = A,
            BRow = AColumn,
            BColumn = ARow,
            BLength = aLength,
            CRow = CColumn,
            CColumn = CRow,
        };

    /// <summary>The multiply-adds of whole vectors, with their unused lanes.</summary>
    public readonly double MultiplyAdds(int width) => Vectors(width) * M * K;

    /// <summary>
    /// Rough cost in vector operations: the multiply-adds with their unused lanes, and what packing B and storing C take.
    /// A transposed float costs about a third of an operation.
    /// </summary>
    public readonly double Cost(int width, int tileHeight)
    {
        var vectors = Vectors(width);
        var cost = MultiplyAdds(width);
        if (BColumn != 1)
        {
            cost += (double)N * K / 3;
        }
        else if (M > tileHeight)
        {
            cost += 2 * vectors * K;
        }

        cost += CColumn != 1 ? (double)M * N / 3 : vectors * M;
        return cost;
    }

    private readonly double Vectors(int width) => (N + width - 1) / width;
}
