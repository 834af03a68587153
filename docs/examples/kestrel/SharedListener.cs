using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace ShimRuntime.Examples.Kestrel;

/// <summary>
/// A listener that other processes have too. .NET closes a socket on which an accept is pending by shutdown(2), or with SO_LINGER set to 0:
/// either is the socket's, so it would be everybody's. Here the accept is cancelled, and has ended, before the socket is closed.
/// </summary>
internal sealed class SharedListener(Socket socket, SocketConnectionContextFactory connections) : IConnectionListener
{
    private const int Backlog = 4096; // what comes between two generations waits there
    private readonly CancellationTokenSource _unbound = new();

    public EndPoint EndPoint => socket.LocalEndPoint!;

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (!_unbound.IsCancellationRequested)
        {
            try
            {
                var accepted = await socket.AcceptAsync(_unbound.Token);
                if (socket.AddressFamily != AddressFamily.Unix) accepted.NoDelay = true;
                return connections.Create(accepted);
            }
            catch (OperationCanceledException)
            {
                break;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionAborted)
            {
                // Its client went while it waited: the next one.
            }
        }

        return null; // tells Kestrel that no more come
    }

    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default) => await _unbound.CancelAsync();

    public ValueTask DisposeAsync()
    {
        socket.Dispose();
        _unbound.Dispose();
        connections.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>In the place of Kestrel's own transport.</summary>
    internal sealed class Factory(ILoggerFactory loggers) : IConnectionListenerFactory
    {
        public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
        {
            var socket = endpoint is FileHandleEndPoint inherited
                ? new Socket(new SafeSocketHandle((nint)inherited.FileHandle, true))
                : SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
            socket.Listen(Backlog);
            var connections = new SocketConnectionContextFactory(new SocketConnectionFactoryOptions(), loggers.CreateLogger<SharedListener>());
            return ValueTask.FromResult<IConnectionListener>(new SharedListener(socket, connections));
        }
    }
}
