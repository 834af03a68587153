using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Limits;

/// <summary>
/// The limits of the container cgroup and, once runc has made them, of its generations' leaves: all of an update holds, or nothing of it.
/// </summary>
internal sealed class ContainerLimits(CgroupHierarchy hierarchy, string containerCgroup)
{
    /// <summary>What has been set so far.</summary>
    public Resources InForce { get; private set; } = new();

    /// <summary>Another program of this process has set them.</summary>
    public void Inherit(Resources inForce) => InForce = inForce;

    /// <param name="leaves">Leaf cgroups that exist: none before a generation is made.</param>
    /// <exception cref="RuntimeFault">
    /// InvalidArgument, or FailedPrecondition when the kernel refuses a value; nothing has changed then.
    /// </exception>
    public void Apply(Resources wanted, IReadOnlyList<string> leaves)
    {
        var merged = Merge(InForce, wanted);
        var done = new Stack<LimitStep>();
        try
        {
            foreach (var limit in LimitTranslation.For(wanted, merged, hierarchy.IsV2)) ApplyOne(limit, leaves, done);
            ApplyCpuset("cpuset.cpus", wanted.CpusetCpus, leaves, done);
            ApplyCpuset("cpuset.mems", wanted.CpusetMems, leaves, done);
            InForce = merged;
        }
        catch (Exception e) when (e is LinuxException or RuntimeFault)
        {
            while (done.TryPop(out var step)) CgroupFile.TryWrite(step.Path, step.Value);
            if (e is RuntimeFault) throw;
            throw RuntimeFault.FailedPrecondition($"failed to update the limits of '{containerCgroup}': {e.Message}; all are as they were");
        }
    }

    /// <summary>What <paramref name="wanted"/> leaves open stays as in <paramref name="present"/>.</summary>
    public static Resources Merge(Resources present, Resources wanted)
    {
        var merged = present.Clone();
        merged.MergeFrom(wanted); // scalars: 0 and empty leave; the map: by key
        merged.HugepageLimits.Clear();
        foreach (var huge in present.HugepageLimits)
        {
            if (!wanted.HugepageLimits.Any(w => w.PageSize == huge.PageSize)) merged.HugepageLimits.Add(huge);
        }

        merged.HugepageLimits.AddRange(wanted.HugepageLimits);
        return merged;
    }

    private void ApplyOne(Limit limit, IReadOnlyList<string> leaves, Stack<LimitStep> done)
    {
        var container = hierarchy.PathOf(limit.Controller, containerCgroup);
        if (container is null || !File.Exists($"{container}/{limit.MainFile}"))
        {
            if (!limit.IsMandatory) return;
            throw RuntimeFault.FailedPrecondition(
                $"failed to set {limit.MainFile} of '{containerCgroup}': this machine has no cgroup controller for it");
        }

        if (limit.MainFile == "memory.max") RefuseBelowUse(container, limit);
        foreach (var step in LimitPlan.For(limit, container, DirectoriesOf(limit.Controller, leaves), CgroupFile.TryRead)) Write(step, done);
    }

    private void ApplyCpuset(string file, string value, IReadOnlyList<string> leaves, Stack<LimitStep> done)
    {
        if (value.Length == 0) return;
        var container = hierarchy.PathOf("cpuset", containerCgroup)
            ?? throw RuntimeFault.FailedPrecondition($"failed to set {file} of '{containerCgroup}': this machine has no cpuset controller");
        var directories = DirectoriesOf("cpuset", leaves);
        foreach (var step in LimitPlan.ForCpuset((file, value), container, directories, CgroupFile.TryRead)) Write(step, done);
    }

    private List<string> DirectoriesOf(string controller, IReadOnlyList<string> leaves)
    {
        List<string> directories = [];
        foreach (var leaf in leaves)
        {
            if (hierarchy.PathOf(controller, leaf) is { } directory) directories.Add(directory);
        }

        return directories;
    }

    /// <summary>
    /// v2 takes a limit below what is in use and lets the OOM killer make it true; v1 refuses it (EBUSY). Page cache can be given back
    /// and does not count.
    /// </summary>
    private static void RefuseBelowUse(string directory, Limit limit)
    {
        foreach (var (_, value) in limit.Writes(_ => null))
        {
            if (!ulong.TryParse(value, out var bytes)) continue;
            var used = CgroupFile.TryReadNumber($"{directory}/memory.current") ?? 0;
            var cache = CgroupFile.TryReadKey($"{directory}/memory.stat", "file") ?? 0;
            var kept = used - Math.Min(used, cache);
            if (kept > bytes)
                throw RuntimeFault.FailedPrecondition($"failed to lower memory.max to {value}: {kept} bytes are in use that can't be given back");
        }
    }

    private static void Write(LimitStep step, Stack<LimitStep> done)
    {
        var present = CgroupFile.TryRead(step.Path);
        CgroupFile.Write(step.Path, step.Value);
        if (present is not null) done.Push(step with { Value = present });
    }
}
