using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Node;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Containers;

/// <summary>What a container's shim is told at its start.</summary>
internal static class ShimLaunches
{
    public static ShimLaunch Of(ContainerEntry entry, Sandbox sandbox, RuntimeHandlerOptions handler, ContainerPaths paths)
    {
        var (record, config) = (entry.Record, entry.Config);
        var logs = record.LogPath.Length > 0;
        return new ShimLaunch
        {
            ProtocolVersion = ShimMethods.LaunchVersion,
            ContainerId = record.Id,
            SandboxId = record.SandboxId,
            RunDirectory = paths.Run(record.Id),
            DurableDirectory = paths.Durable(record.Id),
            RuncPath = handler.Path,
            RuncRoot = paths.RuncRoot,
            RuncArguments = { CgroupNames.IsScope(record.LeafCgroup) ? [.. handler.Arguments, "--systemd-cgroup"] : handler.Arguments },
            LogDirectory = logs ? sandbox.Config.LogDirectory : "",
            LogPath = logs ? config.LogPath : "",
            Tty = config.Tty,
            Stdin = config.Stdin,
            StdinOnce = config.StdinOnce,
            Generation = record.Generation,
            ContainerCgroup = record.ContainerCgroup,
            LeafCgroup = record.LeafCgroup,
            StdioUid = sandbox.Users?.Uids.Outside ?? 0,
            StdioGid = sandbox.Users?.Gids.Outside ?? 0,
        };
    }
}
