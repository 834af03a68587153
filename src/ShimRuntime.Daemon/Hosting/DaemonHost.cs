using System.Diagnostics;
using System.Runtime.InteropServices;
using ShimRuntime.Daemon.Configuration;
using ShimRuntime.Daemon.Logging;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>
/// One run of the daemon: lock, listen, accept, open, recover, ready, serve until told to end. Ending leaves every container running.
/// </summary>
internal static class DaemonHost
{
    public static async Task<int> RunAsync(DaemonConfig config)
    {
        var started = Stopwatch.GetTimestamp();
        ProcessSetup.Apply();
        StateDirectories.Create(config.Root, config.State);
        using var rootLock = DirectoryLock.Take(config.Root, "--root");
        using var stateLock = DirectoryLock.Take(config.State, "--state");
        // From here on clients can connect: what they send waits in the socket until the server accepts.
        using var socket = ListeningSocket.Bind(config.SocketPath);
        using var provider = new StderrLoggerProvider(config.LogLevel, JournalStream.IsStderr(), TimeProvider.System);
        using var logs = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(provider));
        var log = logs.CreateLogger("ShimRuntime.Daemon");
        using var stop = new StopSignals(log);
        var notifier = new ServiceNotifier(log);
        var gate = new ServiceGate();

        await using var server = GrpcServer.Build(socket, gate, logs);
        await server.StartAsync(stop.Token);
        log.LogInformation("{Version} accepts on {Listen} after {Ms:0} ms", Program.Version, config.Listen, Milliseconds(started));

        using var operations = new CancellationTokenSource();
        await using var services = await Composition.OpenAsync(config, logs, operations.Token);
        gate.Opened(services);
        try
        {
            await services.RecoverAsync(stop.Token);
            gate.Recovered(services);
            log.LogInformation("ready after {Ms:0} ms", Milliseconds(started));
            notifier.Ready();
            ReturnGarbage();
            await Task.Delay(Timeout.Infinite, stop.Token);
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            // The way out of the wait: the daemon was told to end.
        }

        notifier.Stopping();
        await StopAsync(server, log);
        await operations.CancelAsync();
        return 0;
    }

    /// <summary>
    /// Clients get GOAWAY and the calls under way some seconds; then the connections are cut. Operations of the containers go on in their
    /// shims.
    /// </summary>
    private static async Task StopAsync(WebApplication server, ILogger log)
    {
        using var deadline = new CancellationTokenSource(GrpcServer.DrainDeadline);
        await server.StopAsync(deadline.Token);
        log.LogInformation("ended; containers keep running");
    }

    /// <summary>What start and recovery needed is not needed again: the pages go back, once, when nobody waits for us.</summary>
    private static void ReturnGarbage() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, true, true);

    private static double Milliseconds(long since) => Stopwatch.GetElapsedTime(since).TotalMilliseconds;

    /// <summary>SIGTERM and SIGINT as one token; SIGHUP, which a closing terminal sends, changes nothing.</summary>
    private sealed class StopSignals : IDisposable
    {
        private readonly CancellationTokenSource _source = new();
        private readonly List<PosixSignalRegistration> _registrations = [];

        public StopSignals(ILogger log)
        {
            foreach (var signal in (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGINT])
            {
                _registrations.Add(PosixSignalRegistration.Create(signal, context =>
                {
                    context.Cancel = true;
                    log.LogInformation("{Signal}: ending", signal);
                    _source.Cancel();
                }));
            }

            _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => context.Cancel = true));
        }

        public CancellationToken Token => _source.Token;

        public void Dispose()
        {
            foreach (var registration in _registrations) registration.Dispose();
            _source.Dispose();
        }
    }
}
