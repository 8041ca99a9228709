using System.Collections.Immutable;

namespace ClusterTrain.Learning.Networks;

/// <summary>Cuts the flat parameter vector into the segments that the parameter servers hold.</summary>
public static class Segments
{
    /// <summary>
    /// Cuts <paramref name="parameters"/> into segments, equal to within one block of <see cref="GradientNorm.BlockParameters"/>; fewer than are wanted
    /// when there are fewer blocks.
    /// </summary>
    /// <remarks>Segments begin at block boundaries, so the blocks of the gradient's norm never straddle two servers.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">Either number is less than 1.</exception>
    public static ImmutableArray<Segment> Split(int parameters, int wanted)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(parameters, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(wanted, 1);
        var blocks = GradientNorm.Blocks(parameters);
        var count = Math.Min(wanted, blocks);
        var segments = ImmutableArray.CreateBuilder<Segment>(count);
        for (var index = 0; index < count; index++)
        {
            var start = Boundary(index);
            segments.Add(new Segment(index, start, Boundary(index + 1) - start));
        }

        return segments.MoveToImmutable();

        int Boundary(int index) =>
            (int)Math.Min(parameters, (long)index * blocks / count * GradientNorm.BlockParameters);
    }
}
