namespace ClusterTrain.Learning.Recipes;

/// <summary>
/// What a recipe may ask for at most. A recipe above a limit is refused when it is read, with the limit in the message.
/// </summary>
public static class RecipeLimits
{
    /// <summary>Size of a recipe file, and of the recipe written out in full, in bytes of UTF-8.</summary>
    public const int FileBytes = 1 << 20;

    /// <summary>Length of one override, in characters.</summary>
    public const int OverrideCharacters = 1 << 16;

    /// <summary>Nesting of lists and keys in a recipe file.</summary>
    public const int Depth = 16;

    /// <summary>Problems told at once.</summary>
    public const int Problems = 20;

    /// <summary>Length of a recipe's name, in characters.</summary>
    public const int NameCharacters = 64;

    /// <summary>Length of a path or of a column's name, in characters.</summary>
    public const int TextCharacters = 4096;

    /// <summary>Layers of a model.</summary>
    public const int Layers = 1000;

    /// <summary>Units of a layer.</summary>
    public const int Units = 1_000_000;

    /// <summary>
    /// Weights and biases of a model: 1 GB of float32, so that two planes of optimiser state are one array of less than 2 GiB.
    /// </summary>
    public const long Parameters = 250_000_000;

    /// <summary>
    /// Numbers of one array: the features of a batch, the outputs of a layer for it, the state of an optimiser; 2 GB of float32.
    /// </summary>
    public const long ArrayNumbers = 500_000_000;

    /// <summary>Rows of a batch.</summary>
    public const int BatchRows = 1 << 24;

    /// <summary>Rows of a leaf.</summary>
    public const int LeafRows = 1 << 16;

    /// <summary>Epochs of a run.</summary>
    public const int Epochs = 1_000_000;

    /// <summary>Steps that L-BFGS remembers.</summary>
    public const int Memory = 100;

    /// <summary>Rows held back by a split.</summary>
    public const long SplitRows = int.MaxValue;
}
