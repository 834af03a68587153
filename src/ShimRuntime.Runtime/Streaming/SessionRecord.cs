using System.Text.Json.Serialization;

namespace ShimRuntime.Runtime.Streaming;

/// <summary>session.json: which process serves a session, for a daemon that comes later. Written by the daemon, gone with the session.</summary>
internal sealed record SessionRecord
{
    /// <summary>16 hex digits; the directory's name.</summary>
    public required string Id { get; init; }

    /// <inheritdoc cref="StreamTicket"/>
    public required string Kind { get; init; }

    /// <inheritdoc cref="StreamTicket"/>
    public required string Owner { get; init; }

    public required int Pid { get; init; }

    /// <summary>Tells the process from a later one with its pid; clock ticks since boot.</summary>
    public required ulong StartTicks { get; init; }

    /// <summary>Leaf of an exec's container; its own cgroup is session-&lt;id&gt; in it.</summary>
    public string LeafCgroup { get; init; } = "";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(SessionRecord))]
internal sealed partial class SessionRecordJson : JsonSerializerContext;
