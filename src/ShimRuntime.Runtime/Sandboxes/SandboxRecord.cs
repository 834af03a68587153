using System.Text.Json.Serialization;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>record.json: what of a sandbox neither its request nor its id tells. Written by the daemon only.</summary>
internal sealed record SandboxRecord
{
    public const int CurrentSchema = 1;

    public int Schema { get; init; } = CurrentSchema;

    public required string Id { get; init; }

    public required SandboxPhase Phase { get; init; }

    /// <summary>/proc/sys/kernel/random/boot_id at creation: under another one, nothing but the record is left of it.</summary>
    public required string BootId { get; init; }

    public required long CreatedAtNanos { get; init; }

    public required string CgroupPath { get; init; }

    public required bool OwnsCgroup { get; init; }

    public required string Hostname { get; init; }

    /// <summary>As UpdatePodSandboxResources last told, or the request; null: neither did.</summary>
    public ResourcesRecord? Overhead { get; init; }

    /// <inheritdoc cref="Overhead"/>
    public ResourcesRecord? Resources { get; init; }

    /// <summary>0: no pod init, or not started yet.</summary>
    public int InitPid { get; init; }

    /// <summary>Tells the init from a later process with its pid; clock ticks since boot.</summary>
    public ulong InitStartTicks { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip)]
[JsonSerializable(typeof(SandboxRecord))]
internal sealed partial class SandboxRecordJson : JsonSerializerContext;
