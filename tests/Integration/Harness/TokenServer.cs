using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Web;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>
/// A token server as registries have it (distribution's token authentication): checks Basic credentials or a refresh token and signs JWTs
/// that docker-registry verifies against <see cref="CertificateFile"/>. Anonymous clients may pull what is below public/; the user all.
/// </summary>
public sealed class TokenServer : IAsyncDisposable
{
    public const string Service = "test-registry";
    public const string Issuer = "test-issuer";
    public const string User = "robot";
    public const string Password = "s3cret/of:robot";
    public const string RefreshToken = "a-refresh-token";
    private readonly string _directory = Directory.CreateTempSubdirectory("srt-token-").FullName;
    private readonly HttpListener _listener = new();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _certificate;
    private readonly Task _serving;

    public TokenServer()
    {
        var request = new CertificateRequest("CN=token signer", _key, HashAlgorithmName.SHA256);
        _certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(CertificateFile, _certificate.ExportCertificatePem());
        Host = $"127.0.0.1:{FreePort.Next()}";
        _listener.Prefixes.Add($"http://{Host}/");
        _listener.Start();
        _serving = ServeAsync();
    }

    public string Host { get; }

    public string Realm => $"http://{Host}/token";

    /// <summary>rootcertbundle of the registry.</summary>
    public string CertificateFile => Path.Combine(_directory, "signer.crt");

    /// <summary>Who asked (empty: anonymous), for which scope, in the order of asking.</summary>
    public ConcurrentQueue<(string User, string Scope)> Asked { get; } = new();

    /// <summary>A token for one repository.</summary>
    public string Mint(string repository, params string[] actions)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var header = new JsonObject { ["typ"] = "JWT", ["alg"] = "ES256", ["x5c"] = new JsonArray(Convert.ToBase64String(_certificate.RawData)) };
        var claims = new JsonObject
        {
            ["iss"] = Issuer, ["aud"] = Service, ["sub"] = User, ["iat"] = now, ["nbf"] = now - 10, ["exp"] = now + 300, ["jti"] = Guid.NewGuid().ToString(),
            ["access"] = new JsonArray(new JsonObject
            {
                ["type"] = "repository", ["name"] = repository, ["actions"] = new JsonArray([.. actions.Select(a => JsonValue.Create(a))]),
            }),
        };
        var signed = $"{Encode(JsonSerializer.SerializeToUtf8Bytes(header))}.{Encode(JsonSerializer.SerializeToUtf8Bytes(claims))}";
        return $"{signed}.{Encode(_key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256))}";
    }

    public async ValueTask DisposeAsync()
    {
        if (!_listener.IsListening) return;
        _listener.Close();
        await _serving;
        _certificate.Dispose();
        _key.Dispose();
        Directory.Delete(_directory, true);
    }

    private static string Encode(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    private async Task ServeAsync()
    {
        while (true)
        {
            try
            {
                await AnswerAsync(await _listener.GetContextAsync());
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                if (!_listener.IsListening) return;
            }
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        using var response = context.Response;
        var fields = HttpUtility.ParseQueryString(context.Request.Url!.Query);
        if (context.Request.HttpMethod == "POST")
        {
            using var body = new StreamReader(context.Request.InputStream);
            fields = HttpUtility.ParseQueryString(await body.ReadToEndAsync());
        }

        var scope = fields["scope"] ?? "";
        var user = Authenticate(context.Request, fields["refresh_token"]);
        if (user is null || fields["service"] != Service || scope.Split(':') is not ["repository", var repository, var actions])
        {
            response.StatusCode = 401;
            return;
        }

        Asked.Enqueue((user, scope));
        var granted = actions.Split(',').Where(a => user.Length > 0 || (a == "pull" && repository.StartsWith("public/", StringComparison.Ordinal)));
        response.ContentType = "application/json";
        var token = Mint(repository, [.. granted]);
        await response.OutputStream.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["token"] = token, ["access_token"] = token, ["expires_in"] = 300 }));
    }

    /// <summary>Null: wrong credentials; empty: none.</summary>
    private static string? Authenticate(HttpListenerRequest request, string? refreshToken)
    {
        if (refreshToken is not null) return refreshToken == RefreshToken ? User : null;
        if (request.Headers["Authorization"] is not { } authorization) return "";
        var basic = $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{Password}"))}";
        return CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(authorization), Encoding.ASCII.GetBytes(basic)) ? User : null;
    }
}
