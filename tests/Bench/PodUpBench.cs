using System.Diagnostics;
using System.Text.Json.Nodes;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Bench;

/// <summary>
/// One pod up (sandbox, create, start) through CRI, interleaved A B B A with the bare calls that the job cannot do without: a network namespace, CNI
/// ADD, an overlay mount, `runc run --detach` of the very config.json that the daemon wrote.
/// </summary>
internal sealed class PodUpBench(BenchNode node)
{
    private const int Rounds = 10;
    private const double AddedBudgetMilliseconds = 10;
    private readonly CniFloor _cni = new(node);
    private int _sequence;

    public async Task RunAsync(Report report, CancellationToken cancellation)
    {
        var template = await TemplateAsync(cancellation);
        List<double> ours = [], bare = [];
        for (var round = 0; round <= Rounds; round++)
        {
            var first = round % 2 == 0;
            if (first) ours.Add(await OursAsync(cancellation));
            bare.Add(await BareAsync(template));
            if (!first) ours.Add(await OursAsync(cancellation));
        }

        // The first round of each warms caches.
        var (oursMedian, bareMedian) = (Report.Median(ours.Skip(1)), Report.Median(bare.Skip(1)));
        report.Add("pod up through CRI (sandbox, create, start), CNI bridge + portmap", oursMedian, "ms");
        report.Add("bare: network namespace, CNI ADD, overlay mount, runc run", bareMedian, "ms");
        report.Add("added by daemon and shim", oursMedian - bareMedian, "ms", AddedBudgetMilliseconds);
        report.Add("ratio to bare", oursMedian / bareMedian, "x");
    }

    private async Task<double> OursAsync(CancellationToken cancellation)
    {
        var pod = node.Pod($"up{++_sequence}", false, NamespaceMode.Container);
        Directory.CreateDirectory(pod.LogDirectory);
        var clock = Stopwatch.StartNew();
        var (id, _) = await node.UpAsync(pod, NamespaceMode.Container, cancellation);
        var elapsed = clock.Elapsed.TotalMilliseconds;
        await node.DownAsync(id);
        return elapsed;
    }

    /// <summary>The runtime spec of a real container, made bare: no pins, cgroups or mount sources of the pod that it came from.</summary>
    private async Task<JsonNode> TemplateAsync(CancellationToken cancellation)
    {
        var (pod, container) = await node.UpAsync(node.Pod("template", false, NamespaceMode.Container), NamespaceMode.Container, cancellation);
        var status = await node.Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = container, Verbose = true }, cancellationToken: cancellation);
        var spec = JsonNode.Parse(status.Info["info"])!["runtimeSpec"]!.DeepClone();
        var lower = OverlayLowerDirectory(spec["root"]!["path"]!.GetValue<string>());
        await node.DownAsync(pod);
        spec["lower"] = lower;
        foreach (var ns in spec["linux"]!["namespaces"]!.AsArray()) ns!.AsObject().Remove("path");
        var mounts = spec["mounts"]!.AsArray();
        for (var i = mounts.Count - 1; i >= 0; i--)
        {
            if (mounts[i]!["type"]?.GetValue<string>() == "bind") mounts.RemoveAt(i);
        }

        return spec;
    }

    private static string OverlayLowerDirectory(string mountpoint)
    {
        var line = File.ReadLines("/proc/self/mountinfo").First(l => l.Split(' ')[4] == mountpoint);
        return line[(line.IndexOf("lowerdir=", StringComparison.Ordinal) + 9)..].Split(',')[0];
    }

    private async Task<double> BareAsync(JsonNode template)
    {
        var id = $"bare{++_sequence}";
        var bundle = Path.Combine(node.Work, id);
        var netns = Path.Combine(node.Work, "netns", id);
        foreach (var name in (string[])["rootfs", "upper", "work"]) Directory.CreateDirectory(Path.Combine(bundle, name));
        var spec = template.DeepClone().AsObject();
        var lower = spec["lower"]!.GetValue<string>();
        spec.Remove("lower");
        spec["root"]!["path"] = Path.Combine(bundle, "rootfs");
        spec["linux"]!["cgroupsPath"] = $"/shimruntime-bench/{id}";
        spec["linux"]!["namespaces"]!.AsArray().First(n => n!["type"]!.GetValue<string>() == "network")!["path"] = netns;
        await File.WriteAllTextAsync(Path.Combine(bundle, "config.json"), spec.ToJsonString());

        var clock = Stopwatch.StartNew();
        BareKernel.PinNetworkNamespace(netns);
        await _cni.AddAsync(id, netns);
        BareKernel.MountOverlay(lower, bundle);
        await RuncAsync("run", "--detach", "--bundle", bundle, id);
        var elapsed = clock.Elapsed.TotalMilliseconds;

        await RuncAsync("delete", "--force", id);
        BareKernel.Unmount(Path.Combine(bundle, "rootfs"));
        await _cni.DeleteAsync(id, netns);
        BareKernel.Unmount(netns);
        File.Delete(netns);
        return elapsed;
    }

    private Task<string> RuncAsync(params string[] arguments) =>
        node.ExecAsync("/usr/sbin/runc", "", [], ["--root", Path.Combine(node.Work, "bare-runc"), .. arguments]);
}
