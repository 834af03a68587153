using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Runtime.Containers;

/// <summary>ReopenContainerLog: after kubelet has renamed the log file. Takes no gate, so it works during a stop.</summary>
internal sealed class ReopenLogVerb(ContainerParts parts)
{
    public async Task RunAsync(string containerId, CancellationToken client)
    {
        var entry = parts.Store.Get(containerId, "reopen the log of");
        if (!ContainerLifecycle.IsRunning(entry.Record.Phase) || entry.Shim is not { } shim)
        {
            throw RuntimeFault.FailedPrecondition(
                $"failed to reopen the log of container '{entry.Id}': it is {ContainerEntry.Describe(entry.Record.Phase)}, not running");
        }

        try
        {
            // Under the daemon's token: a rotation that its client gave up on is still to be finished, or lines go to the renamed file.
            await shim.ReopenLogAsync(parts.Stopping).WaitAsync(client).ConfigureAwait(false);
        }
        catch (ShimFault e)
        {
            throw new RuntimeFault(e.Code, $"failed to reopen the log of container '{entry.Id}': {e.Message}", e);
        }
    }
}
