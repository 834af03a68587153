using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Shims;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// Waits for each container's end: by the shim's answer to Wait, or by the shim's own death. A connection that breaks while the shim
/// lives is made again; a silent shim is left alone.
/// </summary>
public sealed class ContainerSupervisor(
    ContainerFiles files, LeafKiller killer, ILogger<ContainerSupervisor> log, CancellationToken stopping)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan WriteAgain = TimeSpan.FromSeconds(1);

    /// <summary>Watches until the container has ended or the daemon does; returns at once.</summary>
    public void Watch(ContainerEntry entry, RunningShim shim) => _ = Task.Run(() => WatchAsync(entry, shim), CancellationToken.None);

    private async Task WatchAsync(ContainerEntry entry, RunningShim shim)
    {
        try
        {
            for (var pause = FirstPause; !shim.Gone.IsCompleted; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
            {
                if (await TryWaitAsync(entry, shim).ConfigureAwait(false)) return;
                await Task.WhenAny(shim.Gone, Task.Delay(pause, stopping)).ConfigureAwait(false);
                stopping.ThrowIfCancellationRequested();
            }

            await LostAsync(entry).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
        }
        catch (Exception e)
        {
            log.LogError(e, "container {Id}: lost sight of it; the daemon's next start will look again", entry.Id);
        }
    }

    private async Task<bool> TryWaitAsync(ContainerEntry entry, RunningShim shim)
    {
        using var call = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var answer = shim.WaitAsync(call.Token);
        // The socket's end comes with the process's, but a pidfd can't be fooled by a forked copy of the socket.
        await Task.WhenAny(answer, shim.Gone).ConfigureAwait(false);
        try
        {
            if (!answer.IsCompleted) await call.CancelAsync().ConfigureAwait(false);
            await EndAsync(entry, ExitFile.From(await answer.ConfigureAwait(false))).ConfigureAwait(false);
            return true;
        }
        catch (ShimFault e)
        {
            log.LogDebug("container {Id}: waiting for its end was interrupted: {Cause}", entry.Id, e.Message);
            return false;
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>
    /// The shim has died. exit.json is written before anyone is told, so it may know the end; else the container is killed.
    /// </summary>
    public async Task LostAsync(ContainerEntry entry)
    {
        if (entry.Ended.IsCompleted || entry.Record.Phase == ContainerPhase.Removing) return;
        if (ExitFile.TryRead(files.Paths.Exit(entry.Id)) is { } known)
        {
            await EndAsync(entry, known).ConfigureAwait(false);
            return;
        }

        var ran = ContainerLifecycle.HasProcess(entry.Record.Phase);
        log.LogError("container {Id}: its shim {Pid} has died{Then}", entry.Id, entry.Record.ShimPid, ran ? "; killing what it left" : "");
        if (ran) await killer.KillAsync(entry.Record.ContainerCgroup, stopping).ConfigureAwait(false);
        await EndAsync(entry, ran ? LostExit() : UnknownExit("its shim ended before the container was started")).ConfigureAwait(false);
    }

    /// <summary>Records an end; one that only the daemon knows of is made durable by it.</summary>
    public async Task EndAsync(ContainerEntry entry, ContainerExit exit)
    {
        bool first;
        await using ((await entry.Gate.EnterAsync(stopping).ConfigureAwait(false)).ConfigureAwait(false))
        {
            first = entry.End(exit);
        }

        if (!first) return;
        log.LogInformation("container {Id} ended: {Reason}, {Code}{Message}", entry.Id, exit.Reason, exit.Code,
            exit.Message.Length > 0 ? $", {exit.Message}" : "");
        if (!File.Exists(files.Paths.Exit(entry.Id))) Record(entry);
    }

    /// <summary>Writes an end that nobody else has written. A disk that is full or fails is tried again, unless the container goes before.</summary>
    public void Record(ContainerEntry ended)
    {
        if (!TryRecord(ended, LogLevel.Warning)) _ = Task.Run(() => RecordLaterAsync(ended), CancellationToken.None);
    }

    private async Task RecordLaterAsync(ContainerEntry entry)
    {
        do await Task.Delay(WriteAgain, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!stopping.IsCancellationRequested && entry.Record.Phase != ContainerPhase.Removing && !TryRecord(entry, LogLevel.Debug));
    }

    private bool TryRecord(ContainerEntry entry, LogLevel level)
    {
        try
        {
            files.Write(entry.Record);
            return true;
        }
        catch (LinuxException e)
        {
            log.Log(level, "container {Id}: its end can't be written; tried again until it works: {Cause}", entry.Id, e.Message);
            return false;
        }
    }

    public static ContainerExit LostExit() => new()
    {
        Code = ExitReasons.LostCode,
        Signal = 9,
        Reason = ExitReasons.ShimLost,
        Message = "its shim died, and the container was killed",
        FinishedAtNanos = UnixTime.NowNanos(),
    };

    public static ContainerExit UnknownExit(string message) => new()
    {
        Code = ExitReasons.UnknownCode,
        Reason = ExitReasons.Unknown,
        Message = message,
        FinishedAtNanos = UnixTime.NowNanos(),
    };
}
