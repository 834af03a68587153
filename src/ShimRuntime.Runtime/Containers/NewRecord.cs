using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Containers;

/// <summary>The record of a container that has nothing yet: what follows from its id, its pod and its request.</summary>
internal static class NewRecord
{
    public static ContainerRecord Of(string id, Sandbox sandbox, ContainerConfig config, string imageId)
    {
        var cgroup = $"{sandbox.CgroupPath.TrimEnd('/')}/{id}";
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
            LeafCgroup = Leaf(cgroup, id, 1),
            LogPath = LogPaths.Combine(sandbox.Config.LogDirectory, config.LogPath),
        };
    }

    /// <summary>The cgroup of one generation.</summary>
    public static string Leaf(string containerCgroup, string id, uint generation) => $"{containerCgroup}/g{generation}-{id}";
}
