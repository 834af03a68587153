using Google.Protobuf.Collections;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Metrics;

/// <summary>Adds samples that share their first labels and their time to a list.</summary>
/// <param name="labels">Values of <see cref="MetricDefinition.BaseLabels"/>, in that order.</param>
internal readonly ref struct MetricWriter(RepeatedField<Metric> target, ReadOnlySpan<string> labels, long atNanos)
{
    private const ulong NanosPerSecond = 1_000_000_000;
    private readonly ReadOnlySpan<string> _labels = labels;

    public void Add(MetricDefinition definition, ulong value, params ReadOnlySpan<string> extraLabels)
    {
        var metric = new Metric
        {
            Name = definition.Name,
            Timestamp = atNanos,
            MetricType = definition.Type,
            Value = new UInt64Value { Value = value },
        };
        metric.LabelValues.Capacity = _labels.Length + extraLabels.Length;
        foreach (var label in _labels) metric.LabelValues.Add(label);
        foreach (var label in extraLabels) metric.LabelValues.Add(label);
        target.Add(metric);
    }

    public void AddSeconds(MetricDefinition definition, ulong nanos, params ReadOnlySpan<string> extraLabels) =>
        Add(definition, nanos / NanosPerSecond, extraLabels);

    /// <summary>A moment; 0 for one that was never.</summary>
    public void AddTime(MetricDefinition definition, long unixNanos) => AddSeconds(definition, (ulong)Math.Max(unixNanos, 0));
}
