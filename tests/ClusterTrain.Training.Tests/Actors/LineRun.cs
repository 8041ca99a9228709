using System.Collections.Immutable;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Tests;

/// <summary>
/// A run one can work by hand: y = w x with w from 1, half squared error, rows x = 1, 2, 3, 4 with targets 0, batches of all four rows in
/// two leaves of two. The gradient's sum is 30 w and the losses' sum 15 w². Rate 1/8 and momentum 1/2 keep every number exact:
/// w goes 1, 0.0625, -0.46484375.
/// </summary>
internal static class LineRun
{
    public const float FirstWeight = 1;
    public const float SecondWeight = 0.0625f;
    public const float SecondVelocity = 7.5f;
    public const float ThirdWeight = -0.46484375f;

    public static readonly ActorId Coordinator = new("coordinator");

    public static Recipe Recipe(int epochs = 2, int? batchRows = null) => new()
    {
        Name = "line",
        Data = new DataRecipe
        {
            Source = new InlineSource { Features = [[1f], [2f], [3f], [4f]], Targets = [[0f], [0f], [0f], [0f]] },
            Task = TaskKind.Regression,
        },
        Layers = [new LayerRecipe { Units = 1, Weights = new() { Kind = InitialiserKind.Given, Values = [1] }, Biases = null }],
        Loss = LossKind.SquaredError,
        Optimiser = new() { Kind = OptimiserKind.Momentum, Rate = 0.125, Momentum = 0.5 },
        BatchRows = batchRows,
        LeafRows = 2,
        Epochs = epochs,
    };

    public static PreparedData Data(Recipe recipe) => DataPreparation.Prepare(recipe, new DataLocations(null, [], Path.GetTempPath()));

    public static NetworkLayout Layout(Recipe recipe) => new(1, recipe.Layers);

    /// <summary>A lease with these values.</summary>
    public static TensorLease Lease(this TensorPool pool, params ReadOnlySpan<float> values)
    {
        var lease = pool.Rent(values.Length);
        values.CopyTo(lease.Span);
        return lease;
    }

    /// <summary>A whole lease as a tensor.</summary>
    public static TensorMessage Tensor(this TensorPool pool, TensorKey key, double loss, params ReadOnlySpan<float> values)
    {
        var lease = pool.Lease(values);
        return new TensorMessage(key, lease, 0, lease.Length, loss);
    }

    public static TensorKey Weights(long term, long step, int segment = 0) => new(TensorKind.Weights, term, step, segment);

    public static TensorKey State(long term, long step, int segment = 0) => new(TensorKind.OptimiserState, term, step, segment);

    public static TensorKey Sum(long term, long step, int start, int count, int segment = 0) =>
        new(TensorKind.GradientSum, term, step, segment, new TreeNode(start, count));

    public static ImmutableArray<ActorId> Ids(params string[] names) => [.. names.Select(name => new ActorId(name))];
}
