using System.Collections.Concurrent;
using System.Net;
using System.Text;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>
/// An attacker's registry: answers every manifest and blob with what it was given, true or not; null content never ends. It may want
/// credentials, and send those who have them elsewhere.
/// </summary>
public sealed class LyingRegistry : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly string? _content;
    private readonly string _mediaType;
    private readonly string? _redirect;
    private readonly string? _challenge;
    private readonly Task _serving;
    private long _sent;

    public LyingRegistry(string? content, string mediaType, string? redirect = null, string? challenge = null)
    {
        (_content, _mediaType, _redirect, _challenge) = (content, mediaType, redirect, challenge);
        Host = $"127.0.0.1:{FreePort.Next()}";
        _listener.Prefixes.Add($"{Address}/");
        _listener.Start();
        _serving = ServeAsync();
    }

    public string Host { get; }

    public string Address => $"http://{Host}";

    public long BytesSent => Volatile.Read(ref _sent);

    /// <summary>Every Authorization header that was received.</summary>
    public ConcurrentBag<string> Authorizations { get; } = [];

    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        await _serving;
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                _ = AnswerAsync(context);
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        try
        {
            var authorization = context.Request.Headers["Authorization"];
            if (authorization is not null) Authorizations.Add(authorization);
            var response = context.Response;
            if (_challenge is not null && authorization is null)
            {
                response.StatusCode = 401;
                response.AddHeader("WWW-Authenticate", _challenge);
            }
            else if (_redirect is not null)
            {
                response.StatusCode = 307;
                response.RedirectLocation = _redirect;
            }
            else
            {
                await WriteAsync(context);
            }

            response.Close();
        }
        catch (Exception e) when (e is HttpListenerException or IOException or ObjectDisposedException)
        {
            // The client has hung up: that is its right.
        }
    }

    private async Task WriteAsync(HttpListenerContext context)
    {
        var response = context.Response;
        response.ContentType = _mediaType;
        if (_content is not null)
        {
            var bytes = Encoding.UTF8.GetBytes(_content);
            response.ContentLength64 = bytes.Length;
            if (context.Request.HttpMethod != "HEAD") await response.OutputStream.WriteAsync(bytes);
            return;
        }

        response.SendChunked = true;
        if (context.Request.HttpMethod == "HEAD") return;
        var spaces = Encoding.ASCII.GetBytes(new string(' ', 64 << 10));
        while (BytesSent < 256 << 20)
        {
            await response.OutputStream.WriteAsync(spaces);
            Interlocked.Add(ref _sent, spaces.Length);
        }
    }
}
