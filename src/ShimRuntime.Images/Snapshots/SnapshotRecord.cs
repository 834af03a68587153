using System.Collections.Immutable;
using System.Text.Json.Serialization;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>snapshot.json: what a directory below snapshots/ is. Exactly one of the two halves is set.</summary>
internal sealed record SnapshotRecord
{
    public const int CurrentSchema = 1;

    public required int Schema { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public LayerRecord? Layer { get; init; }

    public WritableRecord? Writable { get; init; }
}

/// <summary>A committed layer, read-only and shared by all images over the same chain.</summary>
/// <param name="HidesAllBelow">An opaque mark at its root: layers under it are not mounted.</param>
internal sealed record LayerRecord(Digest ChainId, Digest DiffId, long Bytes, long Inodes, bool HidesAllBelow);

/// <summary>A container's writable layer; being there, it is the lease on the layers that it names.</summary>
/// <param name="Chain">Chain ids, base first.</param>
internal sealed record WritableRecord(string Key, string ImageId, ImmutableArray<Digest> Chain)
{
    /// <summary>Chains of the images that the container mounts; null: none.</summary>
    public ImmutableArray<ImmutableArray<Digest>>? Mounted { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SnapshotRecord))]
internal sealed partial class SnapshotJson : JsonSerializerContext;
