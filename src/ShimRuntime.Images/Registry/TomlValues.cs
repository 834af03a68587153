using System.Collections.Immutable;
using Tomlyn.Model;

namespace ShimRuntime.Images;

/// <summary>hosts.toml's values, each in every shape that containerd takes. Another shape is a fault that names the key.</summary>
internal static class TomlValues
{
    public static bool Flag(TomlTable table, string key, string path)
    {
        if (!table.TryGetValue(key, out var value)) return false;
        return value as bool? ?? throw HostsFile.Broken(path, $"'{key}' is neither true nor false");
    }

    /// <summary>A string, or an array of strings.</summary>
    public static ImmutableArray<string> Strings(TomlTable table, string key, string path)
    {
        if (!table.TryGetValue(key, out var value)) return [];
        return StringsOf(value, key, path);
    }

    /// <summary>
    /// "file", ["file", …], or [["certificate", "key"], …], also mixed; an empty key means that the key is in the certificate's file.
    /// </summary>
    public static ImmutableArray<ClientCertificate> ClientCertificates(TomlTable table, string directory, string path)
    {
        if (!table.TryGetValue("client", out var value)) return [];
        if (value is string single) return [Certificate(single, null)];
        var items = value as TomlArray ?? throw HostsFile.Broken(path, "'client' is neither a string nor an array");
        return [.. items.Select(item => item switch
        {
            string file => Certificate(file, null),
            TomlArray { Count: 1 } one when one[0] is string file => Certificate(file, null),
            TomlArray { Count: 2 } pair when pair[0] is string certificate && pair[1] is string key => Certificate(certificate, key),
            _ => throw HostsFile.Broken(path, "an entry of 'client' is neither a file nor a pair of files"),
        })];

        ClientCertificate Certificate(string certificate, string? key) =>
            new(Path.Combine(directory, certificate), string.IsNullOrEmpty(key) ? null : Path.Combine(directory, key));
    }

    /// <summary><c>[….header]</c>: name = "value" or ["value", …].</summary>
    public static ImmutableArray<KeyValuePair<string, string>> Headers(TomlTable table, string path)
    {
        if (!table.TryGetValue("header", out var value)) return [];
        var headers = value as TomlTable ?? throw HostsFile.Broken(path, "'header' is not a table");
        return [.. headers.SelectMany(h => StringsOf(h.Value, h.Key, path), (h, text) => Header(h.Key, text, path))];
    }

    private static KeyValuePair<string, string> Header(string name, string value, string path)
    {
        var clean = name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') && !value.Any(char.IsControl);
        return clean && name.Length > 0
            ? new(name, value)
            : throw HostsFile.Broken(path, $"header '{name}' has a character that no header may have");
    }

    private static ImmutableArray<string> StringsOf(object? value, string key, string path) => value switch
    {
        string single => [single],
        TomlArray array =>
            [.. array.Select(item => item as string ?? throw HostsFile.Broken(path, $"an entry of '{key}' is not a string"))],
        _ => throw HostsFile.Broken(path, $"'{key}' is neither a string nor an array of strings"),
    };
}
