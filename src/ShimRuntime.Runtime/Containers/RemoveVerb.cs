using Microsoft.Extensions.Logging;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Shims;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// RemoveContainer: kills what runs, then takes away everything but the log file, which is kubelet's. Unknown is no error. A removal
/// that fails leaves the container listed as Exited, and a later call goes on from where it was: every step may find its work done.
/// </summary>
internal sealed class RemoveVerb(ContainerParts parts, StopVerb stop)
{
    private static readonly TimeSpan ShimEndTimeout = TimeSpan.FromSeconds(10);
    private readonly ILogger _log = parts.Logs.CreateLogger<RemoveVerb>();

    public async Task RunAsync(string containerId, CancellationToken client)
    {
        if (parts.Store.Matching(containerId).Count == 0 && containerId.Length > 0) return;
        await RemoveAsync(parts.Store.Get(containerId, "remove"), client).ConfigureAwait(false);
    }

    public async Task RemoveAsync(ContainerEntry entry, CancellationToken client)
    {
        await parts.Creates.JoinAsync(entry, client).ConfigureAwait(false);
        while (true)
        {
            await stop.StopAsync(entry, TimeSpan.Zero, client).ConfigureAwait(false);
            if (await DecideAsync(entry, client).ConfigureAwait(false) is not { } removal) continue;
            await removal.WaitAsync(client).ConfigureAwait(false);
            return;
        }
    }

    /// <summary>Null: it was started in between.</summary>
    private async Task<Task?> DecideAsync(ContainerEntry entry, CancellationToken client)
    {
        await using var pass = (await entry.Gate.EnterAsync(client).ConfigureAwait(false)).ConfigureAwait(false);
        if (ContainerLifecycle.HasProcess(entry.Record.Phase)) return null;
        if (entry.Removing is { IsCompleted: false } running) return running;
        entry.Advance(ContainerEvent.RemoveRequested, "remove");
        return entry.Removing = Task.Run(() => TakeAwayAsync(entry), CancellationToken.None);
    }

    private async Task TakeAwayAsync(ContainerEntry entry)
    {
        var id = entry.Id;
        if (parts.Store.Find(id) != entry) return;
        try
        {
            WriteIfThereIsRoom(entry);
            await EndShimAsync(entry).ConfigureAwait(false);
            await EndSwapAsync(entry).ConfigureAwait(false);
            await parts.Leftovers.RemoveAsync(entry.Record, parts.Stopping).ConfigureAwait(false);
            parts.Files.Delete(id);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw RuntimeFault.Internal($"failed to remove container '{id}': {e.Message}; try again, it goes on from there", e);
        }

        parts.Store.Remove(id);
        parts.Names.Release(entry.Record.Name, id);
        _log.LogInformation("container {Id} removed", id);
    }

    /// <summary>Without the record too: what is removed on a full disk makes room, and one that is found again is removed again.</summary>
    private void WriteIfThereIsRoom(ContainerEntry entry)
    {
        // An earlier try came so far, and failed to make just that durable.
        if (!Directory.Exists(parts.Files.Paths.Durable(entry.Id))) return;
        try
        {
            parts.Files.Write(entry.Record);
        }
        catch (LinuxException e) when (DiskFull.IsCauseOf(e))
        {
            _log.LogWarning("container {Id} is being removed, which its record does not say: {Cause}", entry.Id, e.Message);
        }
    }

    /// <summary>It ends with its shim, or before that; what it has made is taken away with the rest, and not while it still makes it.</summary>
    private async Task EndSwapAsync(ContainerEntry entry)
    {
        if (entry.Swapping is not { } swap) return;
        swap.Cancel();
        try
        {
            await swap.Completion.WaitAsync(ShimEndTimeout, parts.Stopping).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new RuntimeFault(FaultCode.DeadlineExceeded,
                $"failed to remove container '{entry.Id}': its swap '{swap.RequestId}' does not end; try again");
        }
    }

    private async Task EndShimAsync(ContainerEntry entry)
    {
        if (entry.Shim is not { } shim) return;
        try
        {
            await shim.ShutdownAsync(true, parts.Stopping).ConfigureAwait(false);
            await shim.Gone.WaitAsync(ShimEndTimeout, parts.Stopping).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ShimFault or TimeoutException)
        {
            if (!shim.Gone.IsCompleted)
            {
                _log.LogWarning("container {Id}: its shim does not end, killing it: {Cause}; {Shim}", entry.Id, e.Message,
                    ProcessState.Describe(shim.Process.Pid));
            }

            await KillShimAsync(entry.Id, shim).ConfigureAwait(false);
        }

        entry.Shim = null;
        await shim.DisposeAsync().ConfigureAwait(false);
    }

    private async Task KillShimAsync(string id, RunningShim shim)
    {
        shim.Kill();
        try
        {
            await shim.Gone.WaitAsync(ShimEndTimeout, parts.Stopping).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new RuntimeFault(FaultCode.DeadlineExceeded,
                $"failed to remove container '{id}': its shim outlives SIGKILL: {ProcessState.Describe(shim.Process.Pid)}; try again "
                + "once the kernel lets it go");
        }
    }
}
