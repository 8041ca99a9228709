namespace ClusterTrain.Dashboard.Parts;

/// <summary>A point of a curve.</summary>
/// <param name="X">Epoch or step.</param>
/// <param name="Y">The figure.</param>
public readonly record struct CurvePoint(double X, double Y);

/// <summary>A curve with its name.</summary>
/// <param name="Name">The name.</param>
/// <param name="Points">Its points, from left to right.</param>
public sealed record Curve(string Name, IReadOnlyList<CurvePoint> Points)
{
    /// <summary>A curve of so few points that a browser draws it at once: of each stretch the lowest and the highest.</summary>
    /// <param name="name">The name.</param>
    /// <param name="points">All points; those that are not finite are left out.</param>
    /// <param name="isPositive">True: points at or below 0 are left out, for a logarithmic axis.</param>
    /// <param name="most">Points at most.</param>
    public static Curve Of(string name, IEnumerable<CurvePoint> points, bool isPositive = false, int most = 300)
    {
        CurvePoint[] all = [.. points.Where(point => double.IsFinite(point.Y) && (!isPositive || point.Y > 0))];
        if (all.Length <= most)
        {
            return new Curve(name, all);
        }

        var few = new List<CurvePoint>(most);
        var stretches = (most / 2) - 1;
        for (var stretch = 0; stretch < stretches; stretch++)
        {
            var part = all[(int)((long)all.Length * stretch / stretches)..(int)((long)all.Length * (stretch + 1) / stretches)];
            var (low, high) = (part.MinBy(point => point.Y), part.MaxBy(point => point.Y));
            few.AddRange(low.X == high.X ? [low] : low.X < high.X ? [low, high] : [high, low]);
        }

        if (few[^1] != all[^1])
        {
            few.Add(all[^1]);
        }

        return new Curve(name, few);
    }
}
