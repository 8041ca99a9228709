using System.Collections.Immutable;
using System.Security.Cryptography;
using ClusterTrain.Data.Common;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Models;

/// <summary>The weights a run begins with: those of the recipe's start file, or drawn by the layers' initialisers.</summary>
public static class StartWeights
{
    /// <summary>All parameters at step 0: a pure function of the recipe.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="layout">The network's parameters.</param>
    /// <param name="startFile">Where the recipe's start file is; not read when the recipe names none.</param>
    /// <returns>(parameters).</returns>
    /// <exception cref="DataException">There is no such file, or it is not the one the recipe means.</exception>
    /// <exception cref="SafetensorsException">It is damaged, or its tensors are not the network's.</exception>
    public static float[] Of(Recipe recipe, NetworkLayout layout, string startFile)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(layout);
        if (recipe.Start is { } start)
        {
            return Read(start, layout, startFile);
        }

        var weights = new float[layout.Parameters];
        layout.Initialise(recipe.Seed, weights);
        return weights;
    }

    /// <summary>Finds the start file of a recipe and checks that it is the one meant.</summary>
    /// <param name="start">What the recipe says of it.</param>
    /// <param name="locations">Where it is looked for, as data files are.</param>
    /// <returns>Its path.</returns>
    /// <exception cref="DataException">There is no such file, or it is not the one the recipe means.</exception>
    public static string Find(StartRecipe start, DataLocations locations)
    {
        ArgumentNullException.ThrowIfNull(start);
        ArgumentNullException.ThrowIfNull(locations);
        var path = locations.Find(start.File);
        Check(start, path);
        return path;
    }

    private static void Check(StartRecipe start, string path)
    {
        var found = Hash(path);
        if (found != start.Sha256)
        {
            throw new DataException(
                $"{path}: its SHA-256 is {found}, but the recipe's start values have {start.Sha256}. "
                + "Restore the former file, or write the new sha256 into the recipe.");
        }
    }

    private static float[] Read(StartRecipe start, NetworkLayout layout, string path)
    {
        Check(start, path);
        var tensors = SafetensorsFile.Read(path).Tensors;
        if (start.Transposed)
        {
            return layout.Flatten([.. tensors.Select(Transpose)], path);
        }

        foreach (var expected in layout.Tensors)
        {
            var shape = tensors.FirstOrDefault(tensor => tensor.Name == expected.Name)?.Shape ?? [];
            if (expected.Shape is [var inputs, var units] && inputs != units && shape.SequenceEqual([units, inputs]))
            {
                throw new SafetensorsException(
                    $"{path}: tensor '{expected.Name}' has the shape ({units}, {inputs}), the network's is ({inputs}, {units}): "
                    + "it is stored by units, as PyTorch does. Write transposed: true into the recipe's start.");
            }
        }

        return layout.Flatten(tensors, path);
    }

    /// <summary>The SHA-256 of a start file as a recipe names it, for <see cref="RecipeReader"/>.</summary>
    /// <param name="file">The file as named.</param>
    /// <param name="recipePath">The recipe's file: the start file is looked for beside it, then where data files are.</param>
    /// <exception cref="RecipeException">There is no such file.</exception>
    public static string Hash(string file, string recipePath)
    {
        try
        {
            return Hash(DataLocations.FromEnvironment(Path.GetDirectoryName(Path.GetFullPath(recipePath))).Find(file));
        }
        catch (DataException error)
        {
            throw new RecipeException(error.Message, error);
        }
    }

    private static string Hash(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: the file cannot be read: {error.Message}", error);
        }
    }

    private static NamedTensor Transpose(NamedTensor tensor)
    {
        if (tensor.Shape is not [var rows, var columns])
        {
            return tensor;
        }

        var values = new float[tensor.Values.Length];
        var source = tensor.Values.Span;
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                values[(column * rows) + row] = source[(row * columns) + column];
            }
        }

        return new(tensor.Name, ImmutableArray.Create(columns, rows), values);
    }
}
