using System.Text.Json.Nodes;

namespace ShimRuntime.Bench;

/// <summary>The same CNI plugins that the daemon calls, called bare: the part of a pod's start that no runtime can do without.</summary>
internal sealed class CniFloor(Site site)
{
    public async Task AddAsync(string id, string netns)
    {
        JsonNode? previous = null;
        foreach (var plugin in Plugins()) previous = JsonNode.Parse(await CallAsync("ADD", plugin, id, netns, previous));
    }

    public async Task DeleteAsync(string id, string netns)
    {
        foreach (var plugin in Plugins().Reverse()) await CallAsync("DEL", plugin, id, netns, null);
    }

    private JsonNode[] Plugins() => JsonNode.Parse(site.Conflist)!["plugins"]!.AsArray().Select(p => p!.DeepClone()).ToArray();

    private Task<string> CallAsync(string verb, JsonNode plugin, string id, string netns, JsonNode? previous)
    {
        var config = plugin.DeepClone();
        config["cniVersion"] = "1.0.0";
        config["name"] = site.Bridge;
        if (previous is not null) config["prevResult"] = previous.DeepClone();
        string[] environment = [$"CNI_COMMAND={verb}", $"CNI_CONTAINERID={id}", $"CNI_NETNS={netns}", "CNI_IFNAME=eth0", $"CNI_PATH={Site.PluginDirectory}"];
        return site.ExecAsync(Path.Combine(Site.PluginDirectory, plugin["type"]!.GetValue<string>()), config.ToJsonString(), environment);
    }
}
