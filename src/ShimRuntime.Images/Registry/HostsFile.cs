using System.Collections.Immutable;
using ShimRuntime.Linux;
using Tomlyn;
using Tomlyn.Model;
using Tomlyn.Serialization;

namespace ShimRuntime.Images;

/// <summary>
/// containerd's hosts.toml: <c>server</c> and its settings at the top, mirrors as <c>[host."https://…"]</c> in the order they are to be
/// tried, the server last. Without <c>server</c> the reference's own host stands last, with the settings at the top.
/// </summary>
internal static class HostsFile
{
    private const int MaxBytes = 1 << 20;

    /// <param name="path">…/certs.d/&lt;host&gt;/hosts.toml; relative file names in it count from its directory.</param>
    /// <param name="fallback">The reference's own host, with its default scheme.</param>
    public static ImmutableArray<RegistryEndpoint> Read(string path, RegistryEndpoint fallback)
    {
        if (new FileInfo(path).Length > MaxBytes) throw Broken(path, $"it is larger than {MaxBytes} bytes");
        return Parse(File.ReadAllText(path), path, fallback);
    }

    public static ImmutableArray<RegistryEndpoint> Parse(string text, string path, RegistryEndpoint fallback)
    {
        TomlTable root;
        try
        {
            root = TomlSerializer.Deserialize(text, HostsFileContext.Default.TomlTable) ?? [];
        }
        catch (TomlException e)
        {
            throw Broken(path, e.Message);
        }

        var hostEntries = new List<RegistryEndpoint>();
        if (root.TryGetValue("host", out var hosts))
        {
            foreach (var (name, settings) in hosts as TomlTable ?? throw Broken(path, "'host' is not a table"))
                hostEntries.Add(Endpoint(name, settings as TomlTable ?? throw Broken(path, $"host '{name}' is not a table"), path));
        }

        var server = root.TryGetValue("server", out var value) ? value as string ?? throw Broken(path, "'server' is not a string") : "";
        var last = server.Length == 0 ? Apply(fallback, root, path) : Endpoint(server, root, path);
        // An entry at the server's own origin is no mirror: its settings usually stand there (a ca, a client certificate).
        return [.. hostEntries.Select(e => e with { IsRegistry = e.Origin == last.Origin }), last with { IsRegistry = true }];
    }

    private static RegistryEndpoint Endpoint(string url, TomlTable settings, string path)
    {
        var written = url.Contains("://", StringComparison.Ordinal) ? url : "https://" + url;
        if (!Uri.TryCreate(written, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0)
            throw Broken(path, $"'{url}' is no http or https address");
        if (uri.UserInfo.Length > 0 || uri.Query.Length > 0) throw Broken(path, $"the address of '{uri.Host}' has a user or a query in it");
        var endpoint = new RegistryEndpoint
        {
            Origin = new Uri(uri.GetLeftPart(UriPartial.Authority)),
            ApiPath = ApiPath(uri.AbsolutePath.TrimEnd('/'), TomlValues.Flag(settings, "override_path", path)),
        };
        return Apply(endpoint, settings, path);
    }

    /// <summary>Paths get "/v2" at the end unless they have it or override_path keeps them as written.</summary>
    private static string ApiPath(string path, bool overridden) =>
        overridden || path.EndsWith("/v2", StringComparison.Ordinal) ? path : path + "/v2";

    private static RegistryEndpoint Apply(RegistryEndpoint endpoint, TomlTable settings, string path)
    {
        var directory = Path.GetDirectoryName(path)!;
        return endpoint with
        {
            Capabilities = Capabilities(settings, path),
            CaFiles = [.. TomlValues.Strings(settings, "ca", path).Select(file => Path.Combine(directory, file))],
            ClientCertificates = TomlValues.ClientCertificates(settings, directory, path),
            SkipVerify = TomlValues.Flag(settings, "skip_verify", path),
            Headers = TomlValues.Headers(settings, path),
        };
    }

    private static HostCapabilities Capabilities(TomlTable settings, string path)
    {
        if (!settings.ContainsKey("capabilities")) return HostCapabilities.Pull | HostCapabilities.Resolve;
        var capabilities = HostCapabilities.None;
        foreach (var name in TomlValues.Strings(settings, "capabilities", path))
        {
            capabilities |= name.ToLowerInvariant() switch
            {
                "pull" => HostCapabilities.Pull,
                "resolve" => HostCapabilities.Resolve,
                "push" or "referrers" => HostCapabilities.None,
                _ => throw Broken(path, $"unknown capability '{name}'"),
            };
        }

        return capabilities;
    }

    internal static RuntimeFault Broken(string path, string cause) =>
        RuntimeFault.FailedPrecondition(
            $"failed to read registry configuration '{path}': {cause}; correct the file, it is read anew for each pull");
}

/// <summary>Reflection-free reading of TOML into its own model: hosts.toml has values of several shapes under one key.</summary>
[TomlSerializable(typeof(TomlTable))]
internal sealed partial class HostsFileContext : TomlSerializerContext;
