using ShimRuntime.Cri.V1;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Cgroups;

/// <summary>
/// Who makes and removes the cgroups of pods and containers: this process by mkdir, or systemd by D-Bus. Cgroups are named by their path
/// below every controller's mount, as <see cref="CgroupNames"/> gives it; limits are files under either driver.
/// </summary>
public interface ICgroupDriver
{
    /// <summary>The pod cgroup for kubelet's cgroup_parent, or one of our own when that is empty. Decides, changes nothing.</summary>
    /// <exception cref="Linux.RuntimeFault">InvalidArgument: the parent is of the other driver's kind, or none at all.</exception>
    string PodCgroup(string cgroupParent, string sandboxId);

    /// <summary>Makes it if it is not there.</summary>
    Task MakePodAsync(string podCgroup, CancellationToken cancellation);

    /// <summary>Moves the pod's init to the cgroup <see cref="CgroupNames.PodInit"/>, which is made.</summary>
    Task EnterPodInitAsync(string podCgroup, string sandboxId, int pid, CancellationToken cancellation);

    /// <summary>Before the container's shim starts, which makes what this driver leaves to it.</summary>
    Task MakeContainerAsync(string containerCgroup, Resources limits, CancellationToken cancellation);

    /// <summary>
    /// The limits stand in the files of both cgroups; makes sure that they stay. Throws when they would not; the caller then puts the old
    /// ones back.
    /// </summary>
    Task KeepLimitsAsync(string containerCgroup, string leafCgroup, Resources limits, CancellationToken cancellation);

    /// <summary>The same for a pod cgroup that is ours.</summary>
    Task KeepPodLimitsAsync(string podCgroup, LinuxContainerResources limits, CancellationToken cancellation);

    /// <summary>Removes a cgroup and all below it; false when a process keeps it. One that is gone is no error.</summary>
    Task<bool> TryRemoveAsync(string cgroup, CancellationToken cancellation);
}
