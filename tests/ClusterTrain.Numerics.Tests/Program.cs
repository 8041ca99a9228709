using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using ClusterTrain.Numerics.KernelSets;
using Xunit.Sdk;

namespace ClusterTrain.Numerics.Tests;

/// <summary>
/// Runs the tests of this assembly without a test host, for processors that have none: all, or those of the classes named. The
/// last line counts them.
/// </summary>
internal static class Program
{
    private static int Main(string[] classes)
    {
        var (passed, failed) = (0, 0);
        Console.WriteLine($"kernels: {string.Join(", ", Kernels.Supported.Select(kernels => kernels.Name))}");
        var types = typeof(Program).Assembly.GetTypes().Where(type => type.IsPublic);
        foreach (var type in types.Where(type => classes.Length == 0 || classes.Contains(type.Name)))
        {
            var methods = type.GetMethods().Where(method => method.GetCustomAttribute<FactAttribute>() is { Skip: null });
            foreach (var method in methods)
            {
                var began = Stopwatch.GetTimestamp();
                foreach (var arguments in Arguments(method))
                {
                    if (Problem(type, method, arguments) is { } problem)
                    {
                        failed++;
                        Console.WriteLine($"FAILED {type.Name}.{method.Name}({string.Join(", ", arguments)}): {problem}");
                    }
                    else
                    {
                        passed++;
                    }
                }

                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{Stopwatch.GetElapsedTime(began).TotalSeconds,6:F1} s {type.Name}.{method.Name}"));
            }
        }

        Console.WriteLine($"{passed} passed, {failed} failed");
        return failed == 0 && passed > 0 ? 0 : 1;
    }

    private static IEnumerable<object[]> Arguments(MethodInfo method) => method.GetCustomAttribute<TheoryAttribute>() is null
        ? [[]]
        : method.GetCustomAttributes<DataAttribute>().SelectMany(data => data.GetData(method)!);

    private static Exception? Problem(Type type, MethodInfo method, object[] arguments)
    {
        try
        {
            var test = method.IsStatic ? null : Activator.CreateInstance(type);
            // As a test host does: 1 in the data is a uint where the test wants one.
            var converted = arguments.Zip(method.GetParameters().Select(parameter => parameter.ParameterType), (value, wanted) =>
                wanted.IsPrimitive ? Convert.ChangeType(value, wanted, CultureInfo.InvariantCulture) : value).ToArray();
            (method.Invoke(test, converted) as Task)?.GetAwaiter().GetResult();
            (test as IDisposable)?.Dispose();
            return null;
        }
        catch (TargetInvocationException problem)
        {
            return problem.InnerException;
        }
    }
}
