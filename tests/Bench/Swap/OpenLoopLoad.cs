using System.Diagnostics;
using System.Net;
using ShimRuntime.Linux;

namespace ShimRuntime.Bench.Swap;

/// <summary>
/// Requests at a fixed rate, whether or not earlier ones have been answered, so that a server that stands still is seen as each of them
/// would see it. Every second one on a connection of its own, the others on kept ones. A right answer is the request's own number and a
/// generation. One thread: on a small machine the load must leave the processors to what is measured.
/// </summary>
/// <param name="target">Of the pod, in its own network namespace.</param>
internal sealed class OpenLoopLoad(IPEndPoint target, int perSecond) : IDisposable
{
    private const int MostAtOnce = 16; // between them answers are read: whoever only sends, because it is late, stays late
    private const int MostConnections = 15_000; // below the usual limit of descriptors; a server that is so far behind has failed
    private static readonly TimeSpan RequestDeadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(1);
    private readonly EpollLoop _loop = new(e => throw new InvalidOperationException("the load is broken", e));
    private readonly Stopwatch _clock = new();
    private readonly Queue<LoadRequest> _pending = []; // those that are over among them
    private readonly Queue<LoadConnection> _kept = []; // in turn: none idles until the server takes it for forgotten
    private readonly HashSet<LoadConnection> _open = [];
    private LoopTimer? _tick;
    private long _next;
    private TimeSpan _sending;

    public LoadTally Tally { get; } = new();

    /// <summary>Until <paramref name="stop"/>; then waits for what is on its way. Once.</summary>
    public Task RunAsync(CancellationToken stop) =>
        Task.Factory.StartNew(() => Run(stop), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    public void Dispose() => _loop.Dispose();

    /// <summary>An answer has come. A connection that the server closes is closed by it first, so that the port is free again here.</summary>
    internal void Answered(LoadConnection connection, LoadRequest request, HttpAnswer answer)
    {
        request.IsOver = true;
        if (answer.Body.StartsWith($"/{request.Number} g", StringComparison.Ordinal))
            Tally.Answer((_clock.Elapsed - request.Due).TotalMilliseconds, (_clock.Elapsed - request.Sent).TotalMilliseconds);
        else Tally.Fail($"wrong answer ({answer.Body})");
        if (request.Keeps && !answer.Closes) _kept.Enqueue(connection);
    }

    /// <summary>A kept connection may have been closed by the server when the next request came (RFC 9112, 9.3.1): that is sent again once.</summary>
    internal void Broken(LoadRequest request, string how, bool wasReused)
    {
        if (request.IsOver) return;
        if (how == "reset" && wasReused && !request.WasSentAgain)
        {
            request.WasSentAgain = true;
            Tally.Retry();
            Connect(request);
            return;
        }

        Fail(request, how);
    }

    internal void Closed(LoadConnection connection) => _open.Remove(connection);

    private void Run(CancellationToken stop)
    {
        _clock.Start();
        _tick = _loop.CreateTimer(() => Tick(stop.IsCancellationRequested));
        _tick.Set(Step);
        _loop.Run();
        Tally.Sent(_next, _sending);
        foreach (var connection in _open.ToArray()) connection.Close();
    }

    private void Tick(bool stops)
    {
        var now = _clock.Elapsed;
        for (var i = 0; i < MostAtOnce && !stops; i++)
        {
            var due = TimeSpan.FromSeconds((double)_next / perSecond);
            if (due > now) break;
            Tally.Issue((now - due).TotalMilliseconds);
            Send(new LoadRequest(_next++, due, _clock.Elapsed));
        }

        while (_pending.TryPeek(out var request) && (request.IsOver || request.Sent + RequestDeadline <= now))
        {
            _pending.Dequeue();
            if (request.IsOver) continue;
            Fail(request, "timed out");
            request.Connection?.Close();
        }

        if (!stops) _sending = now;
        if (stops && _pending.Count == 0) _loop.Stop();
        else _tick!.Set(Step);
    }

    private void Send(LoadRequest request)
    {
        _pending.Enqueue(request);
        while (request.Keeps && _kept.TryDequeue(out var kept))
        {
            if (kept.IsClosed) continue;
            kept.Begin(request);
            return;
        }

        Connect(request);
    }

    private void Connect(LoadRequest request)
    {
        if (_open.Count == MostConnections)
        {
            Fail(request, $"not sent ({MostConnections} connections are open)");
            return;
        }

        try
        {
            var connection = new LoadConnection(_loop, TcpSocket.BeginConnect(target), this);
            Tally.Connect();
            _open.Add(connection);
            connection.Begin(request);
        }
        catch (LinuxException e)
        {
            Fail(request, e.ErrorNumber == Errno.ECONNREFUSED ? "refused" : $"failed ({e.Message})");
        }
    }

    private void Fail(LoadRequest request, string how)
    {
        request.IsOver = true;
        Tally.Fail(how);
    }
}
