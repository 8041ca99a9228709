using System.Runtime.InteropServices;
using System.Security.Cryptography;
using ClusterTrain.Numerics.Exact;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Numerics.Products;
using ClusterTrain.Numerics.RandomNumbers;
using ClusterTrain.Numerics.Threading;

namespace ClusterTrain.Numerics.Tests;

/// <summary>
/// The bits of every kernel, as hashes that are the same on every processor: other tests compare the widths of one machine, these
/// compare machines.
/// </summary>
public class GoldenBitsTests
{
    private const int Rows = 37;
    private const int Inputs = 50;
    private const int Outputs = 21;
    private const int LeafRows = 4;
    private const int Length = 1003;

    public static TheoryData<string, string> Hashes => new()
    {
        { "forward", "55581cd44cddd2e20abebe29cb47bd50" },
        { "input gradient", "1cfb6e697c3be161d60c4b8a83e4b861" },
        { "weight gradient", "f5606bd0244af11df35473ad82f21277" },
        { "exp", "d11423ad89aa73edddc8394c6277ab37" },
        { "log", "d3004c93dba4a5cd2f6e3ec60ebd8f07" },
        { "sigmoid", "e67f9a42bca1d7269a8d83981d711248" },
        { "tanh", "6791ad24da3b39e86a6bd3bc08fa1395" },
        { "leaky relu", "9550b8f6235458f88917070fd4672c5b" },
        { "backward maps", "8de4a07bd8c0821c29784ceebe51b84a" },
        { "every operation", "d88b733d850f00afcd867494d25e3fa0" },
        { "updates", "f37cb7c06cc21c04528ce1b49dd9f594" },
        { "softmax", "fc576547b705b9c1a0473a0d9e5830f2" },
        { "softmax backward", "3c9ecafdd0fc76978d21e41d16b90168" },
        { "softmax cross-entropy", "d754ff930b672ef00f939fc3960a4df5" },
        { "sigmoid cross-entropy", "61845ae33dcf055293fc113f70dcd3e6" },
        { "squared error", "b358af41dc5a825d2849854bc6894cfa" },
        { "categorical cross-entropy", "76698a865e43ba596b02c79c31350d81" },
        { "binary cross-entropy", "9fc666fd66e31ca196df942cd2727ba0" },
        { "dropout", "b07b7f9b0caba278c7814e639be24737" },
        { "bytes", "932f0592302e7d5f2efb5246a2f1f1fe" },
        { "sum of squares", "93600713ec7e77ad71b542364acb6701" },
        { "random numbers", "0c8057a09d074cc4110c7000d84a131e" },
        { "exact mathematics", "ff57ec78579068c5a6cfab0bb81666ac" },
    };

    private static readonly Dictionary<string, Func<Kernels, float[]>> s_results = new()
    {
        ["forward"] = kernels => Products(kernels, (products, x, g, w, bias) =>
        {
            var output = new float[Rows * Outputs];
            products.Forward(x, w, bias, output, Rows, Inputs, Outputs);
            return output;
        }),
        ["input gradient"] = kernels => Products(kernels, (products, x, g, w, bias) =>
        {
            var gradient = new float[Rows * Inputs];
            products.InputGradient(g, w, gradient, Rows, Inputs, Outputs);
            return gradient;
        }),
        ["weight gradient"] = kernels => Products(kernels, (products, x, g, w, bias) =>
        {
            var (weights, biases) = (new float[Inputs * Outputs], new float[Outputs]);
            products.WeightGradient(x, g, weights, biases, Rows, Inputs, Outputs, LeafRows);
            return [.. weights, .. biases];
        }),
        ["exp"] = kernels => Map(kernels, default(ExpMap)),
        ["log"] = kernels => Map(kernels, default(LogMap)),
        ["sigmoid"] = kernels => Map(kernels, default(SigmoidForward)),
        ["tanh"] = kernels => Map(kernels, default(TanhForward)),
        ["leaky relu"] = kernels => Map(kernels, new LeakyReluForward(0.125f)),
        ["backward maps"] = kernels =>
        [
            .. MapTwo(kernels, default(SigmoidBackward)), .. MapTwo(kernels, default(TanhBackward)),
            .. MapTwo(kernels, default(ReluBackward)), .. MapTwo(kernels, new LeakyReluBackward(0.125f)),
        ],
        ["every operation"] = kernels => MapTwo(kernels, default(EveryOperation)),
        ["updates"] = kernels =>
        [
            .. Update(kernels, new PlainRule(0.1f)), .. Update(kernels, new MomentumRule(0.1f, 0.9f)),
            .. Update(kernels, new AdamRule(0.01f)),
        ],
        ["softmax"] = kernels =>
        {
            var z = Numbers(Rows * Outputs, "z");
            kernels.Softmax(z, z, Rows, Outputs);
            return z;
        },
        ["softmax backward"] = kernels =>
        {
            var (dp, p) = (Numbers(Rows * Outputs, "dp"), Numbers(Rows * Outputs, "p"));
            kernels.SoftmaxBackward(dp, p, dp, Rows, Outputs);
            return dp;
        },
        ["softmax cross-entropy"] = kernels => Loss(kernels.SoftmaxCrossEntropy),
        ["sigmoid cross-entropy"] = kernels => Loss(kernels.SigmoidCrossEntropy),
        ["squared error"] = kernels => Loss(
            (y, t, dy, loss, rows, outputs) => kernels.SquaredError(y, t, dy, loss, rows, outputs, 0.3f)),
        ["categorical cross-entropy"] = kernels => Loss(kernels.CategoricalCrossEntropy),
        ["binary cross-entropy"] = kernels => Loss(kernels.BinaryCrossEntropy),
        ["dropout"] = kernels =>
        {
            var mask = new float[3 * Inputs];
            kernels.DropoutMask(0x1234_5678_9ABC_DEF0, [0, 77, (1L << 44) - 1], Inputs, 0.3, mask);
            return mask;
        },
        ["bytes"] = kernels =>
        {
            var floats = new float[Length];
            kernels.ScaleBytes([.. Enumerable.Range(0, Length).Select(i => (byte)(i * 7))], 1f / 255, -0.3f, floats);
            return floats;
        },
        ["sum of squares"] = kernels => Floats(kernels.SumOfSquares(Numbers(Length, "x"))),
        ["random numbers"] = _ =>
        {
            var stream = new RandomStream(42, "golden");
            var (uniform, normal) = (new float[Length], new float[Length]);
            stream.FillUniform(uniform, -1, 3);
            stream.FillNormal(normal, 1, 2);
            var permutation = new SeededPermutation(42, "golden", 3, Length);
            return [.. uniform, .. normal, .. Enumerable.Range(0, Length).Select(i => (float)permutation[i])];
        },
        ["exact mathematics"] = _ =>
        [
            .. Numbers(Length, "x").Select(x => (double)x).SelectMany(x => Floats(
                ExactMath.Exp(x), ExactMath.Log(Math.Abs(x)), ExactMath.Sin(x), ExactMath.Cos(x),
                ExactMath.Pow(Math.Abs(x), x), ExactMath.Pow(x, 7))),
        ],
    };

    private delegate void LossKernel(
        ReadOnlySpan<float> y, ReadOnlySpan<float> t, Span<float> dy, Span<float> loss, int rows, int outputs);

    [Theory]
    [MemberData(nameof(Hashes))]
    public void Every_width_on_every_processor_gives_the_recorded_bits(string kernel, string sha256)
    {
        foreach (var kernels in Kernels.Supported)
        {
            var bits = MemoryMarshal.AsBytes(s_results[kernel](kernels).AsSpan());
            var actual = Convert.ToHexStringLower(SHA256.HashData(bits))[..32];
            Assert.True(sha256 == actual, $"{kernel}, {kernels}: the hash is {actual}, not {sha256}");
        }
    }

    [Fact]
    public void Every_kernel_of_the_table_has_a_hash() => Assert.Equal(s_results.Keys, Hashes.Select(row => (string)row[0]));

    private static float[] Numbers(int length, string purpose) => MapTable.Normal(length, purpose, 3f);

    private static float[] Products(Kernels kernels, Func<DenseProducts, float[], float[], float[], float[], float[]> run)
    {
        using var pool = new ComputePool(1);
        using var products = new DenseProducts(kernels, pool);
        var (x, g) = (Numbers(Rows * Inputs, "x"), Numbers(Rows * Outputs, "g"));
        var (w, bias) = (Numbers(Inputs * Outputs, "w"), Numbers(Outputs, "b"));
        products.Zeros = ZeroSkipping.Never;
        var dense = run(products, x, g, w, bias);
        kernels.Map(default(ReluForward), x, x);
        products.Zeros = ZeroSkipping.Always;
        return [.. dense, .. run(products, x, g, w, bias)];
    }

    private static float[] Map<TMap>(Kernels kernels, TMap map)
        where TMap : struct, IUnaryMap
    {
        var x = Numbers(Length, "x");
        if (map is LogMap)
        {
            x = [.. x.Select(MathF.Abs)];
        }

        kernels.Map(map, x, x);
        return x;
    }

    private static float[] MapTwo<TMap>(Kernels kernels, TMap map)
        where TMap : struct, IBinaryMap
    {
        var x = Numbers(Length, "x");
        kernels.Map(map, x, Numbers(Length, "y"), x);
        return x;
    }

    private static float[] Update<TRule>(Kernels kernels, TRule rule)
        where TRule : struct, IUpdateRule
    {
        var (weights, gradient) = (Numbers(Length, "w"), Numbers(Length, "g"));
        float[] first = rule.StateCount > 0 ? Numbers(Length, "first") : [];
        float[] second = rule.StateCount > 1 ? [.. Numbers(Length, "second").Select(MathF.Abs)] : [];
        kernels.Update(rule, weights, gradient, [], weights, first, second);
        return [.. weights, .. first, .. second];
    }

    private static float[] Loss(LossKernel loss)
    {
        var t = Numbers(Rows * Outputs, "t");
        var y = Numbers(Rows * Outputs, "y");
        var rowLoss = new float[Rows];
        loss(y, t, y, rowLoss, Rows, Outputs);
        return [.. y, .. rowLoss];
    }

    private static float[] Floats(params double[] values) => MemoryMarshal.Cast<double, float>(values.AsSpan()).ToArray();
}
