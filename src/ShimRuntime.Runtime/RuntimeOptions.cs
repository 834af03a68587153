using ShimRuntime.Runtime.Node;
using ShimRuntime.Runtime.Swap;

namespace ShimRuntime.Runtime;

/// <summary>Everything that a node operator can set for the runtime proper. All paths absolute.</summary>
public sealed record RuntimeOptions
{
    /// <summary>Durable state: sandboxes/, containers/ (and the images' directories).</summary>
    public required string Root { get; init; }

    /// <summary>State that a reboot deletes: sandboxes/, c/, runc/.</summary>
    public required string State { get; init; }

    /// <summary>Where network namespaces are pinned as shimruntime-&lt;16 hex&gt;.</summary>
    public string NetnsDirectory { get; init; } = "/run/netns";

    public string CniConfDirectory { get; init; } = "/etc/cni/net.d";

    public IReadOnlyList<string> CniBinDirectories { get; init; } = ["/opt/cni/bin", "/usr/lib/cni"];

    public string RuncPath { get; init; } = "/usr/sbin/runc";

    /// <summary>Beside the default handler, runc at <see cref="RuncPath"/>; one of that name replaces it.</summary>
    public IReadOnlyList<RuntimeHandlerOptions> Handlers { get; init; } = [];

    /// <summary>shimruntime-shim; beside the daemon's own binary by default.</summary>
    public required string ShimPath { get; init; }

    /// <summary>cgroupfs or systemd.</summary>
    public string CgroupDriver { get; init; } = "cgroupfs";

    /// <summary>Parent of the pod cgroups of sandboxes that name no cgroup_parent; under systemd a slice such as shimruntime.slice.</summary>
    public string CgroupRoot { get; init; } = "/shimruntime";

    /// <summary>Namespaced sysctls that a pod may set; a trailing * is a prefix.</summary>
    public IReadOnlyList<string> AllowedSysctls { get; init; } =
        ["kernel.shm*", "kernel.msg*", "kernel.sem", "fs.mqueue.*", "net.*"];

    /// <summary>CDI specs, later directories of higher priority; empty: CDI is off.</summary>
    public IReadOnlyList<string> CdiSpecDirectories { get; init; } = ["/etc/cdi", "/var/run/cdi"];

    /// <summary>Default seccomp action for containers that ask for RuntimeDefault: our profile. False: unconfined everywhere (tests of old kernels).</summary>
    public bool SeccompDefault { get; init; } = true;

    /// <summary>
    /// What AppArmor's RuntimeDefault is on a node that has it: our own profile, which the daemon loads; another one, which the operator
    /// loads; or empty: unconfined.
    /// </summary>
    public string ApparmorProfile { get; init; } = Node.ApparmorProfile.Name;

    /// <summary>
    /// Restore checkpoints that no known key has signed. CRIU does with the host's rights what an archive says, so whoever can hand one in is
    /// root.
    /// </summary>
    public bool RestoreUnsealed { get; init; }

    /// <summary>For handlers that have none of their own.</summary>
    public HotSwapPolicy HotSwap { get; init; } = new();

    /// <summary>By handler.</summary>
    public IReadOnlyDictionary<string, HotSwapPolicy> HotSwapOfHandlers { get; init; } = new Dictionary<string, HotSwapPolicy>();

    public TimeSpan CniTimeout { get; init; } = TimeSpan.FromSeconds(60);

    public TimeSpan RuncTimeout { get; init; } = TimeSpan.FromSeconds(60);

    public TimeSpan ShimCallTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
