namespace ClusterTrain.Data.Rows;

/// <summary>How the features of a store are held.</summary>
internal enum RowForm
{
    /// <summary>Raw whole numbers from 0 to 255, one byte each, scaled as they are read.</summary>
    Bytes,

    /// <summary>Prepared float32 values.</summary>
    Floats,
}
