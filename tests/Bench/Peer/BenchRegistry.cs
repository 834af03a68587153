using System.Formats.Tar;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using ShimRuntime.Linux;

namespace ShimRuntime.Bench.Peer;

/// <summary>Debian's docker-registry on loopback, with storage of its own.</summary>
internal sealed class BenchRegistry : IAsyncDisposable
{
    public const string ManifestType = "application/vnd.oci.image.manifest.v1+json";
    private const string Program = "/usr/bin/docker-registry";

    /// <summary>The bench has a network namespace of its own: nobody else listens there.</summary>
    private const int Port = 5000;

    private readonly SpawnedProcess _process;
    private readonly ExitWatcher _exits;
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://127.0.0.1:{Port}/") };

    private BenchRegistry(SpawnedProcess process, ExitWatcher exits) => (_process, _exits) = (process, exits);

    /// <summary>host:port, as in a reference.</summary>
    public string Host { get; } = $"127.0.0.1:{Port}";

    public static async Task<BenchRegistry> StartAsync(string directory, ExitWatcher exits, CancellationToken cancellation)
    {
        Directory.CreateDirectory(directory);
        var config = Path.Combine(directory, "config.yml");
        await File.WriteAllTextAsync(config, $$$"""
            version: 0.1
            log: {level: error, accesslog: {disabled: true}}
            storage:
              filesystem: {rootdirectory: "{{{directory}}}/data"}
            http: {addr: "127.0.0.1:{{{Port}}}"}
            """, cancellation);
        using var log = File.OpenHandle(Path.Combine(directory, "log"), FileMode.Create, FileAccess.Write);
        var process = Spawner.Spawn(new SpawnRequest
        {
            Path = Program, Arguments = [Program, "serve", config], Environment = ["PATH=/usr/bin:/bin"],
            Fds = [new FdMapping((int)log.DangerousGetHandle(), 1), new FdMapping((int)log.DangerousGetHandle(), 2)],
        });
        var registry = new BenchRegistry(process, exits);
        await registry.AnswersAsync(cancellation);
        return registry;
    }

    /// <summary>An OCI image layout of one image (eng/oci-image.sh), under the tag 1.</summary>
    public async Task PushArchiveAsync(string repository, string archive, CancellationToken cancellation)
    {
        var files = new Dictionary<string, byte[]>();
        await using (var reader = new TarReader(File.OpenRead(archive)))
        {
            while (await reader.GetNextEntryAsync(true, cancellation) is { } entry)
            {
                if (entry.DataStream is null) continue;
                var content = new byte[entry.Length];
                await entry.DataStream.ReadExactlyAsync(content, cancellation);
                files[entry.Name] = content;
            }
        }

        var manifest = files[Blob(JsonNode.Parse(files["index.json"])!["manifests"]![0]!)];
        var json = JsonNode.Parse(manifest)!;
        foreach (var part in json["layers"]!.AsArray().Append(json["config"])) await PushBlobAsync(repository, files[Blob(part!)], cancellation);
        await PushManifestAsync(repository, manifest, cancellation);
    }

    /// <summary>Its digest.</summary>
    public async Task<string> PushBlobAsync(string repository, byte[] content, CancellationToken cancellation)
    {
        var digest = DigestOf(content);
        using var opened = await _http.PostAsync($"v2/{repository}/blobs/uploads/", null, cancellation);
        opened.EnsureSuccessStatusCode();
        var location = new Uri(_http.BaseAddress!, opened.Headers.Location!);
        using var body = new ByteArrayContent(content);
        body.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        using var put = await _http.PutAsync($"{location}{(location.Query.Length > 0 ? "&" : "?")}digest={digest}", body, cancellation);
        put.EnsureSuccessStatusCode();
        return digest;
    }

    public async Task PushManifestAsync(string repository, byte[] manifest, CancellationToken cancellation)
    {
        using var body = new ByteArrayContent(manifest);
        body.Headers.ContentType = new MediaTypeHeaderValue(ManifestType);
        using var put = await _http.PutAsync($"v2/{repository}/manifests/1", body, cancellation);
        put.EnsureSuccessStatusCode();
    }

    public static string DigestOf(byte[] content) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(content))}";

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        _process.PidFd.Signal(9);
        await _exits.ReapAsync(_process, CancellationToken.None);
        _process.Dispose();
    }

    private static string Blob(JsonNode descriptor) => $"blobs/{descriptor["digest"]!.GetValue<string>().Replace(':', '/')}";

    private async Task AnswersAsync(CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(TimeSpan.FromSeconds(20));
        while (true)
        {
            try
            {
                using var response = await _http.GetAsync("v2/", deadline.Token);
                if (response.StatusCode == HttpStatusCode.OK) return;
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }

            await Task.Delay(20, deadline.Token);
        }
    }
}
