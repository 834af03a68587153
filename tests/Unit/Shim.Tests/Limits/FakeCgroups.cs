using ShimRuntime.Linux;
using ShimRuntime.Shim.Limits;

namespace ShimRuntime.Shim.Tests.Limits;

/// <summary>The kernel's rules for a parent "p" and a child "c" on cgroup v1, by which a step is accepted or refused.</summary>
internal sealed class FakeCgroups
{
    private readonly Dictionary<string, string> _files = [];

    public string? this[string path]
    {
        get => _files.GetValueOrDefault(path);
        set => _files[path] = value!;
    }

    public string? Read(string path) => this[path];

    public void Apply(LimitStep step)
    {
        _files[step.Path] = step.Value;
        Check(step);
    }

    private void Check(LimitStep step)
    {
        foreach (var group in (ReadOnlySpan<string>)["p", "c"])
        {
            if (Number($"{group}/memory.memsw.limit_in_bytes") < Number($"{group}/memory.limit_in_bytes"))
                throw new InvalidOperationException($"EINVAL: memsw below memory in {group} after {step}");
        }

        var (parent, child) = (Ratio("p"), Ratio("c"));
        if (this["c/cpu.cfs_quota_us"] is not (null or "-1") && child > parent)
            throw new InvalidOperationException($"EINVAL: child quota above the parent's after {step}");
        if (Ratio("p") > Ratio("pod")) throw new InvalidOperationException($"EINVAL: parent above the pod after {step}");
        if (!Set("p/cpuset.cpus").IsSupersetOf(Set("c/cpuset.cpus")))
            throw new InvalidOperationException($"EBUSY or EACCES: child outside the parent after {step}");
        if (Number("c/pids.max") > Number("p/pids.max"))
            throw new InvalidOperationException($"leaf allowed more than its parent after {step}");
    }

    private decimal Ratio(string group) =>
        this[$"{group}/cpu.cfs_quota_us"] is null or "-1"
            ? decimal.MaxValue : Number($"{group}/cpu.cfs_quota_us") / Number($"{group}/cpu.cfs_period_us");

    private decimal Number(string path) => this[path] is null or "-1" or "max"
        ? decimal.MaxValue : decimal.Parse(this[path]!, System.Globalization.CultureInfo.InvariantCulture);

    private SortedSet<int> Set(string path) => CpuSet.TryParse(this[path] ?? "") ?? [];
}
