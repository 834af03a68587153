namespace ShimRuntime.Runtime.Doctor;

/// <summary>
/// Something on this machine that a record of ours names and that nobody owns any more. The four sentences are for an operator who has never
/// seen the code.
/// </summary>
public sealed record Finding
{
    /// <summary>shim, mount, namespace, cgroup, snapshot, run-directory, runc-state, pod-directory, cni-lease, session, pending, record, aside, lock.</summary>
    public required string Kind { get; init; }

    /// <summary>Where it is: a path, "pid 42", a cgroup, a snapshot's key. With the kind it is unique.</summary>
    public required string Subject { get; init; }

    /// <summary>Sandbox or container, 64 hex digits, or 16 where no more is known; empty: of neither.</summary>
    public string Id { get; init; } = "";

    /// <summary>Which record names it.</summary>
    public required string NamedBy { get; init; }

    /// <summary>Why nobody owns it any more.</summary>
    public required string Why { get; init; }

    /// <summary>What a fix does, or what the operator has to.</summary>
    public required string Remedy { get; init; }

    public FindingOutcome Outcome { get; init; }

    /// <summary>Why it is left; empty: it is not, or nothing was tried.</summary>
    public string Error { get; init; } = "";
}

/// <summary>What became of a finding.</summary>
public enum FindingOutcome
{
    /// <summary>Nothing was asked but to look.</summary>
    Found,
    Fixed,
    Left,
}
