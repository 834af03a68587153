namespace ShimRuntime.Oci;

/// <summary>The Linux part of config.json (config-linux.md).</summary>
public sealed record LinuxSpec
{
    public required IReadOnlyList<NamespaceSpec> Namespaces { get; init; }

    /// <summary>Of the user namespace; absent without one.</summary>
    public IReadOnlyList<IdMappingSpec>? UidMappings { get; init; }

    public IReadOnlyList<IdMappingSpec>? GidMappings { get; init; }

    /// <summary>Device nodes made in /dev beside runc's own (null, zero, full, random, urandom, tty).</summary>
    public IReadOnlyList<DeviceSpec>? Devices { get; init; }

    /// <summary>Relative to every controller's mount point; cgroupfs form.</summary>
    public required string CgroupsPath { get; init; }

    public LinuxResources? Resources { get; init; }

    public SeccompProfile? Seccomp { get; init; }

    /// <summary>Propagation of the root mount: rslave, rshared; absent: rprivate.</summary>
    public string? RootfsPropagation { get; init; }

    public IReadOnlyList<string>? MaskedPaths { get; init; }

    public IReadOnlyList<string>? ReadonlyPaths { get; init; }

    public string? MountLabel { get; init; }

    public IntelRdtSpec? IntelRdt { get; init; }
}

/// <summary>A namespace to make, or to join when <see cref="Path"/> is given.</summary>
public sealed record NamespaceSpec
{
    /// <summary>pid, network, mount, ipc, uts, user or cgroup.</summary>
    public required string Type { get; init; }

    public string? Path { get; init; }
}

/// <summary>A device node to be made in the container.</summary>
public sealed record DeviceSpec
{
    public required string Path { get; init; }

    /// <summary>c, b or p.</summary>
    public required string Type { get; init; }

    public long Major { get; init; }

    public long Minor { get; init; }

    /// <summary>Permission bits.</summary>
    public uint? FileMode { get; init; }

    public uint? Uid { get; init; }

    public uint? Gid { get; init; }
}

/// <summary>A range of ids (config-linux.md, "User namespace mappings").</summary>
public sealed record IdMappingSpec
{
    public required uint ContainerID { get; init; }

    public required uint HostID { get; init; }

    public required uint Size { get; init; }
}
