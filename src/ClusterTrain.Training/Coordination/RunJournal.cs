using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Coordination;

/// <summary>
/// What is to be written, one piece after the other: a checkpoint never comes before the receipt's entries it builds on. A
/// piece that fails (the disk is full, the folder read-only) stays first in line until it succeeds.
/// </summary>
internal sealed class RunJournal
{
    private readonly Queue<Piece> _pieces = new();
    private bool _writing;
    private bool _isClosed;

    /// <summary>Adds a piece; it may run more than once, until it does not throw.</summary>
    /// <param name="context">The coordinator's.</param>
    /// <param name="isReplayed">True when it comes again where steps are replayed.</param>
    /// <param name="piece">Writes it, and gives the leases back or hands them on with what it returns.</param>
    /// <param name="leases">What it writes: given back when it never runs.</param>
    public void Write(IActorContext context, bool isReplayed, Func<IMessage> piece, params TensorLease?[] leases)
    {
        if (_isClosed)
        {
            Release(leases);
            return;
        }

        _pieces.Enqueue(new Piece(isReplayed, piece, leases));
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

    /// <summary>The first piece is written; <see cref="WriteNext"/> writes the next one.</summary>
    /// <returns>What it returned.</returns>
    public IMessage Written(JournalWritten written)
    {
        _writing = false;
        _pieces.Dequeue();
        return written.Result;
    }

    /// <summary>Nothing more is written, until steps are replayed; pieces that are not being written are dropped.</summary>
    public void Close()
    {
        _isClosed = true;
        Drop(_ => true);
    }

    /// <summary>Steps are replayed: what comes again is not written now, and pieces are written again.</summary>
    public void Begin()
    {
        DropReplayed();
        _isClosed = false;
    }

    /// <summary>Drops the pieces that come again where steps are replayed, unless one is being written.</summary>
    public void DropReplayed() => Drop(piece => piece.IsReplayed);

    private void Drop(Predicate<Piece> which)
    {
        for (var (index, count) = (0, _pieces.Count); index < count; index++)
        {
            var piece = _pieces.Dequeue();
            if ((index == 0 && _writing) || !which(piece))
            {
                _pieces.Enqueue(piece);
            }
            else
            {
                Release(piece.Leases);
            }
        }
    }

    /// <summary>The first piece could not be written.</summary>
    public void Stalled() => _writing = false;

    private static void Release(TensorLease?[] leases)
    {
        foreach (var lease in leases)
        {
            lease?.Release();
        }
    }

    private sealed record Piece(bool IsReplayed, Func<IMessage> Write, TensorLease?[] Leases);
}
