using System.Diagnostics;

namespace ShimRuntime.Bench;

/// <summary>
/// The calls that a pod cannot do without and nothing else: namespaces, CNI plugins, an overlay mount, runc. Its cgroup is made beforehand, as by kubelet.
/// </summary>
/// <param name="cgroup">The pod's.</param>
internal sealed class BarePod(Site site, PodTemplate template, string id, string cgroup)
{
    private const string Runc = "/usr/sbin/runc";
    private readonly CniFloor _cni = new(site);
    private readonly string _bundle = Path.Combine(site.Work, id);
    private readonly Dictionary<string, string> _pins = template.Namespaces.ToDictionary(kind => kind, kind => Path.Combine(site.Work, "netns", $"{id}-{kind}"));

    private string? Network => _pins.GetValueOrDefault("network");

    public string Cgroup => cgroup;

    /// <summary>Milliseconds of namespaces and CNI ADD, and of overlay mount and `runc run`.</summary>
    public async Task<double[]> UpAsync()
    {
        foreach (var name in (string[])["rootfs", "upper", "work"]) Directory.CreateDirectory(Path.Combine(_bundle, name));
        await template.WriteAsync(_bundle, $"{cgroup}/container", _pins);

        var clock = Stopwatch.StartNew();
        BareKernel.PinNamespaces(_pins);
        if (Network is not null) await _cni.AddAsync(id, Network);
        var attached = clock.Elapsed.TotalMilliseconds;
        BareKernel.MountOverlay(template.Lower, _bundle);
        await RuncAsync("run", "--detach", "--bundle", _bundle, id);
        return [attached, clock.Elapsed.TotalMilliseconds - attached];
    }

    public Task<string> ExecAsync(params string[] command) => RuncAsync(["exec", id, .. command]);

    /// <summary>Milliseconds of the way back.</summary>
    public async Task<double> DownAsync()
    {
        var clock = Stopwatch.StartNew();
        await RuncAsync("delete", "--force", id);
        BareKernel.Unmount(Path.Combine(_bundle, "rootfs"));
        if (Network is not null) await _cni.DeleteAsync(id, Network);
        foreach (var pin in _pins.Values)
        {
            BareKernel.Unmount(pin);
            File.Delete(pin);
        }

        Directory.Delete(_bundle, true);
        return clock.Elapsed.TotalMilliseconds;
    }

    private Task<string> RuncAsync(params string[] arguments) => site.ExecAsync(Runc, ["--root", Path.Combine(site.Work, "bare-runc"), .. arguments]);
}
