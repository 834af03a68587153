using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// The container whose PID namespace another one joins (namespace mode TARGET). Judged in Create, which writes the pid into config.json,
/// and again in Start: once the target has ended, its pid may be any process's, and the namespace the host's.
/// </summary>
internal static class PidTarget
{
    /// <summary>pid of the target's init; 0: the container has none. Throws NotFound or FailedPrecondition.</summary>
    public static int Of(ContainerEntry entry, ContainerStore store, string verb)
    {
        var options = entry.Config.Linux?.SecurityContext?.NamespaceOptions;
        if (options is not { Pid: NamespaceMode.Target }) return 0;
        var target = store.Find(options.TargetId);
        if (target is null || target.Record.SandboxId != entry.Record.SandboxId)
        {
            throw RuntimeFault.NotFound($"failed to {verb} container '{entry.Id}': there is no container '{options.TargetId}' in this "
                + "pod to share a PID namespace with");
        }

        if (target.Record.Pid != 0 && ContainerLifecycle.IsRunning(target.Record.Phase)) return target.Record.Pid;
        throw RuntimeFault.FailedPrecondition(
            $"failed to {verb} container '{entry.Id}': container '{target.Id}', whose PID namespace it is to share, is "
            + $"{ContainerEntry.Describe(target.Record.Phase)}");
    }
}
