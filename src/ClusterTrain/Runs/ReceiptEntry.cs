using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Runs;

/// <summary>
/// A line of <c>receipt.jsonl</c>. It holds nothing that differs between two runs of one recipe by one program, and each line's chain
/// hashes the line before it, so that no line can be changed or left out unnoticed.
/// </summary>
/// <param name="Epoch">The epoch that ends here; 0 for the start of the run; null for a step within an epoch.</param>
/// <param name="Step">Steps done.</param>
/// <param name="Loss">Mean loss over the epoch's rows; null unless an epoch ends here.</param>
/// <param name="Validation">Figures on the validation rows; null unless an epoch ends here and there are such rows.</param>
/// <param name="Identity">What was run; null except at the start.</param>
/// <param name="WeightsSha256">SHA-256 of the weights.</param>
/// <param name="Chain">SHA-256 over the former line's chain and this line without its own.</param>
public sealed record ReceiptEntry(
    int? Epoch, long Step, double? Loss, Evaluation? Validation, ReceiptIdentity? Identity, string WeightsSha256, string Chain)
{
    /// <summary>The chain before the first line.</summary>
    public const string ChainStart = "";

    /// <summary>The entry as an epoch's record; null when no epoch ends here.</summary>
    public EpochRecord? Record => Epoch is > 0 ? new EpochRecord(Epoch.Value, Step, Loss!.Value, Validation, WeightsSha256) : null;

    /// <summary>The entry of the start weights.</summary>
    public static ReceiptEntry Start(ReceiptIdentity identity, string weightsSha256) =>
        Chained(new ReceiptEntry(0, 0, null, null, identity, weightsSha256, ChainStart), ChainStart);

    /// <summary>The entry of an epoch.</summary>
    public static ReceiptEntry Of(EpochRecord record, string formerChain)
    {
        ArgumentNullException.ThrowIfNull(record);
        return Chained(
            new ReceiptEntry(record.Epoch, record.Step, record.Loss, record.Validation, null, record.WeightsSha256, ChainStart), formerChain);
    }

    /// <summary>The entry of a step within an epoch.</summary>
    public static ReceiptEntry Of(long step, string weightsSha256, string formerChain) =>
        Chained(new ReceiptEntry(null, step, null, null, null, weightsSha256, ChainStart), formerChain);

    /// <summary>The line, with its line feed.</summary>
    public byte[] Line() => Write(withChain: true);

    /// <summary>True when the chain holds: this line follows the former one, and neither was changed.</summary>
    public bool Follows(string formerChain) => Chained(this, formerChain).Chain == Chain;

    /// <summary>Reads a line back; the confusion matrix is not part of it.</summary>
    /// <exception cref="JsonException">It is not such a line.</exception>
    public static ReceiptEntry Parse(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var root = json.RootElement;
            return new ReceiptEntry(
                root.TryGetProperty("epoch", out var epoch) ? epoch.GetInt32() : null,
                root.GetProperty("step").GetInt64(),
                Number(root, "loss"),
                root.TryGetProperty("validation", out var figures) ? EvaluationJson.Read(figures) : null,
                root.TryGetProperty("recipe", out var recipe)
                    ? new ReceiptIdentity(
                        recipe.GetString()!, root.GetProperty("data").GetString()!, root.GetProperty("program").GetString()!,
                        root.TryGetProperty("build", out var build) ? build.GetString()! : "")
                    : null,
                root.GetProperty("weightsSha256").GetString()!,
                root.GetProperty("chain").GetString()!);
        }
        catch (Exception error) when (error is InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new JsonException(error.Message, error);
        }
    }

    private static ReceiptEntry Chained(ReceiptEntry entry, string formerChain)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.ASCII.GetBytes(formerChain));
        hash.AppendData(entry.Write(withChain: false));
        return entry with { Chain = Convert.ToHexStringLower(hash.GetHashAndReset()) };
    }

    private static double? Number(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) ? value.GetFigure() : null;

    private static void WriteNumber(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number)
        {
            json.WriteFigure(name, number);
        }
    }

    private byte[] Write(bool withChain)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (Epoch is { } epoch)
            {
                json.WriteNumber("epoch", epoch);
            }

            json.WriteNumber("step", Step);
            WriteNumber(json, "loss", Loss);
            if (Validation is { } validation)
            {
                json.WriteStartObject("validation");
                EvaluationJson.Write(json, validation);
                json.WriteEndObject();
            }

            if (Identity is { } identity)
            {
                json.WriteString("recipe", identity.Recipe);
                json.WriteString("data", identity.Data);
                json.WriteString("program", identity.Program);
                if (identity.Build.Length > 0)
                {
                    json.WriteString("build", identity.Build);
                }
            }

            json.WriteString("weightsSha256", WeightsSha256);
            if (withChain)
            {
                json.WriteString("chain", Chain);
            }

            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }
}

/// <summary>What was run, at the head of a receipt.</summary>
/// <param name="Recipe">Fingerprint of the recipe.</param>
/// <param name="Data">Fingerprint of the prepared data.</param>
/// <param name="Program">Name and version of the program.</param>
/// <param name="Build">Fingerprint of its build, see <see cref="Receipt.Build"/>; empty in receipts from before there was one.</param>
public sealed record ReceiptIdentity(string Recipe, string Data, string Program, string Build);
