using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>
/// One pod sandbox as everybody else sees it: an immutable snapshot, swapped whole in the store. What only the sandbox code needs
/// (CNI results, undo state) stays in its own record.
/// </summary>
public sealed record Sandbox
{
    /// <summary>64 hex digits.</summary>
    public required string Id { get; init; }

    /// <summary>kubelet's request; never changed.</summary>
    public required PodSandboxConfig Config { get; init; }

    public string RuntimeHandler { get; init; } = "";

    public required SandboxPhase Phase { get; init; }

    public long CreatedAtNanos { get; init; }

    /// <summary>Pod cgroup below every controller's mount, such as /kubepods/pod1 or /shimruntime/&lt;id&gt;.</summary>
    public required string CgroupPath { get; init; }

    /// <summary>True when the pod cgroup was made by us (it was not there before) and is ours to remove.</summary>
    public bool OwnsCgroup { get; init; }

    /// <summary>The pod's own use beside its containers', as last told; null: never told. Never changed in place.</summary>
    public LinuxContainerResources? Overhead { get; init; }

    /// <summary>Sums over the containers, as last told; null: never told. Never changed in place.</summary>
    public LinuxContainerResources? Resources { get; init; }

    /// <summary>Pins of the pod's namespaces; null: the host's.</summary>
    public string? NetworkNamespace { get; init; }

    public string? IpcNamespace { get; init; }

    public string? UtsNamespace { get; init; }

    /// <summary>Pin of the shared PID namespace; null unless the pod shares one.</summary>
    public string? PidNamespace { get; init; }

    public string? UserNamespace { get; init; }

    /// <summary>Null without <see cref="UserNamespace"/>.</summary>
    public UserMappings? Users => UserNamespace is null ? null : UserNamespaces.Mappings(Config.Linux.SecurityContext.NamespaceOptions.UsernsOptions);

    /// <summary>The pod init's pid; 0 when there is none.</summary>
    public int InitPid { get; init; }

    /// <summary>Tells the pod init from a later process with its pid; clock ticks since boot.</summary>
    public ulong InitStartTicks { get; init; }

    /// <summary>Files and directories to be mounted into containers; null where the host's serves (/dev/shm with host IPC).</summary>
    public required string ResolvConfPath { get; init; }

    public required string HostnamePath { get; init; }

    /// <summary>The pod's own /etc/hosts, a copy of the node's; a request that mounts one, as kubelet does, wins. Null: the image's is seen.</summary>
    public string? HostsPath { get; init; }

    public string? ShmPath { get; init; }

    /// <summary>First is the primary.</summary>
    public IReadOnlyList<string> Ips { get; init; } = [];

    /// <summary>Empty: the pod has no address of its own.</summary>
    public string PrimaryIp => Ips.Count > 0 ? Ips[0] : "";

    public string Hostname { get; init; } = "";
}

/// <summary>Where a sandbox is in its life; CRI sees READY for Ready alone.</summary>
public enum SandboxPhase
{
    Creating,
    Ready,
    NotReady,
    Stopping,
    Stopped,
    Removing,
}
