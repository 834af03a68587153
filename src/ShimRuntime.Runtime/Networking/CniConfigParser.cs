using System.Text.Json;
using System.Text.Json.Nodes;

namespace ShimRuntime.Runtime.Networking;

/// <summary>Reads network configuration: a .conflist, or a .conf or .json with a single plugin (CNI SPEC, section 1).</summary>
internal static class CniConfigParser
{
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 64, AllowDuplicateProperties = false };

    /// <summary>Throws <see cref="FormatException"/> with what is wrong, without the file's name.</summary>
    public static CniNetwork Parse(string file, ReadOnlySpan<byte> content)
    {
        JsonNode? root;
        try
        {
            root = JsonNode.Parse(content, null, Strict);
        }
        catch (JsonException e)
        {
            throw new FormatException($"not JSON: {e.Message}", e);
        }

        return Parse(file, root as JsonObject ?? throw new FormatException("not a JSON object"));
    }

    /// <inheritdoc cref="Parse(string, ReadOnlySpan{byte})"/>
    public static CniNetwork Parse(string file, JsonObject root)
    {
        var name = Text(root, "name");
        if (!IsNetworkName(name)) throw new FormatException($"name '{name}' is not letters, digits, '_', '.' and '-' beginning with a letter or digit");
        var entries = root["plugins"] switch
        {
            JsonArray { Count: > 0 } list => list.Select(e => e as JsonObject ?? throw new FormatException("plugins has an entry that is no object")),
            null when root.ContainsKey("type") => [root],
            _ => throw new FormatException("it has no plugins"),
        };
        return new CniNetwork(file, name, Version(root), [.. entries.Select(Plugin)]);
    }

    private static CniPlugin Plugin(JsonObject config)
    {
        var type = Text(config, "type");
        if (type.Length is 0 or > 255 || type is "." or ".." || type.AsSpan().ContainsAny('/', '\0'))
            throw new FormatException($"type '{type}' is not the file name of a plugin");
        return new CniPlugin(type, (JsonObject)config.DeepClone());
    }

    private static string Version(JsonObject root)
    {
        if (root["cniVersions"] is JsonArray offered)
        {
            return CniVersion.Choose(offered.Select(v => v is JsonValue text && text.TryGetValue<string>(out var s) ? s : ""))
                ?? throw new FormatException($"none of its cniVersions is one of {CniVersion.Names}");
        }

        var version = Text(root, "cniVersion");
        return CniVersion.IsSpoken(version) ? version : throw new FormatException($"cniVersion '{version}' is not one of {CniVersion.Names}");
    }

    private static bool IsNetworkName(string name) => name.Length is > 0 and <= 255 && char.IsAsciiLetterOrDigit(name[0])
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-');

    private static string Text(JsonObject node, string key) =>
        node[key] is JsonValue value && value.TryGetValue<string>(out var text) ? text : "";
}
