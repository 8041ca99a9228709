using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Coordination;

/// <summary>
/// What is to be written, one piece after the other: a checkpoint never comes before the receipt's entries it builds on. A
/// piece that fails (the disk is full, the folder read-only) stays first in line until it succeeds.
/// </summary>
internal sealed class RunJournal : IDisposable
{
    private readonly Queue<Piece> _pieces = new();
    private bool _writing;

    /// <summary>Adds a piece; it may run more than once, until it does not throw.</summary>
    /// <param name="context">The coordinator's.</param>
    /// <param name="piece">Writes it, and gives the leases back or hands them on with what it returns.</param>
    /// <param name="leases">What it writes: given back when it never runs.</param>
    public void Write(IActorContext context, Func<IMessage> piece, params TensorLease?[] leases)
    {
        _pieces.Enqueue(new Piece(piece, leases));
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
                return new JournalWritten(piece.Write());
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
        var result = Written(written);
        WriteNext(context);
        return result;
    }

    /// <summary>The first piece is written, and no other will be.</summary>
    /// <returns>What it returned.</returns>
    public IMessage Written(JournalWritten written)
    {
        _writing = false;
        _pieces.Dequeue();
        return written.Result;
    }

    /// <summary>The first piece could not be written.</summary>
    public void Stalled() => _writing = false;

    /// <summary>Drops the pieces that are not being written.</summary>
    public void Dispose()
    {
        foreach (var lease in _pieces.Skip(_writing ? 1 : 0).SelectMany(piece => piece.Leases))
        {
            lease?.Release();
        }

        _pieces.Clear();
    }

    private sealed record Piece(Func<IMessage> Write, TensorLease?[] Leases);
}
