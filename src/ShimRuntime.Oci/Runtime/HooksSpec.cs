namespace ShimRuntime.Oci;

/// <summary>Programs that the runtime runs at points of the container's life (config.md, "POSIX-platform Hooks").</summary>
public sealed record HooksSpec
{
    public IReadOnlyList<HookSpec>? Prestart { get; init; }

    public IReadOnlyList<HookSpec>? CreateRuntime { get; init; }

    public IReadOnlyList<HookSpec>? CreateContainer { get; init; }

    public IReadOnlyList<HookSpec>? StartContainer { get; init; }

    public IReadOnlyList<HookSpec>? Poststart { get; init; }

    public IReadOnlyList<HookSpec>? Poststop { get; init; }

    /// <summary>The same with one more at the end of a stage, which is named as in JSON.</summary>
    public HooksSpec With(string stage, HookSpec hook) => stage switch
    {
        "prestart" => this with { Prestart = [.. Prestart ?? [], hook] },
        "createRuntime" => this with { CreateRuntime = [.. CreateRuntime ?? [], hook] },
        "createContainer" => this with { CreateContainer = [.. CreateContainer ?? [], hook] },
        "startContainer" => this with { StartContainer = [.. StartContainer ?? [], hook] },
        "poststart" => this with { Poststart = [.. Poststart ?? [], hook] },
        "poststop" => this with { Poststop = [.. Poststop ?? [], hook] },
        _ => throw new ArgumentException($"'{stage}' is no stage of hooks", nameof(stage)),
    };
}

/// <summary>One program; it gets the container's state on stdin.</summary>
public sealed record HookSpec
{
    /// <summary>Absolute.</summary>
    public required string Path { get; init; }

    /// <summary>With argv[0].</summary>
    public IReadOnlyList<string>? Args { get; init; }

    public IReadOnlyList<string>? Env { get; init; }

    /// <summary>Seconds.</summary>
    public int? Timeout { get; init; }
}
