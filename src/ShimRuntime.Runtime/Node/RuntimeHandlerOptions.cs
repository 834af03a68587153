namespace ShimRuntime.Runtime.Node;

/// <summary>One way to run pods, as the operator sets it: [runtimes.NAME] of config.toml.</summary>
public sealed record RuntimeHandlerOptions
{
    /// <summary>What a RuntimeClass's handler says.</summary>
    public required string Name { get; init; }

    /// <summary>Absolute path of a binary with runc's command line.</summary>
    public required string Path { get; init; }

    /// <summary>Global flags that are put before every verb, such as --debug.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Annotation keys that the runtime gets to see; a trailing * is a prefix.</summary>
    public IReadOnlyList<string> AllowedAnnotations { get; init; } = [];
}
