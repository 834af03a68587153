using System.Diagnostics;
using System.Text.Json.Nodes;
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
    private readonly CniFloor _cni = new(node);
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

    private async Task MeasureAsync(Report report, JsonNode template, CancellationToken cancellation)
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

    /// <summary>The runtime spec of a real container, made bare: the mount sources are files of the bench's, nothing of the pod it came from is named.</summary>
    private async Task<JsonNode> TemplateAsync(CancellationToken cancellation)
    {
        var (pod, container) = await node.UpAsync(Pod("template"), NamespaceMode.Container, cancellation);
        var status = await node.Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = container, Verbose = true }, cancellationToken: cancellation);
        var spec = JsonNode.Parse(status.Info["info"])!["runtimeSpec"]!.DeepClone();
        var lower = OverlayLowerDirectory(spec["root"]!["path"]!.GetValue<string>());
        await node.DownAsync(pod);
        spec["lower"] = lower;
        foreach (var mount in spec["mounts"]!.AsArray().Where(m => m!["type"]?.GetValue<string>() == "bind"))
        {
            var name = Path.GetFileName(mount!["destination"]!.GetValue<string>());
            mount["source"] = name == "shm" ? Directory.CreateDirectory(Path.Combine(node.Work, name)).FullName : WriteFile(name);
        }

        return spec;
    }

    private string WriteFile(string name)
    {
        var path = Path.Combine(node.Work, name);
        File.WriteAllText(path, "bench\n");
        return path;
    }

    private static string OverlayLowerDirectory(string mountpoint)
    {
        var line = File.ReadLines("/proc/self/mountinfo").First(l => l.Split(' ')[4] == mountpoint);
        return line[(line.IndexOf("lowerdir=", StringComparison.Ordinal) + 9)..].Split(',')[0];
    }

    private async Task<double[]> BareAsync(JsonNode template)
    {
        var id = $"bare{++_sequence}";
        var bundle = Path.Combine(node.Work, id);
        foreach (var name in (string[])["rootfs", "upper", "work"]) Directory.CreateDirectory(Path.Combine(bundle, name));
        var pins = new[] { "network", "ipc", "uts" }.ToDictionary(kind => kind, kind => Path.Combine(node.Work, "netns", $"{id}-{kind}"));
        var cgroup = PodCgroup(id);
        await WriteSpecAsync(template, bundle, $"{cgroup}/container", pins);

        var clock = Stopwatch.StartNew();
        BareKernel.PinNamespaces(pins["network"], pins["ipc"], pins["uts"]);
        await _cni.AddAsync(id, pins["network"]);
        var attached = clock.Elapsed.TotalMilliseconds;
        BareKernel.MountOverlay(template["lower"]!.GetValue<string>(), bundle);
        await RuncAsync("run", "--detach", "--bundle", bundle, id);
        var elapsed = clock.Elapsed.TotalMilliseconds;

        await RuncAsync("delete", "--force", id);
        BareKernel.Unmount(Path.Combine(bundle, "rootfs"));
        await _cni.DeleteAsync(id, pins["network"]);
        foreach (var pin in pins.Values)
        {
            BareKernel.Unmount(pin);
            File.Delete(pin);
        }

        new Cgroup(_cgroups, cgroup).TryRemove();
        return [attached, elapsed - attached];
    }

    private static Task WriteSpecAsync(JsonNode template, string bundle, string cgroup, Dictionary<string, string> pins)
    {
        var spec = template.DeepClone().AsObject();
        spec.Remove("lower");
        spec["root"]!["path"] = Path.Combine(bundle, "rootfs");
        spec["linux"]!["cgroupsPath"] = cgroup;
        foreach (var ns in spec["linux"]!["namespaces"]!.AsArray())
        {
            if (pins.TryGetValue(ns!["type"]!.GetValue<string>(), out var pin)) ns["path"] = pin;
        }

        return File.WriteAllTextAsync(Path.Combine(bundle, "config.json"), spec.ToJsonString());
    }

    private Task<string> RuncAsync(params string[] arguments) =>
        node.ExecAsync("/usr/sbin/runc", "", [], ["--root", Path.Combine(node.Work, "bare-runc"), .. arguments]);
}
