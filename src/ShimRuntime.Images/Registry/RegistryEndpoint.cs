using System.Collections.Immutable;

namespace ShimRuntime.Images;

/// <summary>What a host may be asked for (hosts.toml "capabilities"); push is accepted in the file and means nothing to us.</summary>
[Flags]
internal enum HostCapabilities
{
    None = 0,
    Pull = 1,
    Resolve = 2,
}

/// <summary>One place that serves a repository: the registry itself or a mirror, with everything that hosts.toml says about it.</summary>
internal sealed record RegistryEndpoint
{
    /// <summary>scheme://host[:port], without a path.</summary>
    public required Uri Origin { get; init; }

    /// <summary>Prefix of every request: "/v2", or what override_path keeps as written. No slash at the end.</summary>
    public string ApiPath { get; init; } = "/v2";

    public HostCapabilities Capabilities { get; init; } = HostCapabilities.Pull | HostCapabilities.Resolve;

    /// <summary>
    /// True for the reference's own host and for the <c>server</c> that the operator put in its place: what gets credentials that name no
    /// server address. Mirrors get only credentials that name them.
    /// </summary>
    public bool IsRegistry { get; init; }

    /// <summary>PEM bundles trusted beside the system's.</summary>
    public ImmutableArray<string> CaFiles { get; init; } = [];

    public ImmutableArray<ClientCertificate> ClientCertificates { get; init; } = [];

    public bool SkipVerify { get; init; }

    /// <summary>Sent with every request to this host, never to where it redirects.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>host[:port] as credentials and error sentences name it.</summary>
    public string Authority => Origin.Authority;
}

/// <summary>PEM files of a client certificate; the key is in the certificate's file when <paramref name="KeyFile"/> is null.</summary>
internal sealed record ClientCertificate(string CertificateFile, string? KeyFile);
