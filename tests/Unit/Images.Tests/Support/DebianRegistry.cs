using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using ShimRuntime.Oci;
using Xunit;

namespace ShimRuntime.Images.Tests.Support;

/// <summary>
/// Debian's docker-registry (distribution 2.8) on the loopback, its storage in a directory of its own. Images are pushed to it by its own
/// API.
/// </summary>
public sealed class DebianRegistry : IDisposable
{
    private const string Binary = "/usr/bin/docker-registry";
    private readonly TempDirectory _directory = new();
    private readonly HttpClient _client = new();
    private readonly Process _process;

    /// <param name="passwordHash">htpasswd line that the registry asks for; null: anonymous.</param>
    /// <param name="basic">base64 of user:password for the pushes.</param>
    public DebianRegistry(string? passwordHash = null, string? basic = null)
    {
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Host = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}");
        }

        if (basic is not null) _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", basic);
        var config = Path.Combine(_directory.Path, "config.yml");
        File.WriteAllText(config, Config(passwordHash));
        _process = Process.Start(
            new ProcessStartInfo(Binary, ["serve", config]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    public string Host { get; }

    public async Task PushAsync(TestImage image, string repository, string tag)
    {
        await ReadyAsync();
        foreach (var (digest, content) in image.Blobs) await PushBlobAsync(repository, digest, content);
        using var manifest = new ByteArrayContent(image.ManifestBytes);
        manifest.Headers.ContentType = new MediaTypeHeaderValue(TestImage.OciManifest);
        using var response = await _client.PutAsync($"http://{Host}/v2/{repository}/manifests/{tag}", manifest);
        response.EnsureSuccessStatusCode();
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _client.Dispose();
        _directory.Dispose();
    }

    private async Task PushBlobAsync(string repository, Digest digest, byte[] content)
    {
        using var begun = await _client.PostAsync($"http://{Host}/v2/{repository}/blobs/uploads/", null);
        begun.EnsureSuccessStatusCode();
        var location = new Uri(new Uri($"http://{Host}"), begun.Headers.Location!).ToString();
        using var body = new ByteArrayContent(content);
        body.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        using var done = await _client.PutAsync($"{location}{(location.Contains('?') ? '&' : '?')}digest={digest}", body);
        done.EnsureSuccessStatusCode();
    }

    private Task ReadyAsync() => TestContext.EventuallyAsync(() =>
    {
        Assert.False(_process.HasExited, "docker-registry ended");
        try
        {
            using var client = new TcpClient();
            client.Connect(IPEndPoint.Parse(Host));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }, "docker-registry listening");

    private string Config(string? passwordHash)
    {
        var config = new StringBuilder(
            $"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {_directory.Path}/data}}}}\n");
        config.Append(CultureInfo.InvariantCulture, $"http: {{addr: \"{Host}\"}}\n");
        if (passwordHash is null) return config.ToString();
        var file = Path.Combine(_directory.Path, "htpasswd");
        File.WriteAllText(file, passwordHash + "\n");
        return config.Append(CultureInfo.InvariantCulture, $"auth: {{htpasswd: {{realm: test, path: {file}}}}}\n").ToString();
    }
}
