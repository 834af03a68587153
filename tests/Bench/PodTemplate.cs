using System.Text.Json.Nodes;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Bench;

/// <summary>The runtime spec of a real container, made bare: its mount sources are files of the bench's, nothing of the pod it came from is named.</summary>
/// <param name="Spec">config.json.</param>
/// <param name="Lower">The image's layer.</param>
internal sealed record PodTemplate(JsonNode Spec, string Lower)
{
    /// <summary>Kinds of its pod's own namespaces, which outlive the container.</summary>
    public IEnumerable<string> Namespaces =>
        Spec["linux"]!["namespaces"]!.AsArray().Where(n => n!["path"] is not null).Select(n => n!["type"]!.GetValue<string>()).Intersect(["network", "ipc", "uts"]);

    /// <summary>The container runs.</summary>
    public static async Task<PodTemplate> OfAsync(Site site, RuntimeService.RuntimeServiceClient runtime, string container, CancellationToken cancellation)
    {
        var status = await runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = container, Verbose = true }, cancellationToken: cancellation);
        var spec = JsonNode.Parse(status.Info["info"])!["runtimeSpec"]!.DeepClone();
        foreach (var mount in spec["mounts"]!.AsArray().Where(m => m!["type"]?.GetValue<string>() == "bind"))
        {
            var name = Path.GetFileName(mount!["destination"]!.GetValue<string>());
            if (mount["destination"]!.GetValue<string>() is "/sys" or "/sys/fs/cgroup") continue;
            mount["source"] = name == "shm" ? Directory.CreateDirectory(Path.Combine(site.Work, name)).FullName : WriteFile(site, name);
        }

        return new PodTemplate(spec, OverlayLowerDirectory(spec["root"]!["path"]!.GetValue<string>()));
    }

    /// <summary>The same container in another bundle, cgroup and other namespaces (by kind, such as network).</summary>
    public Task WriteAsync(string bundle, string cgroup, IReadOnlyDictionary<string, string> pins)
    {
        var spec = Spec.DeepClone();
        spec["root"]!["path"] = Path.Combine(bundle, "rootfs");
        spec["linux"]!["cgroupsPath"] = cgroup;
        foreach (var ns in spec["linux"]!["namespaces"]!.AsArray())
        {
            if (pins.TryGetValue(ns!["type"]!.GetValue<string>(), out var pin)) ns["path"] = pin;
        }

        return File.WriteAllTextAsync(Path.Combine(bundle, "config.json"), spec.ToJsonString());
    }

    private static string WriteFile(Site site, string name)
    {
        var path = Path.Combine(site.Work, name);
        File.WriteAllText(path, "bench\n");
        return path;
    }

    private static string OverlayLowerDirectory(string mountpoint)
    {
        var line = File.ReadLines("/proc/self/mountinfo").First(l => l.Split(' ')[4] == mountpoint);
        return line[(line.IndexOf("lowerdir=", StringComparison.Ordinal) + 9)..].Split(',')[0];
    }
}
