using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ShimRuntime.Images.Tests.Support;

/// <summary>Ends TLS before a plain registry, with a certificate of an authority made for the test.</summary>
public sealed class TlsFront : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2 _authority;
    private readonly X509Certificate2 _server;
    private readonly bool _asksForClient;
    private readonly int _target;

    /// <param name="hostName">What the certificate is for.</param>
    public TlsFront(int target, string directory, string hostName = "localhost", bool asksForClient = false)
    {
        (_target, _asksForClient) = (target, asksForClient);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1));
        _server = Issue(hostName, "server");
        var client = Issue("client", "client");
        File.WriteAllText(Path.Combine(directory, "ca.crt"), _authority.ExportCertificatePem());
        File.WriteAllText(Path.Combine(directory, "client.cert"), client.ExportCertificatePem());
        File.WriteAllText(Path.Combine(directory, "client.key"), client.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        _listener.Start();
        _ = Task.Run(LoopAsync);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public string? SeenClient { get; private set; }

    public void Dispose()
    {
        _listener.Stop();
        _authority.Dispose();
        _server.Dispose();
    }

    private X509Certificate2 Issue(string name, string serial)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        using var issued = request.Create(
            _authority, _authority.NotBefore, _authority.NotAfter, System.Text.Encoding.ASCII.GetBytes(serial));
        using var whole = issued.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }

    private async Task LoopAsync()
    {
        while (true)
        {
            try
            {
                var client = await _listener.AcceptTcpClientAsync();
                _ = Task.Run(() => ServeAsync(client));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                await using var tls = new SslStream(client.GetStream(), false, (_, certificate, _, _) =>
                {
                    SeenClient = certificate?.Subject;
                    return certificate is null || certificate.Issuer == _authority.Subject;
                });
                await tls.AuthenticateAsServerAsync(_server, _asksForClient, false);
                using var registry = new TcpClient();
                await registry.ConnectAsync(IPAddress.Loopback, _target);
                await Task.WhenAny(tls.CopyToAsync(registry.GetStream()), registry.GetStream().CopyToAsync(tls));
            }
            catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException or SocketException)
            {
                // The client refused the certificate, or hung up.
            }
        }
    }
}
