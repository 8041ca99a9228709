using ClusterTrain.Learning;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>Where the run in a folder begins, or goes on: its newest checkpoint that is whole, or the start weights.</summary>
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

        var isAnyDamaged = false;
        var state = folder.ReadCheckpoint(layout, stateCount, problem =>
        {
            isAnyDamaged = true;
            observe(new RunWarning(problem));
        });
        if (state is null)
        {
            if (isAnyDamaged)
            {
                observe(new RunWarning("no checkpoint is whole: the run begins again at step 0, with the same result"));
            }

            var weights = RunFolder.StartWeights(folder.Path, recipe, layout);
            state = new RunState(0, 0, weights, new float[layout.Parameters * stateCount]);
        }

        return new RunStart(folder.Identity.Term, state, receipt.Epochs, receipt.LastStep, folder.ReadBest(layout));
    }
}
