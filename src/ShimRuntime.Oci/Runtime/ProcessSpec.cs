namespace ShimRuntime.Oci;

/// <summary>The container's first process; the same object is what `runc exec --process` takes (config.md, "Process").</summary>
public sealed record ProcessSpec
{
    public bool Terminal { get; init; }

    public required UserSpec User { get; init; }

    public required IReadOnlyList<string> Args { get; init; }

    /// <summary>KEY=value, each key once.</summary>
    public required IReadOnlyList<string> Env { get; init; }

    /// <summary>Absolute; made by runc when missing.</summary>
    public required string Cwd { get; init; }

    public CapabilitySets? Capabilities { get; init; }

    public bool NoNewPrivileges { get; init; }

    public string? ApparmorProfile { get; init; }

    public string? SelinuxLabel { get; init; }

    /// <summary>−1000…1000; always said, because a child would otherwise inherit the shim's.</summary>
    public int? OomScoreAdj { get; init; }
}

/// <summary>Ids inside the container's user namespace.</summary>
public sealed record UserSpec
{
    public uint Uid { get; init; }

    public uint Gid { get; init; }

    /// <summary>Supplementary groups, the primary one first, each once.</summary>
    public IReadOnlyList<uint>? AdditionalGids { get; init; }
}

/// <summary>capabilities(7), names as CAP_CHOWN. Other runtimes leave out a set that is empty.</summary>
public sealed record CapabilitySets
{
    public IReadOnlyList<string> Bounding { get; init; } = [];

    public IReadOnlyList<string> Effective { get; init; } = [];

    public IReadOnlyList<string> Permitted { get; init; } = [];

    /// <summary>Only what is ambient (CVE-2022-29162).</summary>
    public IReadOnlyList<string> Inheritable { get; init; } = [];

    public IReadOnlyList<string> Ambient { get; init; } = [];
}
