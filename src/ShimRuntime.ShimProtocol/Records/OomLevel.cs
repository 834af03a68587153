namespace ShimRuntime.ShimProtocol;

/// <summary>Whose memory limit the kernel's OOM killer enforced.</summary>
public enum OomLevel
{
    /// <summary>Nobody was killed for want of memory.</summary>
    None = 0,

    /// <summary>Killed, but neither counters nor the kernel log tell by whose limit.</summary>
    Unknown,

    /// <summary>The container's own limit.</summary>
    Container,

    /// <summary>The pod's.</summary>
    Pod,

    /// <summary>A cgroup's above the pod, such as the node's allocatable.</summary>
    Ancestor,

    /// <summary>No limit: the machine had no memory left.</summary>
    Machine,
}
