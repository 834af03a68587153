using System.Text.Json.Serialization;

namespace ShimRuntime.Oci;

/// <summary>What an index entry or an image config runs on (image-spec image-index.md).</summary>
public sealed record Platform
{
    public string Architecture { get; init; } = "";

    public string Os { get; init; } = "";

    public string? Variant { get; init; }

    [JsonPropertyName("os.version")]
    public string? OsVersion { get; init; }
}
