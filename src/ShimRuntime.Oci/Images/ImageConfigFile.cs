using System.Text.Json.Serialization;

namespace ShimRuntime.Oci;

/// <summary>The image configuration document (image-spec config.md). Its digest is the image's id.</summary>
public sealed record ImageConfigFile
{
    public string? Created { get; init; }

    public string Architecture { get; init; } = "";

    public string Os { get; init; } = "";

    public string? Variant { get; init; }

    public ImageConfig? Config { get; init; }

    public RootFs? Rootfs { get; init; }
}

/// <summary>Uncompressed layer digests, base first.</summary>
public sealed record RootFs
{
    public string Type { get; init; } = "";

    [JsonPropertyName("diff_ids")]
    public IReadOnlyList<Digest> DiffIds { get; init; } = [];
}

/// <summary>How a container of the image runs by default. Members are capitalised in JSON.</summary>
public sealed record ImageConfig
{
    [JsonPropertyName("User")]
    public string? User { get; init; }

    [JsonPropertyName("Env")]
    public IReadOnlyList<string>? Env { get; init; }

    [JsonPropertyName("Entrypoint")]
    public IReadOnlyList<string>? Entrypoint { get; init; }

    [JsonPropertyName("Cmd")]
    public IReadOnlyList<string>? Cmd { get; init; }

    [JsonPropertyName("WorkingDir")]
    public string? WorkingDir { get; init; }

    [JsonPropertyName("StopSignal")]
    public string? StopSignal { get; init; }

    [JsonPropertyName("Volumes")]
    public IReadOnlyDictionary<string, EmptyObject>? Volumes { get; init; }

    [JsonPropertyName("Labels")]
    public IReadOnlyDictionary<string, string>? Labels { get; init; }
}

/// <summary>JSON's {}: Docker's way to write a set.</summary>
public sealed record EmptyObject;
