using System.Reflection;
using System.Reflection.Emit;
using System.Text.RegularExpressions;
using ClusterTrain.Data.Common;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Cli.Tests;

/// <summary>The layers of docs/architecture.md, read from the compiled assemblies: no arrow goes up, and none goes in a circle.</summary>
public sealed partial class ArchitectureTests
{
    private const BindingFlags All =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    // From the lowest to the highest. Each uses only those before it; of those two that stand beside each other neither uses the other.
    private static readonly string[] s_layers =
    [
        "ClusterTrain.Numerics", "ClusterTrain.Learning", "ClusterTrain.Data", "ClusterTrain.Training", "ClusterTrain.Library",
        "ClusterTrain.Reports", "ClusterTrain.Dashboard", "ClusterTrain.Cluster", "clustertrain",
    ];

    private static readonly Dictionary<string, string> s_beside = new()
    {
        ["ClusterTrain.Dashboard"] = "ClusterTrain.Reports",
        ["ClusterTrain.Cluster"] = "ClusterTrain.Dashboard",
    };

    private static readonly Dictionary<short, OpCode> s_codes = typeof(OpCodes).GetFields()
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    public static TheoryData<string> Layers => [.. s_layers];

    [Theory]
    [MemberData(nameof(Layers))]
    public void A_project_refers_to_those_below_it_alone(string layer)
    {
        var used = Assembly.Load(layer).GetReferencedAssemblies().Select(name => name.Name!).Intersect(s_layers);

        Assert.Empty(used.Except(s_layers.TakeWhile(other => other != layer)));
        Assert.DoesNotContain(s_beside.GetValueOrDefault(layer, ""), used);
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void No_two_namespaces_refer_to_each_other_even_by_way_of_others(string layer) =>
        Assert.Equal("", string.Join("; ", Circles(Arrows(layer))));

    [Theory]
    [MemberData(nameof(Layers))]
    public void Akka_is_known_to_the_cluster_alone(string layer) => Assert.Equal(
        layer == "ClusterTrain.Cluster",
        Assembly.Load(layer).GetReferencedAssemblies().Any(name => name.Name!.StartsWith("Akka", StringComparison.Ordinal)));

    [Fact]
    public void A_folder_is_a_namespace()
    {
        var root = Path.Combine(DocumentTests.Repository(), "src");
        var files = Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(root, file))
            .Where(file => !Generated().IsMatch(file)).ToList();
        var others = files.Where(file =>
            NamespaceLine().Match(File.ReadAllText(Path.Combine(root, file))) is { Success: true } line
            && line.Groups[1].Value != Path.GetDirectoryName(file)!.Replace(Path.DirectorySeparatorChar, '.'));

        Assert.NotEmpty(files);
        Assert.Empty(others);
    }

    [Fact]
    public void References_in_signatures_and_in_bodies_are_seen() => Assert.Equal(
        [typeof(DataException), typeof(Recipe), typeof(RecipeException)],
        References(typeof(Sample)).Where(type => s_layers.Contains(type.Assembly.GetName().Name)).Distinct().OrderBy(type => type.Name));

    [Fact]
    public void A_circle_is_found() => Assert.Equal(
        ["b, c, d"],
        Circles(new Dictionary<string, HashSet<string>> { ["a"] = ["b"], ["b"] = ["c"], ["c"] = ["d", "e"], ["d"] = ["b"], ["e"] = [] }));

    /// <summary>Which namespaces of an assembly refer to which others of it.</summary>
    private static Dictionary<string, HashSet<string>> Arrows(string layer)
    {
        var assembly = Assembly.Load(layer);
        var arrows = new Dictionary<string, HashSet<string>>();
        foreach (var type in assembly.GetTypes().Where(type => type.Namespace?.StartsWith("ClusterTrain", StringComparison.Ordinal) == true))
        {
            if (!arrows.TryGetValue(type.Namespace!, out var targets))
            {
                arrows.Add(type.Namespace!, targets = []);
            }

            targets.UnionWith(References(type).Where(other => other.Assembly == assembly && other.Namespace != type.Namespace)
                .Select(other => other.Namespace).OfType<string>().Where(other => other.StartsWith("ClusterTrain", StringComparison.Ordinal)));
        }

        return arrows;
    }

    /// <summary>The sets of namespaces that each reach all others of their set.</summary>
    private static List<string> Circles(Dictionary<string, HashSet<string>> arrows)
    {
        var reached = arrows.Keys.ToDictionary(from => from, from => Reached(from, arrows));
        return [.. arrows.Keys
            .Select(from => string.Join(", ", reached[from].Where(to => reached.TryGetValue(to, out var back) && back.Contains(from)).Order()))
            .Where(circle => circle.Length > 0).Distinct().Order()];
    }

    private static HashSet<string> Reached(string from, Dictionary<string, HashSet<string>> arrows)
    {
        var reached = new HashSet<string>();
        var open = new Stack<string>([from]);
        while (open.TryPop(out var next))
        {
            foreach (var to in arrows.GetValueOrDefault(next, []))
            {
                if (reached.Add(to))
                {
                    open.Push(to);
                }
            }
        }

        return reached;
    }

    private static IEnumerable<Type> References(Type type)
    {
        var members = type.GetMembers(All);
        return members.SelectMany(Of).Concat(type.GetInterfaces()).Append(type.BaseType ?? typeof(object)).SelectMany(Parts);

        IEnumerable<Type> Of(MemberInfo member) => member switch
        {
            FieldInfo field => [field.FieldType],
            MethodInfo method => [method.ReturnType, .. Parameters(method), .. Body(method)],
            ConstructorInfo constructor => [.. Parameters(constructor), .. Body(constructor)],
            _ => [],
        };
    }

    private static IEnumerable<Type> Parameters(MethodBase method) => method.GetParameters().Select(parameter => parameter.ParameterType);

    // A generic type is made of several.
    private static IEnumerable<Type> Parts(Type type) => type.HasElementType ? Parts(type.GetElementType()!)
        : type.IsGenericParameter ? []
        : [type, .. type.GetGenericArguments().SelectMany(Parts)];

    // What the instructions of a method name.
    private static List<Type> Body(MethodBase method)
    {
        var types = new List<Type>();
        if (method.GetMethodBody() is not { } body)
        {
            return types;
        }

        types.AddRange(body.LocalVariables.Select(local => local.LocalType));
        types.AddRange(body.ExceptionHandlingClauses.Where(clause => clause.Flags == ExceptionHandlingClauseOptions.Clause)
            .Select(clause => clause.CatchType!));
        var bytes = body.GetILAsByteArray()!;
        var ofType = method.DeclaringType!.GetGenericArguments();
        var ofMethod = method is MethodInfo { IsGenericMethodDefinition: true } ? method.GetGenericArguments() : [];
        for (var at = 0; at < bytes.Length;)
        {
            var code = bytes[at] == 0xFE ? s_codes[(short)(0xFE00 | bytes[at + 1])] : s_codes[bytes[at]];
            at += code.Size;
            if (code.OperandType is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok)
            {
                var member = method.Module.ResolveMember(BitConverter.ToInt32(bytes, at), ofType, ofMethod)!;
                types.Add(member as Type ?? member.DeclaringType!);
                if (member is MethodInfo { IsGenericMethod: true } generic)
                {
                    types.AddRange(generic.GetGenericArguments());
                }
            }

            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(bytes, at)),
                _ => 4,
            };
        }

        return types;
    }

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"(^|[\\/])(bin|obj)[\\/]")]
    private static partial Regex Generated();

    private sealed class Sample(List<Recipe?[]> recipes)
    {
        public string Name => recipes.Count == 0 ? throw new DataException("none") : new RecipeException("none").Message;
    }
}
