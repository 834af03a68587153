using System.Collections.Immutable;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// Makes the HTTP client of one endpoint: no automatic redirects, no cookies, no automatic decompression (digests are over the bytes sent).
/// </summary>
internal static class RegistryHttp
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(15);

    /// <param name="isRegistry">False for a token server on another host: it sees neither client certificates nor skip_verify.</param>
    public static HttpMessageInvoker Client(RegistryEndpoint endpoint, bool isRegistry)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = ConnectTimeout,
            MaxResponseHeadersLength = 64,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
        };
        var trusted = Certificates(endpoint.CaFiles);
        var skip = isRegistry && endpoint.SkipVerify;
        if (skip || trusted.Count > 0)
            handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                skip || IsTrusted(certificate, chain, errors, trusted);
        if (isRegistry && !endpoint.ClientCertificates.IsEmpty)
            handler.SslOptions.ClientCertificates = [.. endpoint.ClientCertificates.Select(Load)];
        return new HttpMessageInvoker(handler);
    }

    /// <summary>
    /// The system's verdict, or else a chain that ends in one of the endpoint's own authorities; a wrong host name is never excused.
    /// </summary>
    private static bool IsTrusted(
        X509Certificate? certificate, X509Chain? presented, SslPolicyErrors errors, X509Certificate2Collection trusted)
    {
        if (errors == SslPolicyErrors.None) return true;
        if (errors != SslPolicyErrors.RemoteCertificateChainErrors || certificate is not X509Certificate2 leaf) return false;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(trusted);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        if (presented is not null) chain.ChainPolicy.ExtraStore.AddRange(presented.ChainPolicy.ExtraStore);
        return chain.Build(leaf);
    }

    private static X509Certificate2Collection Certificates(ImmutableArray<string> files)
    {
        var all = new X509Certificate2Collection();
        foreach (var file in files) Read(file, () => all.ImportFromPemFile(file));
        return all;
    }

    private static X509Certificate2 Load(ClientCertificate client)
    {
        X509Certificate2? loaded = null;
        Read(client.CertificateFile, () => loaded = X509Certificate2.CreateFromPemFile(client.CertificateFile, client.KeyFile));
        return loaded!;
    }

    private static void Read(string file, Action read)
    {
        try
        {
            read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            throw RuntimeFault.FailedPrecondition($"failed to read certificate '{file}': {e.Message}; correct the registry configuration");
        }
    }
}
