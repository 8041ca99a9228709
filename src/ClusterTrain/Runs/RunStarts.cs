using ClusterTrain.Data.Prepared;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Runs;

/// <summary>Where the run in a folder begins, or continues: its newest checkpoint that is whole, or the start weights.</summary>
internal static class RunStarts
{
    public static RunStart Read(
        Recipe recipe, PreparedData data, RunFolder folder, NetworkLayout layout, Receipt receipt, Action<RunEvent> observe)
    {
        var stateCount = Optimiser.StatePlanes(recipe.Optimiser, layout.Parameters);
        if (folder.Identity.Data is not null)
        {
            folder.HoldTo(data.Fingerprint);
        }

        var isAnyPassedOver = false;
        var best = folder.ReadBest(layout);
        var recorded = receipt.Epochs.IsEmpty ? 0 : receipt.Epochs[^1].Epoch;
        var stepsPerEpoch = new TrainingPlan(recipe, data.Train.Rows).StepsPerEpoch;
        var state = folder.ReadCheckpoint(
            layout,
            stateCount,
            problem =>
            {
                isAnyPassedOver = true;
                observe(new RunWarning(problem));
            },
            AheadOfReceipt);
        if (state is null)
        {
            if (isAnyPassedOver)
            {
                observe(new RunWarning("no checkpoint can be used: the run begins again at step 0, with the same result"));
            }

            var weights = RunFolder.StartWeights(folder.Path, recipe, layout);
            state = new RunState(0, 0, weights, new float[layout.Parameters * stateCount]);
        }

        return new RunStart(folder.Identity.Term, state, receipt.Epochs, receipt.LastStep, best) { Audited = RunHistory.Audited(folder.Path) };

        // Going on from it would leave a gap in the receipt, or early stopping without the weights of its best epoch.
        string? AheadOfReceipt(RunState state) => state.Step / stepsPerEpoch > recorded || (best is not null && best.Epoch > recorded)
            ? $"is ahead of the receipt, which has {(recorded == 0 ? "no epoch" : $"epochs up to {recorded}")}, and is passed over"
            : null;
    }
}
