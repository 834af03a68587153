using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>The host as a bundle sees it. It is looked at, never changed; a test gives its own.</summary>
public interface IHostView
{
    HostFacts Facts { get; }

    /// <summary>Where a bind source really is.</summary>
    HostPath Resolve(string path);

    /// <summary>The device node or directory at a path, links followed; null: missing, or anything else.</summary>
    HostNode? Node(string path);

    /// <summary>
    /// All device nodes below a directory, links not followed; what belongs to terminals, shared memory and queues left out.
    /// </summary>
    IReadOnlyList<HostNode> NodesBelow(string directory);

    /// <summary>The mount that holds a path without links.</summary>
    MountInfo? MountHolding(string path);

    /// <summary>Names of the loaded AppArmor profiles.</summary>
    IReadOnlySet<string> ApparmorProfiles();

    /// <summary>
    /// A regular file of at most <paramref name="maxBytes"/>; null: missing. Throws <see cref="IOException"/> for anything else.
    /// </summary>
    byte[]? ReadFile(string path, int maxBytes);
}

/// <summary>A path on the host.</summary>
/// <param name="Real">Without links; for a missing one, the links of what exists are followed.</param>
public sealed record HostPath(string Real, HostPathState State);

/// <summary>What is at a path.</summary>
public enum HostPathState
{
    Exists,

    /// <summary>Can be made as a directory.</summary>
    Missing,

    /// <summary>A link that leads nowhere, or a component that is no directory.</summary>
    Broken,
}

/// <summary>A device node, or a directory that may hold some.</summary>
/// <param name="Mode">Permission bits.</param>
public sealed record HostNode(string Path, FileKind Kind, long Major, long Minor, uint Mode, uint Uid, uint Gid);
