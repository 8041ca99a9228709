using System.Reflection;
using System.Reflection.Emit;

namespace ClusterTrain.Learning.Tests;

/// <summary>A folder is a namespace, and a lower one refers to none above it: read from the compiled assembly.</summary>
public sealed class NamespaceTests
{
    private const string Root = "ClusterTrain.Learning";
    private const BindingFlags All =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> s_codes = typeof(OpCodes).GetFields()
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    [Theory]
    [InlineData("Recipes", "")]
    [InlineData("Files", "Recipes")]
    [InlineData("RecipeFiles", "Recipes, Files")]
    public void A_namespace_refers_to_those_below_it_alone(string name, string below)
    {
        var space = $"{Root}.{name}";
        var types = typeof(Recipe).Assembly.GetTypes().Where(type => type.Namespace == space).ToList();
        var arrows = types.SelectMany(type => References(type).Select(other => other.Namespace)).Distinct()
            .Where(other => other?.StartsWith(Root, StringComparison.Ordinal) == true && other != space).Order();

        Assert.NotEmpty(types);
        Assert.Empty(arrows.Except(below.Split(", ").Select(lower => $"{Root}.{lower}")));
    }

    [Fact]
    public void References_in_signatures_and_in_bodies_are_seen() => Assert.Equal(
        [typeof(DataException), typeof(Recipe), typeof(Spelling)],
        References(typeof(Sample)).Where(type => type.Assembly == typeof(Recipe).Assembly).Distinct().OrderBy(type => type.Name));

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
            return types;
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
                    types.AddRange(generic.GetGenericArguments());
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

    private sealed class Sample(List<Recipe?[]> recipes)
    {
        public string Name => Spelling.Nearest($"{recipes.Count}", []) ?? throw new DataException("none");
    }
}
