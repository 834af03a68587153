using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace ShimRuntime.Examples.Kestrel;

/// <summary>
/// What Kestrel's own stop leaves out: it closes at once each connection whose first request it has not begun to read, though that may be on
/// its way, or be there. Here HTTP does not hear of the stop before the first request has been answered; a connection that brings none has
/// two seconds for it.
/// </summary>
internal sealed class Drain : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private readonly CancellationTokenSource _patienceEnds = new();
    private CancellationToken _stopping;

    public void BeginsWith(CancellationToken stopping)
    {
        _stopping = stopping;
        stopping.Register(() => _patienceEnds.CancelAfter(Patience));
    }

    public void Dispose() => _patienceEnds.Dispose();

    /// <summary>Connection middleware.</summary>
    public ConnectionDelegate FirstRequestFirst(ConnectionDelegate next) => async connection =>
    {
        using var stop = new LateStop(connection.Features.Get<IConnectionLifetimeNotificationFeature>()!);
        connection.Features.Set<IConnectionLifetimeNotificationFeature>(stop);
        connection.Features.Set(stop);
        try
        {
            var first = await connection.Transport.Input.ReadAsync(_patienceEnds.Token);
            connection.Transport.Input.AdvanceTo(first.Buffer.Start); // it is for HTTP
        }
        catch (OperationCanceledException)
        {
            return;
        }

        await next(connection);
    };

    /// <summary>HTTP middleware: an answer during the drain is the last one of its connection, and says so.</summary>
    public async Task CloseAfterAnswer(HttpContext context, RequestDelegate next)
    {
        if (_stopping.IsCancellationRequested) context.Response.Headers.Connection = "close";
        await next(context);
        context.Features.Get<LateStop>()?.Pass();
    }

    /// <summary>A connection's stop, held back until <see cref="Pass"/>.</summary>
    private sealed class LateStop(IConnectionLifetimeNotificationFeature kestrels) : IConnectionLifetimeNotificationFeature, IDisposable
    {
        private readonly CancellationTokenSource _requested = new();
        private CancellationTokenRegistration? _passes;

        public CancellationToken ConnectionClosedRequested
        {
            get => _requested.Token;
            set => throw new NotSupportedException();
        }

        public void RequestClose() => _requested.Cancel();

        public void Pass() => _passes ??= kestrels.ConnectionClosedRequested.Register(RequestClose);

        public void Dispose()
        {
            _passes?.Dispose();
            _requested.Dispose();
        }
    }
}
