using System.Net;
using System.Net.Http.Headers;
using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using ShimRuntime.Linux;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>Debian's docker-registry on a free loopback port, with storage of its own.</summary>
public sealed partial class Registry : IAsyncDisposable
{
    private static readonly Lazy<Task<Registry>> Lazily = new(async () =>
    {
        var registry = await StartAsync("shared");
        // A test host has 100 ms to end, and may be killed: a guardian outlives it.
        var cleanUp = $"tail --pid={Environment.ProcessId} -f /dev/null; kill -9 {registry._process.Pid}; sleep 1; rm -rf {registry._directory}";
        Command.StartLogged("/bin/sh", ["-c", cleanUp], Path.Combine(Installation.Logs, "registry-shared.log")).Dispose();
        return registry;
    });

    private readonly string _directory;
    private readonly SpawnedProcess _process;
    private readonly RegistryOptions _options;
    private readonly HttpClient _http;

    private Registry(string directory, SpawnedProcess process, int port, RegistryOptions options)
    {
        _directory = directory;
        _process = process;
        _options = options;
        Host = $"127.0.0.1:{port}";
        _http = new HttpClient(Handler(options)) { BaseAddress = new Uri($"{Address}/") };
        if (options.Basic is not { } login) return;
        var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{login.User}:{login.Password}"));
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", basic);
    }

    /// <summary>host:port, as in a reference.</summary>
    public string Host { get; }

    public string Address => $"{(_options.Tls is null ? "http" : "https")}://{Host}";

    /// <summary>One for the whole run: images in it are never changed, only added.</summary>
    public static Task<Registry> SharedAsync() => Lazily.Value;

    /// <summary>Starts one; with <paramref name="user"/>, it wants Basic authentication.</summary>
    public static Task<Registry> StartAsync(string name, (string User, string Password)? user = null) =>
        StartAsync(name, new RegistryOptions { Basic = user });

    public static async Task<Registry> StartAsync(string name, RegistryOptions options)
    {
        var directory = Directory.CreateTempSubdirectory("srt-registry-").FullName;
        var port = FreePort.Next();
        var auth = options.Basic is { } u ? Htpasswd(directory, u.User, u.Password) : options.Tokens is { } tokens ? Token(tokens) : "";
        var configuration = $$$"""
            version: 0.1
            log: {level: warn, accesslog: {disabled: true}}
            storage:
              filesystem: {rootdirectory: "{{{directory}}}/data"}
              delete: {enabled: true}
            http: {addr: "127.0.0.1:{{{port}}}"{{{Tls(options)}}}}
            {{{auth}}}
            """;
        await File.WriteAllTextAsync(Path.Combine(directory, "config.yml"), configuration);
        var process = Command.StartLogged(
            "docker-registry", ["serve", Path.Combine(directory, "config.yml")], Path.Combine(Installation.Logs, $"registry-{name}.log"));
        var registry = new Registry(directory, process, port, options);
        await Eventually.True(registry.AnswersAsync, $"docker-registry answers on {registry.Host}");
        return registry;
    }

    /// <summary>Uploads a blob unless it is there; returns its digest.</summary>
    public async Task<string> PushBlobAsync(string repository, byte[] content)
    {
        Authorize(repository);
        var digest = Digests.Of(content);
        using var head = new HttpRequestMessage(HttpMethod.Head, $"v2/{repository}/blobs/{digest}");
        using var present = await _http.SendAsync(head);
        if (present.StatusCode == HttpStatusCode.OK) return digest;
        using var opened = await _http.PostAsync($"v2/{repository}/blobs/uploads/", null);
        Assert.Equal(HttpStatusCode.Accepted, opened.StatusCode);
        var location = new Uri(_http.BaseAddress!, opened.Headers.Location!);
        using var body = new ByteArrayContent(content);
        body.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        using var put = await _http.PutAsync($"{location}{(location.Query.Length > 0 ? "&" : "?")}digest={digest}", body);
        Assert.True(put.StatusCode == HttpStatusCode.Created, $"{put.StatusCode}: {await put.Content.ReadAsStringAsync()}");
        return digest;
    }

    /// <summary>Uploads a manifest under a tag or its own digest; returns its digest.</summary>
    public async Task<string> PushManifestAsync(string repository, string? tag, byte[] content, string mediaType)
    {
        Authorize(repository);
        var digest = Digests.Of(content);
        using var body = new ByteArrayContent(content);
        body.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
        using var put = await _http.PutAsync($"v2/{repository}/manifests/{tag ?? digest}", body);
        Assert.True(put.StatusCode == HttpStatusCode.Created, $"{put.StatusCode}: {await put.Content.ReadAsStringAsync()}");
        return digest;
    }

    public async ValueTask DisposeAsync()
    {
        End();
        await Command.Exits.ReapAsync(_process, CancellationToken.None);
        _process.Dispose();
    }

    private static SocketsHttpHandler Handler(RegistryOptions options)
    {
        var handler = new SocketsHttpHandler { UseProxy = false };
        if (options.Tls is not { } tls) return handler;
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            CustomTrustStore = { X509CertificateLoader.LoadCertificateFromFile(tls.Authority) },
            RevocationMode = X509RevocationMode.NoCheck,
        };
        handler.SslOptions.ClientCertificates = [X509Certificate2.CreateFromPemFile(tls.Client.Certificate, tls.Client.Key)];
        return handler;
    }

    private static string Token(TokenServer tokens) => $"auth: {{token: {{realm: \"{tokens.Realm}\", service: {TokenServer.Service}, "
        + $"issuer: {TokenServer.Issuer}, rootcertbundle: \"{tokens.CertificateFile}\"}}}}";

    private static string Tls(RegistryOptions options)
    {
        if (options.Tls is not { } tls) return "";
        var clients = options.ClientCertificates ? $", clientcas: [\"{tls.Authority}\"]" : "";
        return $", tls: {{certificate: \"{tls.Server.Certificate}\", key: \"{tls.Server.Key}\"{clients}}}";
    }

    /// <summary>A token server's tokens are for one repository each.</summary>
    private void Authorize(string repository)
    {
        if (_options.Tokens is { } tokens)
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", tokens.Mint(repository, "pull", "push"));
    }

    private static string Htpasswd(string directory, string user, string password)
    {
        var file = Path.Combine(directory, "htpasswd");
        // docker-registry takes bcrypt alone; libc's crypt(3) makes it.
        var hash = Marshal.PtrToStringUTF8(crypt(password, "$2b$05$abcdefghijklmnopqrstuu"));
        File.WriteAllText(file, $"{user}:{hash}\n");
        return $"auth: {{htpasswd: {{realm: test, path: \"{file}\"}}}}";
    }

    [LibraryImport("libcrypt.so.1", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint crypt(string phrase, string setting);

    private void End()
    {
        _process.PidFd.Signal(9);
        _http.Dispose();
        // Dead with all its threads before its files go, or it would write new ones.
        Command.Exits.WaitAsync(_process.PidFd, CancellationToken.None).Wait(TimeSpan.FromSeconds(10));
        if (Directory.Exists(_directory)) Directory.Delete(_directory, true);
    }

    private async Task<bool> AnswersAsync()
    {
        if (!Processes.IsAlive(_process.Pid)) Assert.Fail($"docker-registry ended; see {Installation.Logs}");
        try
        {
            using var response = await _http.GetAsync("v2/");
            // A token server's registry says Unauthorized to everyone here, whatever the token.
            return response.StatusCode == HttpStatusCode.OK || _options.Tokens is not null;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
