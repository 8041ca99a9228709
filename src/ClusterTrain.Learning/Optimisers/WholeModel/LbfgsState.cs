using System.Runtime.InteropServices;

namespace ClusterTrain.Learning.Optimisers.WholeModel;

/// <summary>
/// The whole memory of L-BFGS as views of one float vector: planes as long as the parameters, and at the end the numbers of the
/// line search as doubles. All zeros is the state before the first evaluation.
/// </summary>
internal readonly ref struct LbfgsState
{
    private const int Vectors = 3;
    private const int Numbers = 15;
    private const int NumberFloats = Numbers * sizeof(double) / sizeof(float);

    private readonly Span<float> _planes;
    private readonly int _parameters;
    private readonly int _memory;

    /// <summary>Views of a state of <see cref="Planes"/> planes.</summary>
    public LbfgsState(Span<float> planes, int parameters, int memory)
    {
        _planes = planes;
        _parameters = parameters;
        _memory = memory;
    }

    /// <summary>Where L-BFGS is between two evaluations.</summary>
    public enum Stage
    {
        /// <summary>Before the first evaluation.</summary>
        First = 0,

        /// <summary>The weights are a trial of the line search.</summary>
        Searching = 1,

        /// <summary>The search gave up, and the weights are the best point it found.</summary>
        Returning = 2,

        /// <summary>The weights stay as they are: the gradient is small enough, or no step makes the loss smaller.</summary>
        Done = 3,
    }

    /// <summary>Where it is.</summary>
    public Stage At
    {
        get => (Stage)(int)All[0];
        set => All[0] = (int)value;
    }

    /// <summary>Pairs of steps and gradient changes remembered, up to the memory.</summary>
    public int Pairs
    {
        get => (int)All[1];
        set => All[1] = value;
    }

    /// <summary>Slot of the newest pair.</summary>
    public int Newest
    {
        get => (int)All[2];
        set => All[2] = value;
    }

    /// <summary>The line search under way.</summary>
    public WolfeSearch Search
    {
        get
        {
            var n = All;
            return new WolfeSearch(
                new(n[3], n[4], n[5]), new(n[6], n[7], n[8]), new(n[9], n[10], n[11]), n[12], n[13] != 0, (int)n[14]);
        }

        set
        {
            ReadOnlySpan<double> numbers =
            [
                value.Start.At, value.Start.Value, value.Start.Slope,
                value.Low.At, value.Low.Value, value.Low.Slope,
                value.High.At, value.High.Value, value.High.Slope,
                value.Trial, value.IsBracketed ? 1 : 0, value.Evaluations,
            ];
            numbers.CopyTo(All[3..]);
        }
    }

    /// <summary>(parameters) the last point accepted, from which the search begins.</summary>
    public Span<float> Point => Plane(0);

    /// <summary>(parameters) the gradient there.</summary>
    public Span<float> Gradient => Plane(1);

    /// <summary>(parameters) the direction searched.</summary>
    public Span<float> Direction => Plane(2);

    private Span<double> All =>
        MemoryMarshal.Cast<float, double>(_planes.Slice((Vectors + (2 * _memory)) * _parameters, NumberFloats));

    /// <summary>Number of planes.</summary>
    public static int Planes(int memory, int parameters) =>
        Vectors + (2 * memory) + ((NumberFloats + parameters - 1) / parameters);

    /// <summary>(parameters) the step of a pair.</summary>
    public Span<float> StepOf(int slot) => Plane(Vectors + slot);

    /// <summary>(parameters) the gradient's change over that step.</summary>
    public Span<float> ChangeOf(int slot) => Plane(Vectors + _memory + slot);

    private Span<float> Plane(int index) => _planes.Slice(index * _parameters, _parameters);
}
