using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Checkpoints;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.Runtime.Shims;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// StartContainer: the gate decides, the shim runs. A start that runc refuses is no error of the call that CRI knows of a code for: the
/// container is Exited, 128, StartError, and the caller gets runc's last line.
/// </summary>
internal sealed class StartVerb(ContainerParts parts)
{
    private static readonly TimeSpan RestorePatience = TimeSpan.FromMinutes(10); // all of a container's memory is read from the disk
    private readonly StartSettlement _settlement = new(parts);
    private readonly ILogger _log = parts.Logs.CreateLogger<StartVerb>();

    public async Task RunAsync(string containerId, CancellationToken client)
    {
        var entry = parts.Store.Get(containerId, "start");
        Task start;
        await using ((await entry.Gate.EnterAsync(client).ConfigureAwait(false)).ConfigureAwait(false))
        {
            start = entry.Starting is { IsCompleted: false } running ? running : Begin(entry);
        }

        var patience = IsRestored(entry) ? RestorePatience : parts.Options.RuncTimeout;
        try
        {
            await start.WaitAsync(patience, client).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            var shim = entry.Shim is { } connection ? ProcessState.Describe(connection.Process.Pid) : "gone";
            throw new RuntimeFault(FaultCode.DeadlineExceeded,
                $"failed to start container '{entry.Id}': its shim has not answered within {patience.TotalSeconds:0} s "
                + $"({shim}); call again to join the start");
        }
    }

    private bool IsRestored(ContainerEntry entry) => Directory.Exists(parts.Files.Paths.Restore(entry.Id));

    private Task Begin(ContainerEntry entry)
    {
        var sandbox = parts.Sandboxes.Find(entry.Record.SandboxId);
        if (sandbox is not { Phase: SandboxPhase.Ready })
        {
            throw RuntimeFault.FailedPrecondition(
                $"failed to start container '{entry.Id}': its pod sandbox '{entry.Record.SandboxId}' is "
                + $"{sandbox?.Phase.ToString() ?? "gone"}; run a new pod");
        }

        _ = PidTarget.Of(entry, parts.Store, "start");
        entry.Advance(ContainerEvent.StartRequested, "start");
        return entry.Starting = Task.Run(() => StartAsync(entry), CancellationToken.None);
    }

    private async Task StartAsync(ContainerEntry entry)
    {
        try
        {
            var shim = entry.Shim ?? throw new ShimFault(FaultCode.Unavailable, "its shim is gone");
            var stored = StoreAsync(entry.Id);
            var started = await RunAsync(entry, shim).ConfigureAwait(false);
            parts.Leftovers.ReleaseStages(entry.Id);
            await stored.ConfigureAwait(false);
            if (started.Exit is { } exit) await RefusedAsync(entry, exit).ConfigureAwait(false);
            else await _settlement.StartedAsync(entry, started).ConfigureAwait(false);
        }
        catch (ShimFault e)
        {
            throw await UnansweredAsync(entry, e).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Who is told that a container runs, by answer, list or event, will be told its end, even after a power loss; while runc works, the disk
    /// can. A disk that fails does not end what runs.
    /// </summary>
    private async Task StoreAsync(string id)
    {
        try
        {
            await parts.Files.SyncAsync(id).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            _log.LogError("container {Id} will not be known after a power loss: {Cause}", id, e.Message);
        }
    }

    /// <summary>A container that comes back from a checkpoint does so once: what it came from is deleted as soon as it runs.</summary>
    private async Task<StartResponse> RunAsync(ContainerEntry entry, RunningShim shim)
    {
        var restore = parts.Files.Paths.Restore(entry.Id);
        if (!IsRestored(entry)) return await shim.StartAsync(parts.Stopping).ConfigureAwait(false);
        var request = new RestoreRequest { ImageDirectory = RestoreSource.ImagesIn(restore), WorkDirectory = restore };
        var started = await shim.RestoreAsync(request, parts.Stopping).ConfigureAwait(false);
        if (started.Exit is null) Directory.Delete(RestoreSource.ImagesIn(restore), true);
        return started;
    }

    private async Task RefusedAsync(ContainerEntry entry, ExitStatus exit)
    {
        await parts.Supervisor.EndAsync(entry, ExitFile.From(exit)).ConfigureAwait(false);
        // Not Internal: as a rule it is the image's fault or the user's.
        throw new RuntimeFault(FaultCode.Unknown, $"failed to start container '{entry.Id}': {exit.Message}");
    }

    /// <summary>
    /// The shim died or the connection broke on the way: what became of the start is the supervisor's to find out, by the shim's death or
    /// Hello.
    /// </summary>
    private async Task<RuntimeFault> UnansweredAsync(ContainerEntry entry, ShimFault fault)
    {
        if (entry.Shim is { Gone.IsCompleted: false } shim && await _settlement.SettleAsync(entry, shim).ConfigureAwait(false))
        {
            return RuntimeFault.FailedPrecondition($"failed to start container '{entry.Id}': {fault.Message}; its status tells what "
                + "became of it");
        }

        await parts.Supervisor.LostAsync(entry).ConfigureAwait(false);
        parts.Leftovers.ReleaseStages(entry.Id);
        return RuntimeFault.Internal($"failed to start container '{entry.Id}': {fault.Message}", fault);
    }
}
