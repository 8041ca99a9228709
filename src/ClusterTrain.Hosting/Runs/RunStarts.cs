using ClusterTrain.Learning;
using ClusterTrain.Numerics;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>Where the run in a folder begins, or goes on: its newest checkpoint that is whole, or the start weights.</summary>
internal static class RunStarts
{
    public static RunStart Read(
        Recipe recipe, PreparedData data, RunFolder folder, NetworkLayout layout, Receipt receipt, Action<RunEvent> observe)
    {
        var stateCount = Optimiser.Create(recipe.Optimiser, Kernels.Active).StateCount;
        if (folder.Identity.Data is not null)
        {
            folder.HoldTo(data.Fingerprint);
        }

        var state = folder.ReadCheckpoint(layout, stateCount, problem => observe(new RunWarning(problem)));
        if (state is null)
        {
            var weights = RunFolder.StartWeights(folder.Path, recipe, layout);
            state = new RunState(0, 0, weights, new float[layout.Parameters * stateCount]);
        }

        return new RunStart(folder.Identity.Term, state, receipt.Epochs, receipt.LastStep, folder.ReadBest(layout));
    }
}
