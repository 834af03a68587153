using System.Net;
using System.Net.Sockets;

namespace ShimRuntime.Bench.Swap;

/// <summary>One TCP connection for one HTTP/1.1 exchange.</summary>
internal sealed class HttpConnection : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _buffer = new byte[4096];

    public Task ConnectAsync(IPEndPoint endpoint, CancellationToken cancellation) => _socket.ConnectAsync(endpoint, cancellation).AsTask();

    /// <summary>The body; null when the peer closed before the first byte of an answer.</summary>
    public async Task<string?> GetAsync(string path, CancellationToken cancellation)
    {
        await _socket.SendAsync(HttpAnswer.Request(path, false), cancellation);
        for (var filled = 0; ;)
        {
            var count = await _socket.ReceiveAsync(_buffer.AsMemory(filled), cancellation);
            if (count == 0) return filled == 0 ? null : throw new IOException("the answer is cut short");
            filled += count;
            if (HttpAnswer.TryParse(_buffer.AsSpan(0, filled)) is { } answer) return answer.Body;
            if (filled == _buffer.Length) throw new IOException("the answer is larger than any that is expected");
        }
    }

    public void Dispose() => _socket.Dispose();
}
