namespace ClusterTrain.Numerics.Products;

/// <summary>Which products skip zeros.</summary>
internal enum ZeroSkipping
{
    /// <summary>Those that become faster by it, as far as a few samples tell.</summary>
    WhereItPays,

    /// <summary>All that can, however slow: for tests.</summary>
    Always,

    /// <summary>None: for tests.</summary>
    Never,
}
