using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace ShimRuntime.Runtime.Networking;

/// <content>Addresses that the host-local plugin has given out, for the search after those that nobody has any more.</content>
public sealed partial class PodNetwork
{
    private const string HostLocal = "host-local";

    /// <summary>Data directories of host-local: its default, the one of the configuration in force, and those of the given attachments.</summary>
    internal IReadOnlySet<string> LeaseDirectories(IEnumerable<CniAttachment> attachments)
    {
        var found = new HashSet<string>(StringComparer.Ordinal) { HostLocalLease.DefaultDirectory };
        found.UnionWith((_directory.Read().Network?.Plugins ?? []).Select(p => p.Config).Select(DirectoryOf).OfType<string>());
        foreach (var attachment in attachments)
            found.UnionWith((attachment.Config["plugins"] as JsonArray ?? []).OfType<JsonObject>().Select(DirectoryOf).OfType<string>());
        return found;
    }

    /// <summary>Gives one address back, by the plugin itself, under its own lock: all that this container has in that network.</summary>
    internal Task ReleaseAsync(HostLocalLease lease, CancellationToken cancellation) => LimitedAsync(async () =>
    {
        // host-local reads ranges also for DEL, which does not use them: any that has the address will do.
        var prefix = lease.Address.AddressFamily == AddressFamily.InterNetworkV6 ? 112 : 16;
        var range = new JsonObject { ["subnet"] = new IPNetwork(Masked(lease.Address, prefix), prefix).ToString() };
        var config = new JsonObject
        {
            ["cniVersion"] = "0.4.0",
            ["name"] = lease.Network,
            ["type"] = HostLocal,
            ["ipam"] = new JsonObject { ["type"] = HostLocal, ["dataDir"] = lease.DataDirectory, ["ranges"] = new JsonArray(new JsonArray(range)) },
        };
        var call = new CniCall("DEL", lease.ContainerId, "", lease.Interface.Length > 0 ? lease.Interface : Interface, "");
        return await _runner.RunAsync(new CniPlugin(HostLocal, config), config, call, cancellation).ConfigureAwait(false) ?? new JsonObject();
    }, cancellation);

    private static string? DirectoryOf(JsonObject plugin)
    {
        if (plugin["ipam"] is not JsonObject ipam || Text(ipam, "type") != HostLocal) return null;
        return Text(ipam, "dataDir") is { Length: > 0 } given ? given : HostLocalLease.DefaultDirectory;
    }

    private static string Text(JsonObject node, string key) => node[key] is JsonValue value && value.TryGetValue<string>(out var text) ? text : "";

    private static IPAddress Masked(IPAddress address, int prefix)
    {
        var bytes = address.GetAddressBytes();
        for (var i = prefix / 8; i < bytes.Length; i++) bytes[i] = 0;
        return new IPAddress(bytes);
    }
}
