using System.Collections.Immutable;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>What the coordinator tells a member that has proven itself; from it the member builds plan, layout and network.</summary>
/// <param name="RecipeText">The resolved recipe, YAML.</param>
/// <param name="TrainingRows">Rows of the training data.</param>
/// <param name="Features">Features of a row.</param>
/// <param name="Outputs">Targets of a row.</param>
/// <param name="Data">Fingerprint of the prepared data.</param>
/// <param name="HeartbeatPeriod">Time between heartbeats.</param>
/// <param name="LostAfter">Silence after which a peer is lost.</param>
/// <param name="Servers">The parameter servers in force, which the member must be able to reach before it joins.</param>
internal sealed record Welcome(
    string RecipeText, long TrainingRows, int Features, int Outputs, string Data, TimeSpan HeartbeatPeriod, TimeSpan LostAfter,
    ImmutableArray<ActorId> Servers)
{
    public void Write(WireWriter writer)
    {
        writer.LongText(RecipeText);
        writer.Int64(TrainingRows);
        writer.Int32(Features);
        writer.Int32(Outputs);
        writer.Text(Data);
        writer.Int32((int)HeartbeatPeriod.TotalMilliseconds);
        writer.Int32((int)LostAfter.TotalMilliseconds);
        writer.Int32(Servers.Length);
        foreach (var server in Servers)
            writer.Text(server.Name);
    }

    public static Welcome Read(ReadOnlySpan<byte> bytes, LinkLimits limits)
    {
        var reader = new WireReader(bytes);
        var recipe = reader.LongText();
        var (rows, features, outputs) = (reader.Int64(), reader.Int32(), reader.Int32());
        var data = reader.Text(limits.NameBytes);
        var (period, lost) = (TimeSpan.FromMilliseconds(reader.Int32()), TimeSpan.FromMilliseconds(reader.Int32()));
        var servers = ImmutableArray.CreateBuilder<ActorId>(reader.Count(sizeof(ushort)));
        for (var index = 0; index < servers.Capacity; index++)
            servers.Add(new ActorId(reader.Text(limits.NameBytes)));

        reader.End();
        return new Welcome(recipe, rows, features, outputs, data, period, lost, servers.MoveToImmutable());
    }
}
