using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Bench;

/// <summary>
/// One pod up (sandbox, create, start) through CRI, interleaved A B B A with the bare calls that the job cannot do without: namespaces, CNI ADD, an overlay
/// mount, `runc run --detach` of the very config.json that the daemon wrote. Both have a pod cgroup made beforehand, as by kubelet; the bare container
/// has the same mounts, from files of its own, and is in a cgroup of the same depth. What only a runtime needs is all on one side: its records, the
/// pinning, cgroups of its own, the shim.
/// </summary>
internal sealed class PodUpBench(BenchNode node)
{
    private const int Rounds = 20;
    private const double AddedBudgetMilliseconds = 10;
    private const string CgroupParent = "/shimruntime-bench";
    private static readonly string[] Steps = ["RunPodSandbox", "CreateContainer", "StartContainer"];
    private readonly CgroupHierarchy _cgroups = CgroupHierarchy.Detect();
    private readonly List<double[]> _steps = [];
    private readonly List<double[]> _bareSteps = [];
    private int _sequence;

    public async Task RunAsync(Report report, CancellationToken cancellation)
    {
        try
        {
            await MeasureAsync(report, await TemplateAsync(cancellation), cancellation);
        }
        finally
        {
            new Cgroup(_cgroups, CgroupParent).TryRemove();
        }
    }

    private async Task MeasureAsync(Report report, PodTemplate template, CancellationToken cancellation)
    {
        for (var round = 0; round <= Rounds; round++)
        {
            var first = round % 2 == 0;
            if (first) _steps.Add(await OursAsync(cancellation));
            _bareSteps.Add(await BareAsync(template));
            if (!first) _steps.Add(await OursAsync(cancellation));
        }

        // The first round of each warms caches.
        var (ours, bare) = (Medians(_steps), Medians(_bareSteps));
        report.Note($"load average while pods were started: {File.ReadAllText("/proc/loadavg").Split(' ')[0]}");
        report.Add($"pod up through CRI, CNI bridge + portmap, median of {Rounds}", ours.Total, "ms");
        for (var i = 0; i < Steps.Length; i++) report.Add($"  of it {Steps[i]}", ours.Steps[i], "ms");
        report.Add("bare: namespaces, CNI ADD, overlay mount, runc run", bare.Total, "ms");
        report.Add("  of it namespaces and CNI ADD", bare.Steps[0], "ms");
        report.Add("added by daemon and shim", ours.Total - bare.Total, "ms", AddedBudgetMilliseconds);
        report.Add("ratio to bare", ours.Total / bare.Total, "x");
    }

    private static (double Total, double[] Steps) Medians(List<double[]> rounds)
    {
        var measured = rounds.Skip(1).ToList();
        return (Report.Median(measured.Select(r => r.Sum())), [.. measured[0].Select((_, i) => Report.Median(measured.Select(r => r[i])))]);
    }

    private PodSandboxConfig Pod(string name)
    {
        var pod = node.Pod(name, false, NamespaceMode.Container);
        pod.Linux.CgroupParent = PodCgroup(name);
        Directory.CreateDirectory(pod.LogDirectory);
        return pod;
    }

    /// <summary>Made as kubelet makes it, before the clock runs.</summary>
    private string PodCgroup(string name)
    {
        var cgroup = new Cgroup(_cgroups, $"{CgroupParent}/{name}");
        cgroup.Create();
        return cgroup.Path;
    }

    private async Task<double[]> OursAsync(CancellationToken cancellation)
    {
        var pod = Pod($"up{++_sequence}");
        var (id, _, milliseconds) = await node.TimedUpAsync(pod, NamespaceMode.Container, cancellation);
        await node.DownAsync(id);
        new Cgroup(_cgroups, pod.Linux.CgroupParent).TryRemove();
        return milliseconds;
    }

    private async Task<PodTemplate> TemplateAsync(CancellationToken cancellation)
    {
        var (pod, container) = await node.UpAsync(Pod("template"), NamespaceMode.Container, cancellation);
        var template = await PodTemplate.OfAsync(node.Site, node.Runtime, container, cancellation);
        await node.DownAsync(pod);
        return template;
    }

    private async Task<double[]> BareAsync(PodTemplate template)
    {
        var bare = new BarePod(node.Site, template, $"bare{++_sequence}", PodCgroup($"bare{_sequence}"));
        var up = await bare.UpAsync();
        await bare.DownAsync();
        new Cgroup(_cgroups, bare.Cgroup).TryRemove();
        return up;
    }
}
