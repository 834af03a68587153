using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Checkpoints;

/// <summary>
/// CheckpointContainer: an archive of a running container, which goes on. A retry joins the checkpoint under way to the same place; the
/// operation outlives its client.
/// </summary>
internal sealed class CheckpointVerb(ContainerParts parts)
{
    private readonly SingleFlight<string, string> _flights = new(parts.Stopping);

    public async Task RunAsync(CheckpointContainerRequest request, CancellationToken client)
    {
        var entry = parts.Store.Get(request.ContainerId, "checkpoint");
        var failure = $"failed to checkpoint container '{entry.Id}'";
        var target = CheckpointTarget.Of(("location", request.Location), request.Timeout, failure);
        CheckRuns(entry, failure);
        var sandbox = parts.Sandboxes.Find(entry.Record.SandboxId);
        RefuseUserNamespace(sandbox?.UserNamespace is not null, failure);
        await parts.Handlers.RequireRuncAsync(sandbox?.RuntimeHandler ?? "", failure, client).ConfigureAwait(false);
        await parts.Criu.RequireAsync(failure, client).ConfigureAwait(false);
        var written = await _flights.RunAsync(entry.Id, async token =>
        {
            await new CheckpointRun(parts, target).RunAsync([(entry, "")], new Dictionary<string, byte[]>(), token).ConfigureAwait(false);
            return target.Path;
        }, client).ConfigureAwait(false);
        if (written != target.Path)
            throw new RuntimeFault(FaultCode.Aborted, $"{failure}: one to '{written}' was under way; try again");
    }

    /// <exception cref="RuntimeFault">FailedPrecondition.</exception>
    public static void CheckRuns(ContainerEntry entry, string failure)
    {
        if (entry.Record.Phase == ContainerPhase.Running) return;
        throw RuntimeFault.FailedPrecondition(
            $"{failure}: container '{entry.Id}' is {ContainerEntry.Describe(entry.Record.Phase)}; only a running one has a state to keep");
    }

    /// <summary>CRIU makes a new user namespace for what it restores; the pod's, which owns the pod's network, it can't join.</summary>
    /// <exception cref="RuntimeFault">FailedPrecondition.</exception>
    public static void RefuseUserNamespace(bool has, string failure)
    {
        if (!has) return;
        throw RuntimeFault.FailedPrecondition($"{failure}: its pod has a user namespace, into which CRIU can't put processes back; set hostUsers: true");
    }
}
