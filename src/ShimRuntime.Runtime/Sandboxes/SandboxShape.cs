using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>Which namespaces, files and mounts a sandbox has: a function of its request and id, the same at creation and at recovery.</summary>
internal static class SandboxShape
{
    /// <summary>Phase, times, cgroup and hostname are the caller's to set.</summary>
    public static Sandbox Of(string id, RunPodSandboxRequest request, SandboxPaths paths)
    {
        var modes = request.Config.Linux?.SecurityContext?.NamespaceOptions ?? new NamespaceOption();
        var ownNetwork = modes.Network == NamespaceMode.Pod;
        var ownIpc = modes.Ipc == NamespaceMode.Pod;
        return new Sandbox
        {
            Id = id,
            Config = request.Config,
            RuntimeHandler = request.RuntimeHandler,
            Phase = SandboxPhase.NotReady,
            CgroupPath = "/",
            Overhead = request.Config.Linux?.Overhead,
            Resources = request.Config.Linux?.Resources,
            NetworkNamespace = ownNetwork ? paths.NetworkPin(id) : null,
            IpcNamespace = ownIpc ? paths.IpcPin(id) : null,
            // A pod on the host's network has the host's name.
            UtsNamespace = ownNetwork ? paths.UtsPin(id) : null,
            PidNamespace = modes.Pid == NamespaceMode.Pod ? paths.PidPin(id) : null,
            UserNamespace = modes.UsernsOptions?.Mode == NamespaceMode.Pod && modes.UsernsOptions.Uids.Count > 0 ? paths.UserPin(id) : null,
            ResolvConfPath = paths.ResolvConf(id),
            HostnamePath = paths.Hostname(id),
            HostsPath = paths.Hosts(id),
            ShmPath = ownIpc ? paths.Shm(id) : null,
        };
    }

    public static SandboxRecord ToRecord(Sandbox sandbox) => new()
    {
        Id = sandbox.Id,
        Phase = sandbox.Phase,
        BootId = SandboxFiles.BootId,
        CreatedAtNanos = sandbox.CreatedAtNanos,
        CgroupPath = sandbox.CgroupPath,
        OwnsCgroup = sandbox.OwnsCgroup,
        Overhead = sandbox.Overhead is { } overhead ? ResourcesRecord.From(overhead) : null,
        Resources = sandbox.Resources is { } resources ? ResourcesRecord.From(resources) : null,
        Hostname = sandbox.Hostname,
        InitPid = sandbox.InitPid,
        InitStartTicks = sandbox.InitStartTicks,
    };
}
