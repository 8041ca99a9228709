namespace ClusterTrain.Numerics.Tests;

/// <summary>
/// The order in which terms are added, as a binary tree: a term, or the sum of two orders. Which of the two stands left does not
/// matter to a sum, so the one with the first term does.
/// </summary>
internal abstract record SumOrder
{
    /// <summary>The number of the first term.</summary>
    public abstract int First { get; }

    /// <summary>The order in which a sum adds its terms, found from its results alone.</summary>
    /// <remarks>
    /// Of any three terms, two meet first. Make one large and two small, and all others zero: the large one absorbs a small one
    /// that it meets alone, but not the sum of both. So the result differs from the large term alone exactly when the two small
    /// ones meet first. Every term is placed in the tree of those before it by such questions. The idea of telling an order by
    /// masks of large and small numbers is that of Xie et al., FPRev: Revealing the Order of Floating-Point Summation.
    /// </remarks>
    /// <param name="terms">Number of terms.</param>
    /// <param name="sum">Adds terms, and gives the sum or whatever grows or falls with it.</param>
    /// <param name="isDouble">True when it adds in double.</param>
    public static SumOrder Of(int terms, Func<float[], double> sum, bool isDouble = false)
    {
        // Twice the last place of the large term is what two small ones make of it; one is less than half of that.
        var large = isDouble ? 1.25f * MathF.Pow(2, 53) : 1.25f * MathF.Pow(2, 24);
        const float Small = 0.75f;

        SumOrder order = new SumTerm(0);
        for (var term = 1; term < terms; term++)
        {
            order = With(order, term);
        }

        return order;

        SumOrder With(SumOrder before, int term)
        {
            if (before is not SumOfTwo two)
            {
                return new SumOfTwo(before, new SumTerm(term));
            }

            var (left, right) = (two.Left.First, two.Right.First);
            bool[] meet = [MeetFirst(left, right, term), MeetFirst(left, term, right), MeetFirst(right, term, left)];
            return meet switch
            {
                [true, false, false] => new SumOfTwo(two, new SumTerm(term)),
                [false, true, false] => new SumOfTwo(With(two.Left, term), two.Right),
                [false, false, true] => new SumOfTwo(two.Left, With(two.Right, term)),
                _ => throw new InvalidOperationException(
                    $"Of the terms {left}, {right} and {term} not exactly two meet first: "
                    + "this is no sum of one addition after the other."),
            };
        }

        bool MeetFirst(int one, int other, int last)
        {
            var values = new float[terms];
            values[last] = large;
            var alone = sum(values);
            (values[one], values[other]) = (Small, Small);
            return sum(values) != alone;
        }
    }

    /// <summary>One term after the other.</summary>
    public static SumOrder Chain(IEnumerable<int> terms) => Chain(terms.Select(term => (SumOrder)new SumTerm(term)));

    /// <summary>Leaves, each a chain of as many terms, added by the tree that splits at the largest power of two.</summary>
    public static SumOrder TreeOfLeaves(int terms, int leafTerms) =>
        Tree([.. Enumerable.Range(0, terms).Chunk(leafTerms).Select(leaf => Chain(leaf))]);

    /// <summary>Lanes that take the terms in turn, added by halves.</summary>
    public static SumOrder Lanes(int terms, int lanes)
    {
        var sums = new SumOrder?[lanes];
        for (var lane = 0; lane < Math.Min(lanes, terms); lane++)
        {
            sums[lane] = Chain(Enumerable.Range(0, terms).Where(term => term % lanes == lane));
        }

        for (var half = lanes / 2; half > 0; half /= 2)
        {
            for (var lane = 0; lane < half; lane++)
            {
                if (sums[lane + half] is { } other)
                {
                    sums[lane] = new SumOfTwo(sums[lane]!, other);
                }
            }
        }

        return sums[0]!;
    }

    private static SumOrder Chain(IEnumerable<SumOrder> parts) => parts.Aggregate((sum, part) => new SumOfTwo(sum, part));

    private static SumOrder Tree(SumOrder[] leaves)
    {
        if (leaves.Length == 1)
        {
            return leaves[0];
        }

        var left = 1;
        while (2 * left < leaves.Length)
        {
            left *= 2;
        }

        return new SumOfTwo(Tree(leaves[..left]), Tree(leaves[left..]));
    }
}

/// <summary>A term.</summary>
internal sealed record SumTerm(int Number) : SumOrder
{
    public override int First => Number;

    public override string ToString() => $"{Number}";
}

/// <summary>The sum of two orders.</summary>
internal sealed record SumOfTwo : SumOrder
{
    public SumOfTwo(SumOrder one, SumOrder other) =>
        (Left, Right) = one.First < other.First ? (one, other) : (other, one);

    public SumOrder Left { get; }

    public SumOrder Right { get; }

    public override int First => Left.First;

    public override string ToString() => $"({Left} {Right})";
}
