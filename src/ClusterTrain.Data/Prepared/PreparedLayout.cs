using System.Collections.Immutable;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Rows;

namespace ClusterTrain.Data.Prepared;

/// <summary>Where the blocks of a prepared file lie; follows from its header and the header's length.</summary>
/// <param name="Parts">For each part there is, in order.</param>
/// <param name="Length">Bytes of the whole file.</param>
internal sealed record PreparedLayout(ImmutableArray<PreparedBlocks> Parts, long Length)
{
    /// <summary>Blocks begin at multiples of this: of a cache line, so that no row shares its first line with another block.</summary>
    public const int Alignment = 64;

    /// <summary>Lays a file out.</summary>
    /// <param name="header">Its header.</param>
    /// <param name="headerEnd">Byte after the header.</param>
    /// <exception cref="DataException">It would be longer than files can be.</exception>
    public static PreparedLayout Of(PreparedHeader header, long headerEnd)
    {
        var targetBytes = RowTargets.ContentBytesOf(header.Outputs, !header.Classes.IsEmpty);
        var parts = ImmutableArray.CreateBuilder<PreparedBlocks>();
        var end = (UInt128)headerEnd;
        foreach (var part in header.Parts)
        {
            var featureBytes = (long)header.Features * (part.Form == PreparedPart.BytesForm ? sizeof(byte) : sizeof(float));
            var rowsAt = Aligned(end);
            var targetsAt = Aligned(rowsAt + ((UInt128)part.Rows * (ulong)featureBytes));
            end = targetsAt + ((UInt128)part.Rows * (uint)targetBytes);
            if (end > long.MaxValue)
            {
                throw new DataException($"its header asks for {end} bytes, more than a file can have");
            }

            parts.Add(new PreparedBlocks((long)rowsAt, (long)targetsAt));
        }

        return new PreparedLayout(parts.ToImmutable(), (long)end);
    }

    private static UInt128 Aligned(UInt128 offset) => (offset + Alignment - 1) / Alignment * Alignment;
}

/// <summary>The blocks of one part.</summary>
/// <param name="RowsAt">Byte of the first row's features.</param>
/// <param name="TargetsAt">Byte of the first row's targets.</param>
internal readonly record struct PreparedBlocks(long RowsAt, long TargetsAt);
