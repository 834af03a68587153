namespace ShimRuntime.Oci;

/// <summary>System call filter (config-linux.md, "Seccomp"); actions and architectures by libseccomp's names.</summary>
public sealed record SeccompProfile
{
    public string DefaultAction { get; init; } = "";

    public uint? DefaultErrnoRet { get; init; }

    public IReadOnlyList<string>? Architectures { get; init; }

    public IReadOnlyList<string>? Flags { get; init; }

    /// <summary>Unix socket to which the filter's descriptor is sent when a rule has SCMP_ACT_NOTIFY.</summary>
    public string? ListenerPath { get; init; }

    public IReadOnlyList<SeccompRule>? Syscalls { get; init; }
}

/// <summary>One action for some system calls; all of <see cref="Args"/> must hold.</summary>
public sealed record SeccompRule
{
    public IReadOnlyList<string> Names { get; init; } = [];

    public string Action { get; init; } = "";

    public uint? ErrnoRet { get; init; }

    public IReadOnlyList<SeccompArg>? Args { get; init; }
}

/// <summary>Compares argument <see cref="Index"/> (0–5) with <see cref="Value"/>.</summary>
public sealed record SeccompArg
{
    public uint Index { get; init; }

    /// <summary>With SCMP_CMP_MASKED_EQ the mask.</summary>
    public ulong Value { get; init; }

    /// <summary>With SCMP_CMP_MASKED_EQ what must remain.</summary>
    public ulong? ValueTwo { get; init; }

    public string Op { get; init; } = "";
}
