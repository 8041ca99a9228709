using ClusterTrain.Akka;
using ClusterTrain.Hosting;
using ClusterTrain.Training;

namespace ClusterTrain.Cli;

/// <summary>Shows what a node of an Akka cluster does, in plain lines.</summary>
/// <param name="options">The node.</param>
/// <param name="surroundings">Where lines go.</param>
internal sealed class AkkaNodeView(AkkaNodeOptions options, Surroundings surroundings)
{
    private readonly long _began = surroundings.Time.GetTimestamp();

    /// <summary>Shows what happened.</summary>
    public void Observe(AkkaNodeEvent happened)
    {
        switch (happened)
        {
            case NodeLeads leads:
                Say($"{options.Name} leads the run in {leads.Folder}, term {leads.Term}; members join at {leads.Endpoint}");
                break;
            case NodeRunEvent { Happened: EpochCompleted epoch }:
                surroundings.Out.WriteLine(Figures.EpochLine(epoch, options.Run!.Recipe.Epochs));
                break;
            case NodeRunEvent { Happened: RunWarning warning }:
                surroundings.Error.WriteLine($"warning: {warning.Message}");
                break;
            case NodeRunEvent { Happened: (RunWaiting or MembershipChanged) and var changed }:
                Say(Figures.ClusterLine(changed));
                break;
            case NodeMemberEvent { Happened: MemberJoined joined }:
                Say($"{joined.Id} joined the run of the coordinator at {joined.Coordinator}");
                break;
            case NodeMemberEvent { Happened: MemberWarning warning } member:
                surroundings.Error.WriteLine($"warning: {member.Member}: {warning.Message}");
                break;
            case NodeMemberEvent { Happened: MemberNotice notice }:
                Say(notice.Message);
                break;
            case NodeNotice notice:
                Say(notice.Message);
                break;
        }
    }

    /// <summary>Shows how the node ended.</summary>
    /// <returns>The exit code.</returns>
    public int End(AkkaNodeOutcome outcome)
    {
        switch (outcome)
        {
            case NodeRunOver { Outcome: RunCompleted completed }:
                if (options.Run is not null)
                {
                    Say($"done in {Figures.Duration(surroundings.Time.GetElapsedTime(_began))}; {Path.Combine(options.Run.Folder, "model.safetensors")}");
                    surroundings.Out.WriteLine(RunSummary.HashLine(completed.WeightsSha256));
                }

                return ExitCodes.Ok;
            case NodeRunOver { Outcome: RunInterrupted interrupted }:
                Say($"the run stopped at step {interrupted.Step}; start its nodes again to go on");
                return Asked();
            case NodeRunOver { Outcome: RunFailed failed }:
                surroundings.Error.WriteLine($"error: {failed.Reason}");
                return ExitCodes.Failed;
            case NodeLeft:
                Say($"{options.Name} left; the others go on");
                return Asked();
            case NodeFailed failed:
                surroundings.Error.WriteLine($"error: {failed.Reason}");
                return ExitCodes.Failed;
            default:
                Say("the run is over");
                return ExitCodes.Ok;
        }
    }

    private int Asked() => surroundings.Interruption.ExitCode == ExitCodes.Ok ? ExitCodes.Interrupted : surroundings.Interruption.ExitCode;

    private void Say(string line) => surroundings.Error.WriteLine(line);
}
