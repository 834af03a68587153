using Microsoft.Extensions.Logging;
using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Networking;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.Runtime.Streaming;

namespace ShimRuntime.Runtime.Doctor;

/// <summary>The checks, put together.</summary>
internal static class DoctorRoom
{
    /// <param name="isRecovered">False: this process has not taken over what there is, and every record is somebody else's to judge.</param>
    public static IDoctorService Open(
        ContainerParts parts, ContainerService containers, SandboxService sandboxes, (PodNetwork Network, PodCgroups Cgroups, SessionStore Sessions) node, Func<bool> isRecovered)
    {
        ICheck[] checks =
        [
            new UnfinishedCheck(parts, sandboxes, containers.Remove),
            new ContainerCheck(parts, node.Cgroups.Hierarchy),
            new SandboxCheck(sandboxes, node.Cgroups),
            new MountCheck(parts.Options),
            new LeaseCheck(sandboxes, node.Network),
            new SessionCheck(node.Sessions),
            new AsideCheck(parts.Options.Root),
        ];
        var claims = new ClaimReader(parts, sandboxes.Files);
        return new DoctorService(
            checks, claims, () => isRecovered() ? Owners.Serving(parts, sandboxes) : Owners.Recorded(parts, sandboxes), () => containers.Cleared,
            (parts.Logs.CreateLogger<DoctorService>(), parts.Stopping));
    }
}
