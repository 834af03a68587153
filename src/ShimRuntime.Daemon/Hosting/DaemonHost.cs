using System.Diagnostics;
using ShimRuntime.Daemon.Checks;
using ShimRuntime.Daemon.Configuration;
using ShimRuntime.Daemon.Logging;
using ShimRuntime.Daemon.Upgrades;
using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>
/// The daemon's process: its sockets, and terms of service on them, one after the other. As a rule there is one term, from the start to the
/// end; an upgrade ends it early, and when the new daemon then does not serve, there is another. Ending leaves every container running.
/// </summary>
internal sealed class DaemonHost : IDisposable
{
    private readonly DaemonConfig _config;
    private readonly StderrLoggerProvider _provider;
    private readonly ILoggerFactory _logs;
    private readonly ILogger _log;
    private readonly StopSignals _stop;
    private readonly ServiceNotifier _notifier;
    private readonly UpgradeDesk _desk = new(Environment.ProcessPath ?? "");
    private readonly long _started = Stopwatch.GetTimestamp();
    private int _streams = -1;

    private DaemonHost(DaemonConfig config)
    {
        ProcessSetup.Apply();
        StateDirectories.Create(config.Root, config.State);
        _config = config;
        _provider = new StderrLoggerProvider(config.LogLevel, JournalStream.IsStderr(), TimeProvider.System);
        _logs = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(_provider));
        _log = _logs.CreateLogger("ShimRuntime.Daemon");
        _stop = new StopSignals(_log);
        _notifier = new ServiceNotifier(_log);
    }

    /// <summary>Lock, listen, accept, open, recover, ready, serve until told to end.</summary>
    public static async Task<int> RunAsync(DaemonConfig config)
    {
        using var host = new DaemonHost(config);
        using var inherited = InheritedSockets.Take();
        ListeningSocket socket;
        var locks = DaemonLocks.Take(config);
        try
        {
            // From here on clients can connect: what they send waits in the socket until the server accepts.
            socket = host.Adopted(inherited) ?? ListeningSocket.Bind(config.SocketPath);
        }
        catch
        {
            locks.Dispose();
            throw;
        }

        using (socket)
        {
            host._streams = inherited.TakeStreams();
            return await host.ServeAsync(socket, locks, null);
        }
    }

    /// <summary>In the place of the daemon that has started this process: its sockets, and its locks once it has given them up.</summary>
    public static async Task<int> TakeOverAsync(DaemonConfig config)
    {
        using var predecessor = Predecessor.Inherit();
        using var host = new DaemonHost(config);
        try
        {
            using var socket = ListeningSocket.Adopt(Successor.CriFd, config.SocketPath);
            host._streams = Successor.StreamsFd;
            if (!await predecessor.CheckAsync(config)) return 1;
            predecessor.Booted(Program.Version);
            if (!await predecessor.WaitAsync()) throw RuntimeFault.Internal("failed to take over: the daemon before gave no word; it serves on");
            return await host.ServeAsync(socket, await DaemonLocks.TakeFreedAsync(config), predecessor);
        }
        catch (Exception e) when (e is RuntimeFault or IOException or UnauthorizedAccessException)
        {
            predecessor.Fail(e.Message);
            throw;
        }
    }

    public void Dispose()
    {
        FileDescriptor.Close(ref _streams);
        _desk.Dispose();
        _stop.Dispose();
        _logs.Dispose();
        _provider.Dispose();
    }

    /// <summary>What the service manager holds; one that is bound elsewhere, or whose path is gone, serves nobody.</summary>
    private ListeningSocket? Adopted(InheritedSockets inherited)
    {
        if (inherited.Cri < 0) return null;
        try
        {
            return ListeningSocket.Adopt(inherited.TakeCri(), _config.SocketPath);
        }
        catch (RuntimeFault e)
        {
            _log.LogWarning("a socket from the service manager is not used: {Cause}", e.Message);
            return null;
        }
    }

    private async Task<int> ServeAsync(ListeningSocket socket, DaemonLocks locks, Predecessor? predecessor)
    {
        while (true)
        {
            using var successor = await TermAsync(socket, locks, predecessor);
            if (successor is null) return 0;
            var failure = await successor.TakeOverAsync();
            if (failure.Length == 0)
            {
                socket.IsShared = true;
                _notifier.MainProcess(successor.Pid);
                if (_stop.Token.IsCancellationRequested) successor.Stop();
                _log.LogInformation("pid {Pid} serves now; ended", successor.Pid);
                return 0;
            }

            _log.LogError("the new daemon, pid {Pid}, did not take over: {Cause}; this one serves again", successor.Pid, failure);
            _desk.Failed(failure);
            locks = DaemonLocks.Take(_config);
            predecessor = null;
        }
    }

    /// <summary>One term of service. Null: it ended because the daemon is to end.</summary>
    private async Task<Successor?> TermAsync(ListeningSocket socket, DaemonLocks locks, Predecessor? predecessor)
    {
        using var held = locks;
        var gate = new ServiceGate { Locks = held };
        using var operations = new CancellationTokenSource();
        await using var opening = new Opening(
            () => Composition.OpenAsync(_config, _logs, TakeStreams(), operations.Token), gate, HandoverState.Take(_config.State), _stop.Token);
        await using var server = GrpcServer.Build(socket, gate, _desk, _logs);
        // Clients of a daemon that is replaced see a pause, and no half a node: they wait in the socket until all is recovered.
        var isFirst = predecessor is null && _desk.FailedUpgrade.Length == 0;
        if (isFirst) await AcceptAsync(server);
        var services = await opening.OpenedAsync();
        Successor? successor = null;
        try
        {
            await opening.RecoveredAsync();
            if (!isFirst) await AcceptAsync(server);
            Ready(socket, services, predecessor);
            _ = MemoryKeeper.RunAsync(operations.Token);
            successor = await _desk.NextAsync(_stop.Token);
        }
        catch (OperationCanceledException) when (_stop.Token.IsCancellationRequested)
        {
            // The way out of the wait: the daemon was told to end.
        }

        if (successor is null)
        {
            _notifier.Stopping();
            await _desk.CloseAsync();
        }

        await StopAsync(server, gate, successor is null ? GrpcServer.DrainDeadline : GrpcServer.HandoverDeadline);
        services.Left().Write(_config.State);
        await operations.CancelAsync();
        return successor;
    }

    /// <summary>Says so to whoever waits for it.</summary>
    private void Ready(ListeningSocket socket, Composition services, Predecessor? predecessor)
    {
        _streams = services.Streaming.DuplicateListener();
        _desk.Listeners = () => (socket.Fd, _streams);
        _log.LogInformation("ready after {Ms:0} ms", Milliseconds(_started));
        predecessor?.Ready();
        socket.IsShared |= _notifier.Ready(socket.Fd, _streams);
        OverlayCheck.RemoveLeftovers(_config.Root);
    }

    /// <summary>The composition owns what it is given; what is kept for the next one is a descriptor of its own.</summary>
    private int TakeStreams()
    {
        var fd = _streams;
        _streams = -1;
        return fd;
    }

    private async Task AcceptAsync(WebApplication server)
    {
        await server.StartAsync(CancellationToken.None); // waits for nobody; cancelled, it would be a failure to start, and not an end
        _log.LogInformation("{Version} accepts on {Listen} after {Ms:0} ms", Program.Version, _config.Listen, Milliseconds(_started));
    }

    /// <summary>
    /// Clients get GOAWAY and the calls under way some time, then Unavailable; what is left of connections a moment later is cut. Operations of
    /// the containers go on in their shims.
    /// </summary>
    private async Task StopAsync(WebApplication server, ServiceGate gate, TimeSpan drain)
    {
        gate.CutAfter(drain);
        await GrpcServer.CloseAsync(server);
        using var deadline = new CancellationTokenSource(drain + GrpcServer.LastWord);
        await server.StopAsync(deadline.Token);
        _log.LogInformation("serves no longer; containers keep running");
    }

    private static double Milliseconds(long since) => Stopwatch.GetElapsedTime(since).TotalMilliseconds;
}
