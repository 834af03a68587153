namespace ShimRuntime.Bench.Peer;

/// <summary>What one measurement found, in the order of measuring.</summary>
internal sealed class Samples
{
    private readonly List<double> _values = [];

    public IReadOnlyList<double> Values => _values;

    public int Count => _values.Count;

    public double Median => Report.Median(_values);

    /// <summary>The largest, where there are fewer than a hundred.</summary>
    public double P99 => _values.Order().ElementAt((int)Math.Ceiling(0.99 * _values.Count) - 1);

    public void Add(double value) => _values.Add(value);

    public static Samples Of(params double[] values)
    {
        var samples = new Samples();
        samples._values.AddRange(values);
        return samples;
    }
}
