using System.Text.Json.Nodes;

namespace ShimRuntime.Runtime.Networking;

/// <summary>A result of ADD, 0.3.1 to 1.1.0 (CNI SPEC, section 5): interfaces, and addresses with the interface that has each.</summary>
internal static class CniResult
{
    private const int MaxAddresses = 64;

    /// <summary>
    /// The pod's addresses without prefix length, in the order of the result: the first is the primary. Those of interfaces that are
    /// not the pod's (the bridge, the host's end of a veth) do not count. An address without an interface does.
    /// </summary>
    public static IReadOnlyList<string> AddressesOf(JsonObject result, string interfaceName)
    {
        var interfaces = result["interfaces"] as JsonArray ?? [];
        var addresses = new List<string>();
        foreach (var entry in (result["ips"] as JsonArray ?? []).OfType<JsonObject>().Take(MaxAddresses))
        {
            if (!BelongsToPod(entry["interface"], interfaces, interfaceName)) continue;
            if (entry["address"] is JsonValue value && value.TryGetValue<string>(out var cidr) && Address(cidr) is { } address) addresses.Add(address);
        }

        return addresses;
    }

    private static bool BelongsToPod(JsonNode? index, JsonArray interfaces, string interfaceName)
    {
        if (index is not JsonValue value || !value.TryGetValue<int>(out var i)) return true;
        return i >= 0 && i < interfaces.Count && interfaces[i] is JsonObject entry
            && Text(entry, "sandbox").Length > 0 && Text(entry, "name") == interfaceName;
    }

    private static string? Address(string cidr) =>
        System.Net.IPAddress.TryParse(cidr.AsSpan(0, cidr.IndexOf('/') is var slash and >= 0 ? slash : cidr.Length), out var address)
            ? address.ToString()
            : null;

    private static string Text(JsonObject node, string key) =>
        node[key] is JsonValue value && value.TryGetValue<string>(out var text) ? text : "";
}
