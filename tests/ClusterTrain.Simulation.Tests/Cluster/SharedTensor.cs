using System.Runtime.InteropServices;
using ClusterTrain.Training.Actors;

namespace ClusterTrain.Simulation.Tests;

/// <summary>A tensor that another process of the machine reads where it lies. Nobody may write it before it is given back.</summary>
internal sealed class SharedTensor
{
    private readonly TensorMessage _sent;
    private readonly bool _isHeld;
    private readonly float[] _copy;

    /// <summary>The tensor is taken.</summary>
    /// <param name="sent">The message, with its reference to the owner's memory.</param>
    /// <param name="isHeld">False, a planted fault: the owner gets its memory back at once.</param>
    public SharedTensor(in TensorMessage sent, bool isHeld)
    {
        (_sent, _isHeld) = (sent, isHeld);
        Values = sent.Lease.Memory.Slice(sent.Offset, sent.Length);
        _copy = Values.ToArray();
        if (!isHeld)
        {
            sent.Lease.Release();
        }
    }

    /// <summary>The owner's memory.</summary>
    public Memory<float> Values { get; }

    /// <summary>The reader needs it no longer, or has ended.</summary>
    /// <returns>What was wrong; null: nothing.</returns>
    public string? GiveBack(ActorId reader)
    {
        var isUnchanged = MemoryMarshal.AsBytes(Values.Span).SequenceEqual(MemoryMarshal.AsBytes(_copy.AsSpan()));
        if (_isHeld)
        {
            _sent.Lease.Release();
        }

        return isUnchanged ? null : $"{_sent.Key} was written while {reader} read it";
    }
}
