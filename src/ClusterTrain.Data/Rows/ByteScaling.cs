using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Numerics.KernelSets;

namespace ClusterTrain.Data.Rows;

/// <summary>Turns raw bytes into prepared floats as they are read: a <see cref="FeatureScaling"/> at hand for a kernel.</summary>
internal sealed class ByteScaling(FeatureScaling scaling)
{
    private readonly float[] _factors = [.. scaling.Factors];
    private readonly float[] _shifts = [.. scaling.Shifts];

    /// <summary>The prepared values of a row.</summary>
    /// <param name="raw">Its bytes.</param>
    /// <param name="values">Receives the values.</param>
    /// <param name="ahead">Another row's bytes, which will be read soon; or none.</param>
    public void Read(ReadOnlySpan<byte> raw, Span<float> values, ReadOnlySpan<byte> ahead = default)
    {
        if (_factors.Length == 1)
        {
            Kernels.Active.ScaleBytes(raw, _factors[0], _shifts[0], values, ahead);
        }
        else
        {
            Kernels.Active.ScaleBytes(raw, 1, 0, values, ahead);
            FeatureScaling.Apply(_factors, _shifts, values);
        }
    }

    /// <summary>The feature whose largest byte would leave the range of a float32; -1: none.</summary>
    public int FirstNotFinite()
    {
        for (var i = 0; i < _factors.Length; i++)
        {
            if (!float.IsFinite(MathF.FusedMultiplyAdd(byte.MaxValue, _factors[i], _shifts[i])))
            {
                return i;
            }
        }

        return -1;
    }

    public void Hash(DataFingerprint fingerprint)
    {
        fingerprint.Add("bytes");
        fingerprint.Add(_factors.Length);
        fingerprint.Add(_factors);
        fingerprint.Add(_shifts);
    }
}
