using System.CommandLine;
using System.Text;
using ShimRuntime.Cli.Output;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class MetricsCommand
{
    public static Command Create()
    {
        var command = new DescribedCommand(
            "metrics", "Series of pods and containers, in Prometheus' text format.", "shimctl metrics", "shimctl metrics | grep container_memory");
        command.Does(async (_, session, cancellation) =>
        {
            var answer = await session.Runtime.ListPodSandboxMetricsAsync(new ListPodSandboxMetricsRequest(), session.Call(cancellation));
            if (session.Json)
            {
                JsonOutput.Print(answer);
                return 0;
            }

            var described = await session.Runtime.ListMetricDescriptorsAsync(new ListMetricDescriptorsRequest(), session.Call(cancellation));
            Console.Out.Write(Text(described.Descriptors, answer.PodMetrics));
            return 0;
        });
        return command;
    }

    /// <summary>The text exposition format: help, type, and every sample of a name together. Times are in milliseconds.</summary>
    internal static string Text(IEnumerable<MetricDescriptor> descriptors, IEnumerable<PodSandboxMetrics> pods)
    {
        var samples = pods.SelectMany(p => p.Metrics.Concat(p.ContainerMetrics.SelectMany(c => c.Metrics))).ToLookup(m => m.Name);
        var text = new StringBuilder();
        foreach (var descriptor in descriptors.Where(d => samples.Contains(d.Name)))
        {
            var type = samples[descriptor.Name].First().MetricType == MetricType.Counter ? "counter" : "gauge";
            text.Append($"# HELP {descriptor.Name} {descriptor.Help}\n# TYPE {descriptor.Name} {type}\n");
            foreach (var sample in samples[descriptor.Name])
            {
                var labels = descriptor.LabelKeys.Zip(sample.LabelValues).Select(l => $"{l.First}=\"{Escaped(l.Second)}\"");
                text.Append($"{sample.Name}{{{string.Join(',', labels)}}} {sample.Value.Value} {sample.Timestamp / 1_000_000}\n");
            }
        }

        return text.ToString();
    }

    private static string Escaped(string value) =>
        TextTable.Printable(value).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
}
