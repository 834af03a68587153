using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using ShimRuntime.Oci;

namespace ShimRuntime.Images.Tests.Support;

/// <summary>What a request was, as the registry saw it.</summary>
public sealed record SeenRequest(
    string Method, string Path, string? Authorization, string? Range, string Query, string? Body, string? Extra);

/// <summary>
/// A registry in this process, speaking HTTP on the loopback: it serves what it is given, and misbehaves as a test tells it to.
/// </summary>
public sealed class TestRegistry : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Task _loop;

    /// <param name="name">Host name that it answers to.</param>
    public TestRegistry(string name = "127.0.0.1")
    {
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }

        _listener.Prefixes.Add($"http://{name}:{Port}/");
        _listener.Start();
        _loop = Task.Run(LoopAsync);
    }

    public int Port { get; }

    public string Host => $"127.0.0.1:{Port}";

    public ConcurrentDictionary<string, (byte[] Content, string Type)> Manifests { get; } = new();

    public ConcurrentDictionary<Digest, byte[]> Blobs { get; } = new();

    public ConcurrentQueue<SeenRequest> Requests { get; } = new();

    /// <summary>Runs before the registry answers; true: the hook has answered.</summary>
    public Func<HttpListenerContext, Task<bool>>? Hook { get; set; }

    public bool SendDigestHeader { get; set; } = true;

    public string Reference(string name = "test/app:v1") => $"{Host}/{name}";

    public void Serve(TestImage image, string tag = "v1", string type = TestImage.OciManifest) =>
        Serve(image.ManifestBytes, type, tag, image);

    public void Serve(byte[] document, string type, string tag, params TestImage[] images)
    {
        foreach (var image in images)
        {
            Manifests[image.ManifestDigest.ToString()] = (image.ManifestBytes, TestImage.OciManifest);
            foreach (var (digest, content) in image.Blobs) Blobs[digest] = content;
        }

        Manifests[tag] = (document, type);
        Manifests[TestImage.Hash(document).ToString()] = (document, type);
    }

    public int Count(string pathPart) => Requests.Count(r => r.Path.Contains(pathPart, StringComparison.Ordinal));

    public static async Task AnswerAsync(HttpListenerContext context, int status, byte[]? body = null, string? type = null)
    {
        context.Response.StatusCode = status;
        if (type is not null) context.Response.ContentType = type;
        context.Response.ContentLength64 = body?.Length ?? 0;
        if (body is not null && context.Request.HttpMethod != "HEAD") await context.Response.OutputStream.WriteAsync(body);
        context.Response.Close();
    }

    public void Dispose()
    {
        _listener.Close();
        _loop.GetAwaiter().GetResult();
    }

    private async Task LoopAsync()
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            _ = Task.Run(() => HandleAsync(context));
        }
    }

    private async Task HandleAsync(HttpListenerContext context)
    {
        var request = context.Request;
        var body = request.HasEntityBody ? await new StreamReader(request.InputStream, Encoding.UTF8).ReadToEndAsync() : null;
        Requests.Enqueue(new SeenRequest(
            request.HttpMethod, request.Url!.AbsolutePath, request.Headers["Authorization"], request.Headers["Range"], request.Url.Query,
                body, request.Headers["X-Extra"]));
        try
        {
            if (Hook is { } hook && await hook(context)) return;
            await ServeAsync(context);
        }
        catch (Exception e) when (e is HttpListenerException or IOException or ObjectDisposedException)
        {
            context.Response.Abort();
        }
    }

    private async Task ServeAsync(HttpListenerContext context)
    {
        var path = context.Request.Url!.AbsolutePath;
        var key = path[(path.LastIndexOf('/') + 1)..];
        if (path.Contains("/manifests/", StringComparison.Ordinal) && Manifests.TryGetValue(key, out var manifest))
        {
            if (SendDigestHeader) context.Response.Headers["Docker-Content-Digest"] = TestImage.Hash(manifest.Content).ToString();
            await AnswerAsync(context, 200, manifest.Content, manifest.Type);
        }
        else if (path.Contains("/blobs/", StringComparison.Ordinal)
            && Digest.TryParse(key, out var digest) && Blobs.TryGetValue(digest, out var blob))
        {
            await BlobAsync(context, blob);
        }
        else
        {
            await AnswerAsync(context, 404, """{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"""u8.ToArray(), "application/json");
        }
    }

    private static async Task BlobAsync(HttpListenerContext context, byte[] blob)
    {
        if (context.Request.Headers["Range"] is not { } range)
        {
            await AnswerAsync(context, 200, blob);
            return;
        }

        var from = int.Parse(range["bytes=".Length..].TrimEnd('-'), System.Globalization.CultureInfo.InvariantCulture);
        context.Response.Headers["Content-Range"] = $"bytes {from}-{blob.Length - 1}/{blob.Length}";
        await AnswerAsync(context, 206, blob[from..]);
    }
}
