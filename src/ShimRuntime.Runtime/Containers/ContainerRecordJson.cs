using System.Text.Json.Serialization;

namespace ShimRuntime.Runtime.Containers;

/// <summary>Reflection-free JSON of record.json and of what verbose status shows of it.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true,
    UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ContainerRecord))]
public sealed partial class ContainerRecordJson : JsonSerializerContext;
