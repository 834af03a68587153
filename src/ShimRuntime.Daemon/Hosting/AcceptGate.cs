using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>
/// Kestrel's sockets, with a way to accept no more some time before its stop. A connection that is in its HTTP/2 handshake when the GOAWAY comes is
/// a failed call to some clients; those that have been accepted get the moment to finish it, and the next ones wait for the next daemon.
/// </summary>
internal sealed class AcceptGate(ILoggerFactory logs) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly SocketTransportFactory _sockets = new(Options.Create(new SocketTransportOptions()), logs);
    private readonly List<Listener> _listeners = [];

    public bool CanBind(EndPoint endpoint) => _sockets.CanBind(endpoint);

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var listener = new Listener(await _sockets.BindAsync(endpoint, cancellationToken));
        _listeners.Add(listener);
        return listener;
    }

    /// <summary>The socket itself stays: who connects waits in its backlog.</summary>
    public async Task CloseAsync()
    {
        foreach (var listener in _listeners) await listener.CloseAsync();
    }

    private sealed class Listener(IConnectionListener inner) : IConnectionListener
    {
        private readonly TaskCompletionSource<ConnectionContext?> _unbound = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private bool _isClosed;

        public EndPoint EndPoint => inner.EndPoint;

        /// <summary>Null, which ends Kestrel's loop, only when Kestrel itself has unbound.</summary>
        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
            await inner.AcceptAsync(cancellationToken) ?? await _unbound.Task.WaitAsync(cancellationToken);

        public async ValueTask CloseAsync()
        {
            if (_isClosed) return;
            _isClosed = true;
            await inner.UnbindAsync();
        }

        public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            await CloseAsync();
            _unbound.TrySetResult(null);
        }

        public ValueTask DisposeAsync()
        {
            _unbound.TrySetResult(null);
            return inner.DisposeAsync();
        }
    }
}
