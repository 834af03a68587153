using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol.V1;
using Tmds.DBus.Protocol;

namespace ShimRuntime.Runtime.Cgroups;

/// <summary>
/// Pods and containers are transient slices, made by systemd at our word; a generation is a scope that runc asks for. What is a property of
/// a unit survives daemon-reload, so every limit that systemd knows is told to it, and stands in the files as well (decision 80).
/// </summary>
/// <param name="root">Slice whose children are the pods that name no parent, such as shimruntime.slice.</param>
internal sealed class SystemdDriver(CgroupHierarchy hierarchy, SystemdBus systemd, string root) : ICgroupDriver
{
    private const string OomGroup = "memory.oom.group";

    public string PodCgroup(string cgroupParent, string sandboxId)
    {
        var parent = cgroupParent.TrimEnd('/');
        if (parent.Length == 0) return SliceName.TryExpand($"{root[..^SliceName.Suffix.Length]}-{sandboxId}{SliceName.Suffix}")!;
        // kubelet gives the slice's name, others its whole path.
        var path = SliceName.TryExpand(SliceName.UnitOf(parent));
        if (path is null || (parent.Contains('/') && parent != path))
        {
            throw RuntimeFault.InvalidArgument($"failed to run pod sandbox: linux.cgroup_parent '{parent}' is no slice such as "
                + "kubepods-pod1.slice, and the cgroup driver here is systemd; set kubelet's cgroupDriver to systemd, or "
                + "cgroup_driver = \"cgroupfs\"");
        }

        var longest = CgroupNames.Container(path, new string('0', sandboxId.Length));
        if (SliceName.TryExpand(SliceName.UnitOf(longest)) is not null) return path;
        throw RuntimeFault.InvalidArgument($"failed to run pod sandbox: linux.cgroup_parent '{parent}' is too long: a container's slice below "
            + "it would have a name of more than 255 characters");
    }

    public Task MakePodAsync(string podCgroup, CancellationToken cancellation) =>
        new Cgroup(hierarchy, podCgroup).Exists ? Task.CompletedTask : StartSliceAsync(podCgroup, "pod", [], cancellation);

    public Task EnterPodInitAsync(string podCgroup, string sandboxId, int pid, CancellationToken cancellation) => systemd.StartAsync(
        SliceName.UnitOf(CgroupNames.PodInit(podCgroup, sandboxId)),
        [
            .. UnitProperties.OfNewUnit($"init of pod {sandboxId}"),
            new("Slice", VariantValue.String(SliceName.UnitOf(podCgroup))),
            new("Delegate", VariantValue.Bool(true)),
            new("PIDs", VariantValue.Array(new[] { (uint)pid })),
        ],
        cancellation);

    public Task MakeContainerAsync(string containerCgroup, Resources limits, CancellationToken cancellation) =>
        StartSliceAsync(containerCgroup, "container", UnitProperties.Of(limits), cancellation);

    public async Task KeepLimitsAsync(string containerCgroup, string leafCgroup, Resources limits, CancellationToken cancellation)
    {
        var properties = UnitProperties.Of(limits);
        if (properties.Count == 0) return;
        var slice = SliceName.UnitOf(containerCgroup);
        if (!await systemd.SetPropertiesAsync(slice, properties, cancellation).ConfigureAwait(false))
            throw RuntimeFault.FailedPrecondition($"systemd has no unit '{slice}' any more; was it stopped by hand?");
        // A container that is not running has no scope.
        if (!await systemd.SetPropertiesAsync(SliceName.UnitOf(leafCgroup), properties, cancellation).ConfigureAwait(false)) return;
        // With any memory property of a scope systemd writes this file too, by its OOMPolicy, which this version of it may not know for scopes.
        if (limits.Unified.TryGetValue(OomGroup, out var group) && new Cgroup(hierarchy, leafCgroup).DirectoryOf("memory") is { } leaf)
            CgroupFile.TryWrite(Path.Combine(leaf, OomGroup), group);
    }

    public async Task KeepPodLimitsAsync(string podCgroup, LinuxContainerResources limits, CancellationToken cancellation)
    {
        var properties = UnitProperties.Of(new Resources
        {
            CpuShares = limits.CpuShares,
            CpuQuotaMicroseconds = limits.CpuQuota,
            CpuPeriodMicroseconds = limits.CpuPeriod,
            MemoryLimitBytes = limits.MemoryLimitInBytes,
        });
        if (properties.Count == 0) return;
        await systemd.SetPropertiesAsync(SliceName.UnitOf(podCgroup), properties, cancellation).ConfigureAwait(false);
    }

    public async Task<bool> TryRemoveAsync(string cgroup, CancellationToken cancellation)
    {
        var group = new Cgroup(hierarchy, cgroup);
        // A stop of the unit would wait for processes, politely; who they are and how they end is the caller's.
        if (group.Processes().Count > 0) return false;
        if (SliceName.IsSlice(cgroup) || CgroupNames.IsScope(cgroup))
            await systemd.StopAsync(SliceName.UnitOf(cgroup), cancellation).ConfigureAwait(false);
        return group.TryRemove();
    }

    private Task StartSliceAsync(string cgroup, string what, IReadOnlyList<UnitProperty> limits, CancellationToken cancellation) =>
        systemd.StartAsync(SliceName.UnitOf(cgroup), [.. UnitProperties.OfNewUnit($"{what} of ShimRuntime"), .. limits], cancellation);
}
