namespace ShimRuntime.Runtime.Swap;

/// <summary>What one generation of a container is made from.</summary>
public sealed record GenerationSource
{
    public required uint Number { get; init; }

    /// <summary>Image.id.</summary>
    public required string ImageId { get; init; }

    /// <summary>Key of the writable layer.</summary>
    public required string SnapshotKey { get; init; }

    /// <summary>The generation whose swap mounted the rootfs, which later ones share; 1: the container's create.</summary>
    public required uint RootfsGeneration { get; init; }

    /// <summary>Null: as the container's request has it.</summary>
    public PatchRecord? Patch { get; init; }
}
