using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace ShimRuntime.Runtime.Networking;

/// <summary>
/// cni.json: one pod's attachment to its network, complete enough to be undone without the conf directory. Written before ADD, so
/// that nothing is ever attached that is not on record; with the result it is cni-result.json.
/// </summary>
public sealed record CniAttachment
{
    public const int CurrentSchema = 1;

    public int Schema { get; init; } = CurrentSchema;

    public required string ContainerId { get; init; }

    /// <summary>Pin of the network namespace.</summary>
    public required string NetnsPath { get; init; }

    public required string InterfaceName { get; init; }

    /// <summary>Where the configuration came from; it may be gone by now.</summary>
    public required string ConfigFile { get; init; }

    /// <summary>The configuration list in force at ADD.</summary>
    public required JsonObject Config { get; init; }

    /// <summary>CNI_ARGS.</summary>
    public required string Arguments { get; init; }

    /// <summary>runtimeConfig by capability: portMappings, bandwidth, dns, …</summary>
    public required JsonObject Capabilities { get; init; }

    /// <summary>What the last plugin of ADD returned; null: not attached yet, or only half.</summary>
    public JsonObject? Result { get; init; }

    /// <summary>The pod's addresses; the first is the primary.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Ips => Result is null ? [] : CniResult.AddressesOf(Result, InterfaceName);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(CniAttachment))]
internal sealed partial class CniAttachmentJson : JsonSerializerContext;
