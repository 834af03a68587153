using System.Text.Json;

namespace ShimRuntime.Runtime.Node;

/// <summary>What `runc features` says, as far as it is asked for (runtime-spec, features.md). What is absent is not there.</summary>
/// <param name="MountOptions">Such as "rro".</param>
/// <param name="UserNamespaces">linux.namespaces has "user".</param>
/// <param name="IdmapMounts">linux.mountExtensions.idmap.enabled: uidMappings of mounts are honoured, not passed over.</param>
public sealed record OciFeatures(IReadOnlySet<string> MountOptions, bool UserNamespaces, bool IdmapMounts)
{
    /// <summary>A runtime without the verb: nothing can be claimed for it.</summary>
    public static OciFeatures None { get; } = new(new HashSet<string>(), false, false);

    /// <summary>Throws <see cref="JsonException"/> for what is no JSON object.</summary>
    public static OciFeatures Parse(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        if (document.RootElement.ValueKind != JsonValueKind.Object) throw new JsonException("it is no object");
        var root = document.RootElement;
        var idmap = Member(root, "linux", "mountExtensions", "idmap", "enabled");
        return new OciFeatures(
            Strings(Member(root, "mountOptions")), Strings(Member(root, "linux", "namespaces")).Contains("user"), idmap.ValueKind == JsonValueKind.True);
    }

    private static JsonElement Member(JsonElement element, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element)) return default;
        }

        return element;
    }

    private static HashSet<string> Strings(JsonElement array) => array.ValueKind == JsonValueKind.Array
        ? array.EnumerateArray().Where(e => e.ValueKind == JsonValueKind.String).Select(e => e.GetString()!).ToHashSet()
        : [];
}
