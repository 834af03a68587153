namespace ShimRuntime.Oci;

/// <summary>
/// config.json of a bundle, as much of it as this runtime emits (OCI runtime-spec 1.1, config.md). Absent members are left out of the
/// JSON. The schema in runtime-spec/config.schema.json says the same for readers without C#.
/// </summary>
public sealed record RuntimeSpec
{
    /// <summary>Version of the runtime-spec that the document follows; runc compares the major number.</summary>
    public required string OciVersion { get; init; }

    public required ProcessSpec Process { get; init; }

    public required RootSpec Root { get; init; }

    /// <summary>Mounted in this order.</summary>
    public IReadOnlyList<MountSpec>? Mounts { get; init; }

    /// <summary>Only what a CDI spec of the node asks for.</summary>
    public HooksSpec? Hooks { get; init; }

    public IReadOnlyDictionary<string, string>? Annotations { get; init; }

    public required LinuxSpec Linux { get; init; }
}

/// <summary>The root file system.</summary>
public sealed record RootSpec
{
    /// <summary>Absolute path on the host.</summary>
    public required string Path { get; init; }

    public bool Readonly { get; init; }
}

/// <summary>One mount; a bind mount has type "bind" and "bind" or "rbind" among its options.</summary>
public sealed record MountSpec
{
    /// <summary>Absolute path in the container.</summary>
    public required string Destination { get; init; }

    public required string Type { get; init; }

    public required string Source { get; init; }

    public IReadOnlyList<string>? Options { get; init; }
}
