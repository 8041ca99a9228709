using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Cluster.Data;

/// <summary>What a member knows of the run since the coordinator's first welcome; it never changes in the life of the process.</summary>
internal sealed class RunKnowledge
{
    public RunKnowledge(Welcome welcome, string fingerprint, NodeEndpoint coordinator)
    {
        try
        {
            Recipe = RecipeReader.Parse(welcome.RecipeText, $"the recipe of {coordinator}", []);
        }
        catch (RecipeException error)
        {
            throw new LinkException(RefusalKind.Version, $"trains a recipe this node cannot read: {error.Message}");
        }

        if (Recipe.Fingerprint() != fingerprint)
        {
            throw new LinkException(
                RefusalKind.Version, "trains a recipe that means something else here: run the same version of ClusterTrain on all nodes");
        }

        Fingerprint = fingerprint;
        Data = welcome.Data;
        Plan = new TrainingPlan(Recipe, welcome.TrainingRows);
        Layout = new NetworkLayout(welcome.Features, Recipe.Layers);
        var stateCount = Optimiser.StatePlanes(Recipe.Optimiser, Layout.Parameters);
        MostFloats = (long)Layout.Parameters * Math.Max(1, stateCount);
    }

    public Recipe Recipe { get; }

    /// <summary>Fingerprint of the recipe.</summary>
    public string Fingerprint { get; }

    /// <summary>Fingerprint of the prepared data.</summary>
    public string Data { get; }

    public TrainingPlan Plan { get; }

    public NetworkLayout Layout { get; }

    public long MostFloats { get; }
}
