using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ShimRuntime.Oci;

/// <summary>Reflection-free JSON for runtime-spec documents.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RuntimeSpec))]
[JsonSerializable(typeof(ProcessSpec))]
[JsonSerializable(typeof(SeccompProfileFile))]
public sealed partial class RuntimeJson : JsonSerializerContext
{
    // The reader is runc, never a browser: '+' and '<' stay as they are.
    private static readonly RuntimeJson Plain = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <summary>config.json.</summary>
    public static byte[] Serialize(RuntimeSpec spec) => JsonSerializer.SerializeToUtf8Bytes(spec, Plain.RuntimeSpec);

    /// <summary>The process object for `runc exec --process`.</summary>
    public static byte[] Serialize(ProcessSpec process) => JsonSerializer.SerializeToUtf8Bytes(process, Plain.ProcessSpec);

    /// <summary>Reads a config.json that this runtime wrote. Throws <see cref="JsonException"/>.</summary>
    public static RuntimeSpec ReadSpec(ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize(json, Default.RuntimeSpec) ?? throw new JsonException("config.json is null");
}
