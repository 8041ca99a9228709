namespace ClusterTrain.Data.Rows;

/// <summary>Height and width of rows that are images, in pixels.</summary>
/// <param name="Height">Rows of pixels.</param>
/// <param name="Width">Pixels of a row.</param>
public readonly record struct ImageShape(int Height, int Width);
