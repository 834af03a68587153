using System.Collections.Immutable;
using System.Text.Json.Serialization;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>leases/&lt;id&gt;.json: content and layers that a pull or import needs and that no image names yet.</summary>
internal sealed record LeaseRecord
{
    public const int CurrentVersion = 1;

    public int Version { get; init; } = CurrentVersion;

    public required string Id { get; init; }

    /// <summary>What is being pulled: a later pull of it takes over what this one left.</summary>
    public required string Reference { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public ImmutableArray<Digest> ChainIds { get; init; } = [];

    public ImmutableArray<Digest> Blobs { get; init; } = [];
}

/// <summary>A live lease. Released when its image is recorded; disposed unreleased, it stays for a retry until it expires.</summary>
internal sealed class Lease(LeaseStore store, LeaseRecord record) : IDisposable
{
    public LeaseRecord Record { get; private set; } = record;

    /// <summary>Holds these from here on, durably. Only then may the caller rely on their existence.</summary>
    public async Task HoldAsync(IEnumerable<Digest> chainIds, IEnumerable<Digest> blobs, CancellationToken cancellation)
    {
        Record = Record with { ChainIds = [.. chainIds], Blobs = [.. blobs] };
        await store.WriteAsync(Record, cancellation).ConfigureAwait(false);
    }

    /// <summary>An image names everything now, or nothing is to be kept: this lease and what earlier attempts left are over.</summary>
    public void Release() => store.Release(Record);

    public void Dispose() => store.Abandon(Record);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(LeaseRecord))]
internal sealed partial class LeaseJson : JsonSerializerContext;
