using Microsoft.Extensions.Logging;
using ShimRuntime.Runtime.Shims;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Containers;

/// <summary>What became of a start whose answer this daemon did not get: the shim is asked until it is no longer in between.</summary>
internal sealed class StartSettlement(ContainerParts parts)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);
    private readonly ILogger _log = parts.Logs.CreateLogger<StartSettlement>();

    /// <summary>Returns when the container's phase tells the truth again; false when the shim has died instead.</summary>
    public async Task<bool> SettleAsync(ContainerEntry entry, RunningShim shim)
    {
        while (!shim.Gone.IsCompleted)
        {
            try
            {
                var hello = await shim.HelloAsync(parts.Stopping).ConfigureAwait(false);
                if (await ApplyAsync(entry, hello).ConfigureAwait(false)) return true;
            }
            catch (ShimFault e)
            {
                _log.LogDebug("container {Id}: asking its shim about the start: {Cause}", entry.Id, e.Message);
            }

            await Task.WhenAny(shim.Gone, Task.Delay(Interval, parts.Stopping)).ConfigureAwait(false);
            parts.Stopping.ThrowIfCancellationRequested();
        }

        return false;
    }

    /// <summary>Records that the init runs. An end that has overtaken the news keeps the start's facts only.</summary>
    public async Task StartedAsync(ContainerEntry entry, StartResponse started)
    {
        await using var pass = (await entry.Gate.EnterAsync(parts.Stopping).ConfigureAwait(false)).ConfigureAwait(false);
        if (ContainerLifecycle.HasProcess(entry.Record.Phase)) entry.Advance(ContainerEvent.Started, "start", r => WithStart(r, started));
        else entry.Amend(r => r with { StartedAtNanos = started.StartedAtNanos });
        RememberStart(entry, started.StartedAtNanos);
        _log.LogInformation("container {Id} started: pid {Pid}", entry.Id, started.Pid);
    }

    /// <summary>exit.json has the time from the end on, so this matters only if the machine ends before the container.</summary>
    private void RememberStart(ContainerEntry entry, long nanos)
    {
        if (entry.Ended.IsCompleted) return;
        try
        {
            parts.Files.WriteStarted(entry.Id, nanos);
        }
        catch (IOException e)
        {
            _log.LogWarning("container {Id}: the time of its start is not kept: {Cause}", entry.Id, e.Message);
        }
    }

    /// <summary>False: still in between.</summary>
    private async Task<bool> ApplyAsync(ContainerEntry entry, HelloResponse hello)
    {
        if (hello.State != ShimState.Starting) parts.Leftovers.ReleaseStages(entry.Id);
        switch (hello.State)
        {
            case ShimState.Running or ShimState.Stopping:
                var started = new StartResponse
                {
                    Pid = hello.Pid,
                    PidStartTicks = hello.PidStartTicks,
                    StartedAtNanos = hello.StartedAtNanos,
                };
                await StartedAsync(entry, started).ConfigureAwait(false);
                return true;
            case ShimState.Exited:
                await parts.Supervisor.EndAsync(entry, ExitFile.From(hello.Exit)).ConfigureAwait(false);
                return true;
            case ShimState.Created:
                var unstarted = ContainerSupervisor.UnknownExit("its start never reached the shim");
                await parts.Supervisor.EndAsync(entry, unstarted).ConfigureAwait(false);
                return true;
            default:
                return false;
        }
    }

    private static ContainerRecord WithStart(ContainerRecord record, StartResponse started) =>
        record with { Pid = started.Pid, PidStartTicks = started.PidStartTicks, StartedAtNanos = started.StartedAtNanos };
}
