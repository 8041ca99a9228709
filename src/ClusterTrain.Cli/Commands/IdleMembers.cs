using ClusterTrain.Cli.Output;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Cli.Commands;

/// <summary>Says so when a run has more members than work for them.</summary>
internal static class IdleMembers
{
    /// <summary>Writes a line for workers, and one for parameter servers.</summary>
    /// <param name="plan">The run.</param>
    /// <param name="layout">Its parameters.</param>
    /// <param name="workers">Workers.</param>
    /// <param name="servers">Parameter servers.</param>
    /// <param name="error">Receives the lines.</param>
    public static void Warn(TrainingPlan plan, NetworkLayout layout, int workers, int servers, TextWriter error)
    {
        var leaves = plan.Leaves(0);
        if (workers > leaves)
        {
            error.WriteLine(
                $"note: a batch of {plan.BatchRows} rows has {Figures.Count(leaves, "leaf", "leaves")} of {plan.LeafRows} rows; "
                + $"{workers - leaves} of the {workers} workers will stay idle");
        }

        var segments = plan.Segments(layout, servers).Length;
        if (servers > segments && Optimiser.NeedsWholeModel(plan.Recipe.Optimiser))
        {
            error.WriteLine("note: the optimiser needs the whole model in one place; 1 parameter server will do the work");
        }
        else if (servers > segments)
        {
            error.WriteLine(
                $"note: the {Figures.Count(layout.Parameters)} parameters are too few for {servers} parameter servers; "
                + $"{segments} will do the work");
        }
    }
}
