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
    /// <param name="piece">Writes it, and gives the leases back or hands them on with what it returns.</param>
    /// <param name="leases">What it writes: given back when it never runs.</param>
    public void Write(IActorContext context, Func<IMessage> piece, params TensorLease?[] leases)
    {
        if (_isClosed)
        {
            Release(leases);
            return;
        }

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

    /// <summary>The first piece is written; <see cref="WriteNext"/> writes the next one.</summary>
    /// <returns>What it returned.</returns>
    public IMessage Written(JournalWritten written)
    {
        _writing = false;
        _pieces.Dequeue();
        return written.Result;
    }

    /// <summary>Nothing more is written, until it is opened again; pieces that are not being written are dropped.</summary>
    public void Close()
    {
        _isClosed = true;
        var first = _writing ? _pieces.Dequeue() : null;
        foreach (var piece in _pieces)
        {
            Release(piece.Leases);
        }

        _pieces.Clear();
        if (first is not null)
        {
            _pieces.Enqueue(first);
        }
    }

    /// <summary>Pieces are written again.</summary>
    public void Open() => _isClosed = false;

    /// <summary>The first piece could not be written.</summary>
    public void Stalled() => _writing = false;

    private static void Release(TensorLease?[] leases)
    {
        foreach (var lease in leases)
        {
            lease?.Release();
        }
    }

    private sealed record Piece(Func<IMessage> Write, TensorLease?[] Leases);
}
