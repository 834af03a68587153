using System.Text.Json.Nodes;

namespace ShimRuntime.Runtime.Networking;

/// <summary>One valid network configuration list, as read from the conf directory. Never changed.</summary>
/// <param name="Version">The cniVersion that its plugins are called with.</param>
/// <param name="Plugins">In the order of ADD.</param>
internal sealed record CniNetwork(string File, string Name, string Version, IReadOnlyList<CniPlugin> Plugins)
{
    /// <summary>The list as one object, as cni.json keeps it and <see cref="CniConfigParser"/> reads it again.</summary>
    public JsonObject ToJson()
    {
        var plugins = new JsonArray();
        foreach (var plugin in Plugins) plugins.Add((JsonNode)plugin.Config.DeepClone());
        return new JsonObject { ["cniVersion"] = Version, ["name"] = Name, ["plugins"] = plugins };
    }
}

/// <summary>One plugin of a list.</summary>
/// <param name="Type">File name of its executable; never a path.</param>
/// <param name="Config">Its object in the list, untouched; cloned before anything is added.</param>
internal sealed record CniPlugin(string Type, JsonObject Config)
{
    /// <summary>True when the plugin declares that it takes this runtimeConfig key.</summary>
    public bool Declares(string capability) => Config["capabilities"] is JsonObject declared
        && declared[capability] is JsonValue value && value.TryGetValue<bool>(out var wanted) && wanted;
}
