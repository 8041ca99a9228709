using System.Collections.Immutable;
using System.Reflection;
using System.Text.Json;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Runs;

/// <summary>The receipt of a run, <c>receipt.jsonl</c>: the start, every epoch, and by option steps between them.</summary>
/// <param name="Entries">The entries, in order of their steps.</param>
public sealed record Receipt(ImmutableArray<ReceiptEntry> Entries)
{
    /// <summary>A receipt without entries.</summary>
    public static Receipt Empty { get; } = new([]);

    /// <summary>Name and version of this program.</summary>
    public static string Program { get; } =
        $"clustertrain {typeof(Receipt).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion}";

    /// <summary>
    /// Fingerprint of what computes in this build, the code of kernels, networks and training: the same for all processors and
    /// for all commits that do not change it. 16 hexadecimal digits.
    /// </summary>
    public static string Build { get; } =
        CodeFingerprint.Of(typeof(Kernels).Assembly, typeof(Recipe).Assembly, typeof(DataSet).Assembly, typeof(IActor).Assembly);

    /// <summary>The epochs recorded, in order.</summary>
    public ImmutableArray<EpochRecord> Epochs => [.. Entries.Select(entry => entry.Record).OfType<EpochRecord>()];

    /// <summary>The record of an epoch that others follow; null when none does.</summary>
    /// <param name="epoch">The epoch.</param>
    public EpochRecord? Before(int epoch) => Epochs.SkipLast(1).FirstOrDefault(record => record.Epoch == epoch);

    /// <summary>The step of the last entry; 0 when there is none.</summary>
    public long LastStep => Entries.IsEmpty ? 0 : Entries[^1].Step;

    /// <summary>The chain of the last entry.</summary>
    public string Chain => Entries.IsEmpty ? ReceiptEntry.ChainStart : Entries[^1].Chain;

    /// <summary>Reads a receipt and checks its chain. A torn last line (the process died while writing it) is left out.</summary>
    /// <param name="path">The file; when it is missing the receipt is empty.</param>
    /// <exception cref="RunFolderException">It is damaged; the message names the line.</exception>
    public static Receipt Read(string path)
    {
        if (!File.Exists(path))
        {
            return Empty;
        }

        // The run may be continuing, with the file open for writing.
        using var file = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        var lines = file.ReadToEnd().Split('\n');
        var entries = ImmutableArray.CreateBuilder<ReceiptEntry>(lines.Length);
        var chain = ReceiptEntry.ChainStart;
        for (var index = 0; index < lines.Length - 1; index++)
        {
            ReceiptEntry entry;
            try
            {
                entry = ReceiptEntry.Parse(lines[index]);
            }
            catch (JsonException error)
            {
                throw new RunFolderException(
                    $"{path}:{index + 1}: is not a line of a receipt ({error.Message}). {RunFolderException.RemedyOfDamage}", error);
            }

            if (!entry.Follows(chain))
            {
                throw new RunFolderException(
                    $"{path}:{index + 1}: the chain is broken at step {entry.Step}: this line, or the one before it, was changed or is missing. "
                    + RunFolderException.RemedyOfDamage);
            }

            if (Gap(entry, entries) is { } gap)
            {
                throw new RunFolderException($"{path}:{index + 1}: {gap}. {RunFolderException.RemedyOfDamage}");
            }

            chain = entry.Chain;
            entries.Add(entry);
        }

        return new Receipt(entries.ToImmutable());
    }

    /// <summary>Writes the whole receipt, all or nothing.</summary>
    public void Write(string path) => AtomicFile.Write(path, stream =>
    {
        foreach (var entry in Entries)
        {
            stream.Write(entry.Line());
        }
    });

    /// <summary>What is missing before an entry, although the chain holds; null: nothing is.</summary>
    private static string? Gap(ReceiptEntry entry, ImmutableArray<ReceiptEntry>.Builder before)
    {
        if (before.Count == 0)
        {
            return entry is { Epoch: 0, Step: 0 } ? null : $"begins at step {entry.Step}; the entry of the start is missing";
        }

        if (entry.Step <= before[^1].Step)
        {
            return $"step {entry.Step} comes after step {before[^1].Step}";
        }

        var expected = before.Last(other => other.Epoch is not null).Epoch!.Value + 1;
        return entry.Epoch is { } epoch && epoch != expected ? $"epoch {epoch}, step {entry.Step}, where epoch {expected} is missing" : null;
    }
}
