using System.Text.Json.Nodes;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Networking;

/// <summary>A configuration list executed: ADD in order with the result handed on, DEL in reverse (CNI SPEC, section 3).</summary>
internal sealed class CniChain(CniPluginRunner runner)
{
    /// <summary>Returns the last plugin's result. The first failure ends it; what was attached until then is DEL's to undo.</summary>
    public async Task<JsonObject> AddAsync(CniAttachment attachment, CancellationToken cancellation)
    {
        var network = CniConfigParser.Parse(attachment.ConfigFile, attachment.Config);
        JsonObject? result = null;
        foreach (var plugin in network.Plugins)
        {
            var config = Derive(network, plugin, attachment.Capabilities, result);
            result = await runner.RunAsync(plugin, config, Call("ADD", attachment, attachment.NetnsPath), cancellation).ConfigureAwait(false)
                ?? throw new RuntimeFault(FaultCode.Unavailable, $"CNI plugin '{plugin.Type}' (ADD) printed no result");
        }

        return result!;
    }

    /// <summary>
    /// Every plugin gets its DEL, also after one has failed: a port mapping that sticks must not keep an address from being released.
    /// Throws the first failure; DEL is repeatable, so the caller tries the whole again.
    /// </summary>
    public async Task DeleteAsync(CniAttachment attachment, CancellationToken cancellation)
    {
        var network = CniConfigParser.Parse(attachment.ConfigFile, attachment.Config);
        var previous = CniVersion.DelTakesPreviousResult(network.Version) ? attachment.Result : null;
        var call = Call("DEL", attachment, LinuxNamespace.IsPinned(attachment.NetnsPath) ? attachment.NetnsPath : "");
        RuntimeFault? first = null;
        foreach (var plugin in network.Plugins.Reverse())
        {
            try
            {
                _ = await runner.RunAsync(plugin, Derive(network, plugin, attachment.Capabilities, previous), call, cancellation).ConfigureAwait(false);
            }
            catch (RuntimeFault e)
            {
                first ??= e;
            }
        }

        if (first is not null) throw first;
    }

    /// <summary>The plugin's own object with name, cniVersion, prevResult, and the runtimeConfig that it declared (CNI SPEC, "Deriving").</summary>
    internal static JsonObject Derive(CniNetwork network, CniPlugin plugin, JsonObject capabilities, JsonObject? previous)
    {
        var config = (JsonObject)plugin.Config.DeepClone();
        config["name"] = network.Name;
        config["cniVersion"] = network.Version;
        var runtimeConfig = new JsonObject();
        foreach (var (capability, value) in capabilities)
        {
            if (plugin.Declares(capability)) runtimeConfig[capability] = value?.DeepClone();
        }

        if (runtimeConfig.Count > 0) config["runtimeConfig"] = runtimeConfig;
        if (previous is not null) config["prevResult"] = previous.DeepClone();
        return config;
    }

    private static CniCall Call(string command, CniAttachment attachment, string netnsPath) =>
        new(command, attachment.ContainerId, netnsPath, attachment.InterfaceName, attachment.Arguments);
}
