using System.Collections.Immutable;
using System.Net;

namespace ShimRuntime.Images;

/// <summary>
/// Which endpoints serve a registry host, in the order to try them: what certs.d says, else the host itself. The directory is looked up for
/// each pull, so a changed file counts from the next pull on.
/// </summary>
/// <param name="directory">certs.d; empty: none.</param>
internal sealed class RegistryHosts(string directory)
{
    private const string DockerHub = "registry-1.docker.io";

    /// <param name="host">As in the reference: docker.io, localhost:5000.</param>
    public ImmutableArray<RegistryEndpoint> For(string host)
    {
        var found = Directories(host).FirstOrDefault(Directory.Exists);
        if (found is null) return [Default(host, false)];
        var hostsFile = Path.Combine(found, "hosts.toml");
        if (File.Exists(hostsFile)) return HostsFile.Read(hostsFile, Default(host, false));
        return [DockerLayout(found, host)];
    }

    /// <summary>The host itself: HTTPS, but plain HTTP on the loopback, where containerd expects it too, unless the port is 443.</summary>
    public static RegistryEndpoint Default(string host, bool hasCertificates)
    {
        var authority = host == "docker.io" ? DockerHub : host;
        var plain = !hasCertificates && IsLoopback(authority) && !authority.EndsWith(":443", StringComparison.Ordinal);
        return new RegistryEndpoint { Origin = new Uri($"{(plain ? "http" : "https")}://{authority}"), IsRegistry = true };
    }

    /// <summary>containerd's order: host_port_, host:port, _default.</summary>
    private IEnumerable<string> Directories(string host)
    {
        if (directory.Length == 0) yield break;
        var colon = host.LastIndexOf(':');
        if (colon > 0 && !host.EndsWith(']')) yield return Path.Combine(directory, $"{host[..colon]}_{host[(colon + 1)..]}_");
        yield return Path.Combine(directory, host);
        yield return Path.Combine(directory, "_default");
    }

    /// <summary>
    /// Docker's layout, which has no hosts.toml: *.crt are CAs, each *.cert is a client certificate with its *.key beside it.
    /// </summary>
    private static RegistryEndpoint DockerLayout(string directory, string host)
    {
        var authorities = Directory.GetFiles(directory, "*.crt").Order(StringComparer.Ordinal).ToImmutableArray();
        var clients = Directory.GetFiles(directory, "*.cert").Order(StringComparer.Ordinal)
            .Select(certificate => new ClientCertificate(certificate, Path.ChangeExtension(certificate, ".key"))).ToImmutableArray();
        var endpoint = Default(host, authorities.Length > 0 || clients.Length > 0);
        return endpoint with { CaFiles = authorities, ClientCertificates = clients };
    }

    private static bool IsLoopback(string authority)
    {
        var name = new Uri("http://" + authority).Host.Trim('[', ']');
        return name == "localhost" || (IPAddress.TryParse(name, out var address) && IPAddress.IsLoopback(address));
    }
}
