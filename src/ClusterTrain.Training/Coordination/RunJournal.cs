using ClusterTrain.Training.Actors;

namespace ClusterTrain.Training.Coordination;

/// <summary>
/// What is to be written, one piece after the other: a checkpoint never comes before the receipt's entries it builds on. A
/// piece that fails (the disk is full, the folder read-only) stays first in line until it succeeds.
/// </summary>
internal sealed class RunJournal
{
    private readonly Queue<Func<IMessage>> _pieces = new();
    private bool _writing;

    /// <summary>Adds a piece; it may run more than once, until it does not throw.</summary>
    public void Write(IActorContext context, Func<IMessage> piece)
    {
        _pieces.Enqueue(piece);
        WriteNext(context);
    }

    /// <summary>Writes the first piece in line, unless one is being written.</summary>
    public void WriteNext(IActorContext context)
    {
        if (_writing || !_pieces.TryPeek(out var piece))
        {
            return;
        }

        _writing = true;
        context.Offload(() =>
        {
            try
            {
                return new JournalWritten(piece());
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                return new JournalStalled(error.Message);
            }
        });
    }

    /// <summary>The first piece is written.</summary>
    /// <returns>What it returned.</returns>
    public IMessage Written(IActorContext context, JournalWritten written)
    {
        _writing = false;
        _pieces.Dequeue();
        WriteNext(context);
        return written.Result;
    }

    /// <summary>The first piece could not be written.</summary>
    public void Stalled() => _writing = false;
}
