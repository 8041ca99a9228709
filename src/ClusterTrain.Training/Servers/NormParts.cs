using System.Collections.Immutable;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Servers;

/// <summary>
/// Every segment's part of the norm of a step's gradient, for clipping: a server computes its own and hears the others' from
/// their servers.
/// </summary>
internal sealed class NormParts
{
    private readonly int _own;
    private readonly int[] _starts;
    private readonly bool[] _have;
    private readonly double[] _blocks;

    public NormParts(ImmutableArray<Segment> segments, int own)
    {
        _own = own;
        _have = new bool[segments.Length];
        _starts = new int[segments.Length + 1];
        foreach (var segment in segments)
        {
            _starts[segment.Index + 1] = _starts[segment.Index] + GradientNorm.Blocks(segment.Length);
        }

        _blocks = new double[_starts[^1]];
    }

    /// <summary>True when the part of every segment is there.</summary>
    public bool IsWhole => !Array.Exists(_have, static have => !have);

    /// <summary>The blocks of all segments, in order.</summary>
    public ReadOnlySpan<double> Blocks => _blocks;

    /// <summary>Where this segment's part is written.</summary>
    public Span<double> Own => Part(_own);

    /// <summary>What the others were sent of the step in hand; null before.</summary>
    public NormPart? Sent { get; private set; }

    /// <summary>What the others were sent of the step before, as long as one may need it again.</summary>
    public NormPart? SentBefore { get; private set; }

    /// <summary>This segment's part is written.</summary>
    /// <returns>What to send to the others; null when there are none.</returns>
    public NormPart? ComputedOwn(long term, long step)
    {
        _have[_own] = true;
        Sent = _have.Length == 1 ? null : new NormPart(term, step, _own, [.. Own]);
        return Sent;
    }

    /// <summary>Takes another segment's part.</summary>
    public void Add(NormPart part)
    {
        part.BlockSums.AsSpan().CopyTo(Part(part.Segment));
        _have[part.Segment] = true;
    }

    /// <summary>A segment's part as a message.</summary>
    public NormPart PartOf(long term, long step, int segment) => new(term, step, segment, [.. Part(segment)]);

    /// <summary>The step is applied: the parts of the next one are awaited.</summary>
    public void BeginStep()
    {
        (SentBefore, Sent) = (Sent, null);
        Array.Clear(_have);
    }

    /// <summary>Nobody needs the part of the step before any more.</summary>
    public void ForgetBefore() => SentBefore = null;

    private Span<double> Part(int segment) => _blocks.AsSpan(_starts[segment].._starts[segment + 1]);
}
