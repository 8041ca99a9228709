using System.Globalization;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Replay;

namespace ClusterTrain.Runs;

/// <summary>What a check of a run found.</summary>
/// <param name="Checked">What was found to agree, a line each.</param>
/// <param name="Differences">What was not; empty when the run is as its receipt says.</param>
public sealed record VerificationReport(IReadOnlyList<string> Checked, IReadOnlyList<string> Differences)
{
    /// <summary>True when nothing differs.</summary>
    public bool Agrees => Differences.Count == 0;
}

/// <summary>Checks runs against their receipts, against each other, and by computing steps again.</summary>
public static class RunVerification
{
    // Values of recipes that are named when they differ.
    private const int MostValues = 10;

    /// <summary>Checks the receipt's chain, and that checkpoints and the model hold the weights it names.</summary>
    /// <param name="path">A run folder; it may be in use.</param>
    /// <exception cref="RunFolderException">It is no run folder.</exception>
    public static VerificationReport Verify(string path)
    {
        var run = FinishedRun.Read(path);
        var agreements = new List<string>();
        var differences = new List<string>();
        if (run.ReceiptProblem is not null)
        {
            differences.Add(run.ReceiptProblem);
            return new VerificationReport(agreements, differences);
        }

        agreements.Add($"receipt: {run.Receipt.Entries.Length} entries up to step {run.Receipt.LastStep}, chain unbroken");
        if (RunHistory.Audited(path) is var audited && audited != AuditTotals.None)
        {
            agreements.Add($"audit: {audited.Sentence}, while it was trained (log.jsonl)");
        }

        if (run.Receipt.Entries is [{ Identity: { } identity }, ..] && identity.Recipe != run.Recipe.Fingerprint())
        {
            differences.Add($"recipe.yaml: its fingerprint is {run.Recipe.Fingerprint()}, the receipt is of {identity.Recipe}");
        }

        foreach (var checkpoint in run.Checkpoints)
        {
            CheckCheckpoint(run, checkpoint, agreements, differences);
        }

        if (run.Model is { } model)
        {
            var hash = WeightsHash.Of(model.Weights.Span);
            var entry = run.Receipt.Entries.FirstOrDefault(entry => entry.WeightsSha256 == hash);
            if (entry is null)
            {
                differences.Add($"model.safetensors: its weights have SHA-256 {hash}, which is not in the receipt");
            }
            else
            {
                agreements.Add($"model.safetensors: the weights of epoch {entry.Epoch}, step {entry.Step}");
            }
        }
        else if (run.ModelProblem is not null)
        {
            differences.Add(run.ModelProblem);
        }

        return new VerificationReport(agreements, differences);
    }

    /// <summary>Compares two runs; names the first epoch, step and tensor that differ.</summary>
    /// <param name="path">A run folder.</param>
    /// <param name="otherPath">Another one.</param>
    /// <exception cref="RunFolderException">One of them is no run folder.</exception>
    public static VerificationReport Compare(string path, string otherPath)
    {
        var (run, other) = (FinishedRun.Read(path), FinishedRun.Read(otherPath));
        var agreements = new List<string>();
        var differences = new List<string>();
        foreach (var problem in new[] { run.ReceiptProblem, other.ReceiptProblem }.OfType<string>())
        {
            differences.Add(problem);
        }

        if (run.Receipt.Entries is [{ Identity: { } mine }, ..] && other.Receipt.Entries is [{ Identity: { } theirs }, ..])
        {
            CompareIdentity(mine, theirs, agreements, differences);
            if (mine.Recipe != theirs.Recipe)
            {
                differences.AddRange(Differences(run.Recipe, other.Recipe));
            }
        }

        var otherEntries = other.Receipt.Entries.ToDictionary(entry => entry.Step);
        var common = run.Receipt.Entries.Where(entry => otherEntries.ContainsKey(entry.Step)).ToList();
        var first = common.Find(entry => Differs(entry, otherEntries[entry.Step]));
        if (first is null)
        {
            agreements.Add(common.Count == 0
                ? "the receipts have no step in common"
                : string.Create(CultureInfo.InvariantCulture, $"receipts: {common.Count} common entries agree, up to step {common[^1].Step}"));
        }
        else
        {
            differences.Add($"first difference: {Place(first)}: {What(first, otherEntries[first.Step])}");
        }

        if (run.Model is { } model && other.Model is { } otherModel)
        {
            CompareTensors("model.safetensors", model.Layout, model.Weights.Span, otherModel.Layout, otherModel.Weights.Span, agreements,
                differences);
        }

        return new VerificationReport(agreements, differences);
    }

    /// <summary>Compares two recipes; names the keys that differ.</summary>
    /// <param name="recipe">A recipe.</param>
    /// <param name="other">Another one.</param>
    public static VerificationReport Compare(Recipe recipe, Recipe other)
    {
        var (mine, theirs) = (recipe.Fingerprint(), other.Fingerprint());
        return mine == theirs
            ? new VerificationReport([$"same recipe: {mine}"], [])
            : new VerificationReport([], [$"different recipe: {mine} and {theirs}", .. Differences(recipe, other)]);
    }

    /// <summary>Computes a stretch of a run again on this machine, from the nearest checkpoint before it, and compares it with the receipt.</summary>
    /// <param name="path">A run folder.</param>
    /// <param name="from">First step of the stretch.</param>
    /// <param name="to">Last step of the stretch.</param>
    /// <param name="data">The data of the run's recipe.</param>
    /// <param name="threads">Threads to compute with.</param>
    /// <param name="progress">Told of each step done.</param>
    /// <param name="stop">Ends it early.</param>
    /// <exception cref="RunFolderException">It is no run folder, or has no entry in the stretch to compare with.</exception>
    public static VerificationReport Replay(
        string path, long from, long to, PreparedData data, int threads, IProgress<long>? progress, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(data);
        var run = FinishedRun.Read(path);
        if (run.ReceiptProblem is not null)
        {
            throw new RunFolderException(run.ReceiptProblem);
        }

        var plan = new TrainingPlan(run.Recipe, data.Train.Rows);
        if (from < 0 || to < from || to > plan.Steps)
        {
            throw new RunFolderException(
                $"{path}: the steps {from} to {to} are not within the run's 0 to {plan.Steps}; choose --from and --to in that range.");
        }

        if (run.Receipt.Entries is [{ Identity: { } identity }, ..] && identity.Data != data.Fingerprint)
        {
            throw new RunFolderException(
                $"{path}: the run was made with other data (fingerprint {identity.Data}; the data found here has {data.Fingerprint}).");
        }

        var wanted = run.Receipt.Entries.Where(entry => entry.Step >= from && entry.Step <= to).ToDictionary(entry => entry.Step);
        if (wanted.Count == 0)
        {
            throw new RunFolderException(
                $"{path}: the receipt has no entry between the steps {from} and {to} to compare with; its entries are those of the epochs"
                + $" (every {plan.StepsPerEpoch} steps) unless the run was made with --receipt-steps.");
        }

        var layout = new NetworkLayout(data.Train.Features, run.Recipe.Layers);
        var kernels = Kernels.Active;
        using var pool = new ComputePool(threads, "replay");
        using var network = new Network(layout, run.Recipe.Loss, kernels, pool);
        var start = run.StateBefore(from, layout);
        using var replay = new StepReplay(plan, layout, data.Train, network, kernels, start);
        var agreements = new List<string> { $"replayed from step {start.Step} ({(start.Step == 0 ? "the start weights" : "a checkpoint")}) to "
            + $"{wanted.Keys.Max()}" };
        var last = wanted.Keys.Max();
        while (true)
        {
            if (wanted.TryGetValue(replay.Step, out var entry))
            {
                var hash = WeightsHash.Of(replay.Weights);
                if (hash != entry.WeightsSha256)
                {
                    return new VerificationReport(
                        agreements, [$"first difference: {Place(entry)}: the receipt says {entry.WeightsSha256}, computed again it is {hash}"]);
                }

                agreements.Add($"{Place(entry)}: weights sha256 {hash}");
            }

            if (replay.Step == last)
            {
                return new VerificationReport(agreements, []);
            }

            stop.ThrowIfCancellationRequested();
            replay.Advance();
            progress?.Report(replay.Step);
        }
    }

    private static IEnumerable<string> Differences(Recipe recipe, Recipe other)
    {
        var values = RecipeDifferences.Between(recipe, other);
        var told = values.Take(MostValues).Select(value => $"recipe: {value}");
        return values.Count > MostValues ? told.Append($"recipe: and {values.Count - MostValues} more values") : told;
    }

    private static void CheckCheckpoint(FinishedRun run, FinishedRun.Checkpoint checkpoint, List<string> agreements, List<string> differences)
    {
        if (checkpoint.Problem is not null)
        {
            differences.Add(checkpoint.Problem);
            return;
        }

        var entry = run.Receipt.Entries.FirstOrDefault(entry => entry.Step == checkpoint.State!.Step);
        var hash = WeightsHash.Of(checkpoint.State!.Weights.Span);
        var epochs = run.Receipt.Epochs;
        if (!epochs.IsEmpty && checkpoint.State.Step >= epochs[^1].Step + epochs[0].Step)
        {
            differences.Add(
                $"receipt.jsonl: ends with epoch {epochs[^1].Epoch}, step {epochs[^1].Step}, and {checkpoint.Name} is an epoch or more beyond it: "
                + "entries are missing");
        }
        else if (entry is not null && entry.WeightsSha256 != hash)
        {
            differences.Add($"{checkpoint.Name}: the weights of step {entry.Step} have SHA-256 {hash}, the receipt says {entry.WeightsSha256}");
        }
        else
        {
            agreements.Add($"{checkpoint.Name}: whole{(entry is null ? string.Empty : ", as the receipt says")}");
        }
    }

    private static void CompareIdentity(ReceiptIdentity mine, ReceiptIdentity theirs, List<string> agreements, List<string> differences)
    {
        Compare("recipe", mine.Recipe, theirs.Recipe);
        Compare("data", mine.Data, theirs.Data);
        if (mine.Program != theirs.Program)
        {
            agreements.Add($"made by different programs: {mine.Program} and {theirs.Program}");
        }
        else if (mine.Build != theirs.Build)
        {
            agreements.Add($"made by different builds of {mine.Program}: {mine.Build} and {theirs.Build}");
        }

        void Compare(string what, string one, string two)
        {
            if (one == two)
            {
                agreements.Add($"same {what}: {one}");
            }
            else
            {
                differences.Add($"different {what}: {one} and {two}");
            }
        }
    }

    private static void CompareTensors(
        string name, NetworkLayout layout, ReadOnlySpan<float> weights, NetworkLayout otherLayout, ReadOnlySpan<float> others,
            List<string> agreements, List<string> differences)
    {
        foreach (var tensor in layout.Tensors)
        {
            var match = otherLayout.Tensors.FirstOrDefault(other => other.Name == tensor.Name && other.Shape.SequenceEqual(tensor.Shape));
            if (match is null)
            {
                differences.Add($"{name}: tensor '{tensor.Name}' of shape ({string.Join(", ", tensor.Shape)}) is not in both");
                return;
            }

            var mine = weights.Slice(tensor.Offset, tensor.Length);
            var theirs = others.Slice(match.Offset, match.Length);
            var at = mine.CommonPrefixLength(theirs, FloatBits.Comparer);
            if (at < mine.Length)
            {
                differences.Add(string.Create(CultureInfo.InvariantCulture,
                    $"{name}: tensor '{tensor.Name}' differs first at element {at}: {mine[at]:R} and {theirs[at]:R}"));
                return;
            }
        }

        agreements.Add($"{name}: {layout.Tensors.Count} tensors equal to the last bit");
    }

    private static bool Differs(ReceiptEntry entry, ReceiptEntry other) =>
        entry.WeightsSha256 != other.WeightsSha256 || entry.Loss != other.Loss || entry.Validation != other.Validation;

    private static string What(ReceiptEntry entry, ReceiptEntry other) =>
        entry.WeightsSha256 != other.WeightsSha256
            ? $"weights sha256 {entry.WeightsSha256} and {other.WeightsSha256}"
            : string.Create(CultureInfo.InvariantCulture, $"equal weights, but loss {entry.Loss:R} and {other.Loss:R}, validation loss "
                + $"{entry.Validation?.Loss:R} and {other.Validation?.Loss:R}");

    private static string Place(ReceiptEntry entry) => entry.Epoch is { } epoch ? $"epoch {epoch}, step {entry.Step}" : $"step {entry.Step}";

    private sealed class FloatBits : IEqualityComparer<float>
    {
        public static readonly FloatBits Comparer = new();

        public bool Equals(float x, float y) => BitConverter.SingleToInt32Bits(x) == BitConverter.SingleToInt32Bits(y);

        public int GetHashCode(float value) => BitConverter.SingleToInt32Bits(value);
    }
}
