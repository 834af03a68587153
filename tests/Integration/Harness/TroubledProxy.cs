using System.Net;
using System.Net.Sockets;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>
/// A TCP proxy in front of the registry that misbehaves on demand: drops a connection after so many bytes, is slow, or holds everything.
/// </summary>
public sealed class TroubledProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly string _target;
    private readonly Task _accepting;
    private int _dropsLeft;
    private long _dropAfterBytes;
    private int _connections;
    private int _dropped;
    private TaskCompletionSource _gate = Opened();

    /// <param name="target">host:port of the registry.</param>
    public TroubledProxy(string target)
    {
        _target = target;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Host => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public string Address => $"http://{Host}";

    public int Connections => Volatile.Read(ref _connections);

    public int Dropped => Volatile.Read(ref _dropped);

    /// <summary>The next <paramref name="times"/> connections that carry so many bytes towards the client are reset there.</summary>
    public void Drop(int times, long afterBytes)
    {
        Volatile.Write(ref _dropAfterBytes, afterBytes);
        Volatile.Write(ref _dropsLeft, times);
    }

    /// <summary>Nothing flows towards the client any more until <see cref="Release"/>; connections stay up.</summary>
    public void Hold() => _gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Release() => _gate.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _gate.TrySetResult();
        _listener.Stop();
        await _accepting;
    }

    private static TaskCompletionSource Opened()
    {
        var gate = new TaskCompletionSource();
        gate.SetResult();
        return gate;
    }

    private async Task AcceptAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            try
            {
                var client = await _listener.AcceptSocketAsync(_end.Token);
                Interlocked.Increment(ref _connections);
                _ = ServeAsync(client);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using var ours = client;
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await server.ConnectAsync(IPEndPoint.Parse(_target), _end.Token);
            await Task.WhenAny(CopyAsync(client, server, false), CopyAsync(server, client, true));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The other side is told by the close.
        }
    }

    private async Task CopyAsync(Socket from, Socket to, bool towardsClient)
    {
        var buffer = new byte[16 << 10];
        long sum = 0;
        while (true)
        {
            var count = await from.ReceiveAsync(buffer, _end.Token);
            if (count == 0) return;
            sum += count;
            if (towardsClient)
            {
                await _gate.Task.WaitAsync(_end.Token);
                if (sum > Volatile.Read(ref _dropAfterBytes) && TakeDrop())
                {
                    to.LingerState = new LingerOption(true, 0);
                    return;
                }
            }

            await to.SendAsync(buffer.AsMemory(0, count), _end.Token);
        }
    }

    private bool TakeDrop()
    {
        if (Interlocked.Decrement(ref _dropsLeft) < 0)
        {
            Volatile.Write(ref _dropsLeft, 0);
            return false;
        }

        Interlocked.Increment(ref _dropped);
        return true;
    }
}
