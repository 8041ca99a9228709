using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Security.Cryptography;
using System.Text;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Runs;
using ClusterTrain.Training.Actors;

namespace ClusterTrain.Tests;

public sealed class CodeFingerprintTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Two_builds_of_the_same_code_have_one_fingerprint()
    {
        var first = Build("first", constant: 1, path: "/here");
        var second = Build("second", constant: 1, path: "/elsewhere");
        Assert.NotEqual(first.ManifestModule.ModuleVersionId, second.ManifestModule.ModuleVersionId);
        Assert.NotEqual(File.ReadAllBytes(first.Location), File.ReadAllBytes(second.Location));
        Assert.Equal(CodeFingerprint.Of(first), CodeFingerprint.Of(second));
    }

    [Fact]
    public void Another_constant_name_or_order_of_assemblies_changes_it()
    {
        var one = Build("one", constant: 1);
        var two = Build("two", constant: 2);
        var other = Build("other", constant: 1, method: "Other");
        string[] fingerprints =
        [
            CodeFingerprint.Of(one), CodeFingerprint.Of(two), CodeFingerprint.Of(other),
            CodeFingerprint.Of(one, two), CodeFingerprint.Of(two, one),
        ];
        Assert.Equal(fingerprints.Length, fingerprints.Distinct().Count());
        Assert.All(fingerprints, fingerprint => Assert.Matches("^[0-9a-f]{16}$", fingerprint));
    }

    [Fact]
    public void An_assembly_without_a_file_is_told_by_its_identity()
    {
        var file = Build("file", constant: 1);
        Assert.NotEqual(CodeFingerprint.Of(file), CodeFingerprint.Of(Assembly.Load(File.ReadAllBytes(file.Location))));
    }

    [Fact]
    public void The_assemblies_that_compute_do_not_name_the_commit_they_were_built_from() => Assert.All(
        [typeof(Kernels), typeof(Recipe), typeof(IActor)],
        type => Assert.DoesNotContain(
            '+', type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion));

    // A class with a method that returns a constant. Every build has an identity of its own, as builds of other commits have.
    private Assembly Build(string folder, int constant, string method = "Answer", string path = "/here")
    {
        var assembly = new PersistedAssemblyBuilder(new AssemblyName("Code"), typeof(object).Assembly);
        var type = assembly.DefineDynamicModule("Code").DefineType(
            $"<Generated>F{Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(path)))}__Code",
            TypeAttributes.Public | TypeAttributes.Class);
        var code = type.DefineMethod(method, MethodAttributes.Public | MethodAttributes.Static, typeof(int), []).GetILGenerator();
        code.Emit(OpCodes.Ldc_I4, constant);
        code.Emit(OpCodes.Ret);
        type.CreateType();
        var metadata = assembly.GenerateMetadata(out var bodies, out var fieldData);
        var debug = new DebugDirectoryBuilder();
        debug.AddCodeViewEntry($"{path}/Code.pdb", new BlobContentId(Guid.NewGuid(), 1), portablePdbVersion: 0x100);
        var image = new BlobBuilder();
        var builder = new ManagedPEBuilder(
            new PEHeaderBuilder(), new MetadataRootBuilder(metadata), bodies, fieldData, debugDirectoryBuilder: debug);
        builder.Serialize(image);
        var file = Path.Combine(Directory.CreateDirectory(Path.Combine(_folder.Path, folder)).FullName, "Code.dll");
        File.WriteAllBytes(file, image.ToArray());
        return new LoadContext().LoadFromAssemblyPath(file);
    }

    // So that assemblies of one name can be loaded beside each other.
    private sealed class LoadContext() : System.Runtime.Loader.AssemblyLoadContext(isCollectible: true);
}
