using System.Collections.Immutable;

namespace ClusterTrain.Data.Files;

/// <summary>Columns of a file as they stand there, beside the rows that were made of it.</summary>
/// <param name="Names">Their names, each another one.</param>
/// <param name="Rows">For each row its cells.</param>
public sealed record KeptColumns(ImmutableArray<string> Names, IReadOnlyList<string[]> Rows);
