namespace ShimRuntime.Oci;

/// <summary>
/// A seccomp profile as a file of the node: the runtime-spec's object, or the older form that Docker made common, whose rules say for which
/// architectures, capabilities and kernels they hold. Other members are ignored, as by every reader of these files.
/// </summary>
public sealed record SeccompProfileFile
{
    public string DefaultAction { get; init; } = "";

    public uint? DefaultErrnoRet { get; init; }

    public IReadOnlyList<string>? Architectures { get; init; }

    /// <summary>Instead of <see cref="Architectures"/>: each architecture with those that its kernel runs, too.</summary>
    public IReadOnlyList<SeccompArchitectures>? ArchMap { get; init; }

    public IReadOnlyList<string>? Flags { get; init; }

    /// <summary>Read only to be refused: it names a socket on the host.</summary>
    public string? ListenerPath { get; init; }

    public IReadOnlyList<SeccompFileRule>? Syscalls { get; init; }
}

/// <summary>One line of archMap.</summary>
public sealed record SeccompArchitectures
{
    public string Architecture { get; init; } = "";

    public IReadOnlyList<string>? SubArchitectures { get; init; }
}

/// <summary>One rule; <see cref="Includes"/> must all hold, and none of <see cref="Excludes"/>.</summary>
public sealed record SeccompFileRule
{
    /// <summary>A single name, instead of <see cref="Names"/>.</summary>
    public string? Name { get; init; }

    public IReadOnlyList<string>? Names { get; init; }

    public string Action { get; init; } = "";

    public uint? ErrnoRet { get; init; }

    public IReadOnlyList<SeccompArg>? Args { get; init; }

    public SeccompCondition? Includes { get; init; }

    public SeccompCondition? Excludes { get; init; }
}

/// <summary>Where a rule holds.</summary>
public sealed record SeccompCondition
{
    /// <summary>CAP_NAME.</summary>
    public IReadOnlyList<string>? Caps { get; init; }

    /// <summary>As images name them: amd64, arm64.</summary>
    public IReadOnlyList<string>? Arches { get; init; }

    /// <summary>"4.8".</summary>
    public string? MinKernel { get; init; }
}
