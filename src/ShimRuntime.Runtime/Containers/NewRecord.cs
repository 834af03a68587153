using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.Runtime.Swap;
using ShimRuntime.Runtime.Swap.Triggers;

namespace ShimRuntime.Runtime.Containers;

/// <summary>The record of a container that has nothing yet: what follows from its id, its pod and its request.</summary>
internal static class NewRecord
{
    public static ContainerRecord Of(string id, Sandbox sandbox, ContainerConfig config, string imageId, SwapOptIn? swaps = null)
    {
        var (optIn, trigger) = SwapTriggers.AtCreate(swaps, config);
        var cgroup = CgroupNames.Container(sandbox.CgroupPath, id);
        return new ContainerRecord
        {
            Id = id,
            SandboxId = sandbox.Id,
            BootId = BootId.Current,
            Name = ContainerId.Name(config.Metadata, sandbox.Config.Metadata),
            Phase = ContainerPhase.Creating,
            CreatedAtNanos = UnixTime.NowNanos(),
            ImageId = imageId,
            SnapshotKey = id,
            ContainerCgroup = cgroup,
            LeafCgroup = CgroupNames.Leaf(cgroup, 1, id),
            SwapOptIn = optIn,
            Trigger = trigger,
            LogPath = LogPaths.Combine(sandbox.Config.LogDirectory, config.LogPath),
        };
    }
}
