using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Containers;

/// <summary>What a container's shim is told at its start.</summary>
internal static class ShimLaunches
{
    public static ShimLaunch Of(ContainerEntry entry, Sandbox sandbox, RuntimeOptions options, ContainerPaths paths)
    {
        var (record, config) = (entry.Record, entry.Config);
        var logs = record.LogPath.Length > 0;
        return new ShimLaunch
        {
            ProtocolVersion = ShimMethods.ProtocolVersion,
            ContainerId = record.Id,
            SandboxId = record.SandboxId,
            RunDirectory = paths.Run(record.Id),
            DurableDirectory = paths.Durable(record.Id),
            RuncPath = options.RuncPath,
            RuncRoot = paths.RuncRoot,
            RuncArguments = { CgroupNames.IsScope(record.LeafCgroup) ? ["--systemd-cgroup"] : Array.Empty<string>() },
            LogDirectory = logs ? sandbox.Config.LogDirectory : "",
            LogPath = logs ? config.LogPath : "",
            Tty = config.Tty,
            Stdin = config.Stdin,
            StdinOnce = config.StdinOnce,
            Generation = record.Generation,
            ContainerCgroup = record.ContainerCgroup,
            LeafCgroup = record.LeafCgroup,
        };
    }
}
