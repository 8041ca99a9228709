using System.Runtime.CompilerServices;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Numerics.RandomNumbers;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Learning.Networks;

/// <summary>
/// What dropout's masks are drawn from besides the layers. An element's mask is a pure function of seed, step, layer, row
/// number and unit: who computes a row, and among which others, does not matter.
/// </summary>
/// <param name="seed">The recipe's seed.</param>
/// <param name="step">The step, from 0 to below 2^48.</param>
/// <param name="rowNumbers">(rows) number of each row in the training data.</param>
public readonly ref struct DropoutDraw(ulong seed, long step, ReadOnlySpan<long> rowNumbers)
{
    private static readonly ulong s_stream = RandomStream.HashPurpose("dropout");

    /// <summary>(rows) number of each row in the training data; empty: nothing is dropped.</summary>
    public ReadOnlySpan<long> RowNumbers { get; } = rowNumbers;

    /// <summary>mask (rows, units) ← 0 where a unit's output is dropped, elsewhere 1 / (1 - fraction).</summary>
    internal void Mask(Kernels kernels, int layer, LayerRecipe recipe, Span<float> mask)
    {
        var (first, second, _, _) = new Philox(seed).Block((ulong)step | ((ulong)layer << 48), s_stream);
        kernels.DropoutMask(first | ((ulong)second << 32), RowNumbers, recipe.Units, recipe.Dropout, mask);
    }
}

/// <summary>Inverted dropout by a mask, of outputs forward and of slopes backward alike: z = x · mask.</summary>
internal readonly struct DropoutMap : IBinaryMap
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd x, TSimd y)
        where TSimd : unmanaged, ISimd<TSimd> => x * y;
}
