using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Cgroups;

/// <summary>Cgroups are directories that nobody else looks after: made and removed here, a container's by its shim.</summary>
/// <param name="root">Parent of the pods that name none.</param>
internal sealed class CgroupfsDriver(CgroupHierarchy hierarchy, string root) : ICgroupDriver
{
    public string PodCgroup(string cgroupParent, string sandboxId)
    {
        var parent = cgroupParent.TrimEnd('/');
        if (parent.Length == 0) return $"{root.TrimEnd('/')}/{sandboxId}";
        if (!SliceName.IsSlice(parent)) return parent;
        throw RuntimeFault.InvalidArgument($"failed to run pod sandbox: linux.cgroup_parent '{parent}' is a slice of systemd's, and the "
            + "cgroup driver here is cgroupfs; set cgroup_driver = \"systemd\", or kubelet's cgroupDriver to cgroupfs");
    }

    public Task MakePodAsync(string podCgroup, CancellationToken cancellation)
    {
        new Cgroup(hierarchy, podCgroup).Create();
        return Task.CompletedTask;
    }

    public Task EnterPodInitAsync(string podCgroup, string sandboxId, int pid, CancellationToken cancellation)
    {
        var leaf = new Cgroup(hierarchy, CgroupNames.PodInit(podCgroup, sandboxId));
        leaf.Create();
        leaf.Enter(pid);
        return Task.CompletedTask;
    }

    public Task MakeContainerAsync(string containerCgroup, Resources limits, CancellationToken cancellation) => Task.CompletedTask;

    public Task KeepLimitsAsync(string containerCgroup, string leafCgroup, Resources limits, CancellationToken cancellation) =>
        Task.CompletedTask;

    public Task KeepPodLimitsAsync(string podCgroup, LinuxContainerResources limits, CancellationToken cancellation) => Task.CompletedTask;

    public Task<bool> TryRemoveAsync(string cgroup, CancellationToken cancellation) =>
        Task.FromResult(new Cgroup(hierarchy, cgroup).TryRemove());
}
