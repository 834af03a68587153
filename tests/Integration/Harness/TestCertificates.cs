using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>A certificate authority of a test's own, a server certificate for 127.0.0.1 and a client certificate, as PEM files.</summary>
public sealed class TestCertificates : IDisposable
{
    private static readonly DateTimeOffset From = DateTimeOffset.UtcNow.AddHours(-1);
    private static readonly DateTimeOffset Until = DateTimeOffset.UtcNow.AddDays(1);
    private readonly string _directory = Directory.CreateTempSubdirectory("srt-tls-").FullName;
    private readonly X509Certificate2 _authority;

    public TestCertificates()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        _authority = request.CreateSelfSigned(From, Until);
        File.WriteAllText(Authority, _authority.ExportCertificatePem());
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        Issue("server", "1.3.6.1.5.5.7.3.1", names.Build());
        Issue("client", "1.3.6.1.5.5.7.3.2", null);
    }

    public string Authority => At("ca.crt");

    public (string Certificate, string Key) Server => (At("server.crt"), At("server.key"));

    public (string Certificate, string Key) Client => (At("client.crt"), At("client.key"));

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_directory, true);
    }

    private void Issue(string name, string usage, X509Extension? names)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        if (names is not null) request.CertificateExtensions.Add(names);
        using var certificate = request.Create(_authority, From, Until, RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(At($"{name}.crt"), certificate.ExportCertificatePem());
        File.WriteAllText(At($"{name}.key"), key.ExportPkcs8PrivateKeyPem());
    }

    private string At(string name) => Path.Combine(_directory, name);
}
