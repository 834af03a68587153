using Microsoft.Extensions.Logging;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Shims;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// UpdateContainerResources: judged, then put on the cgroups by the shim, all or none, and recorded as what is in force. Updates of one
/// container follow one another; a container that was not started gets a new config.json too.
/// </summary>
internal sealed class UpdateVerb(ContainerParts parts, BundleWriter bundles)
{
    private readonly ILogger _log = parts.Logs.CreateLogger<UpdateVerb>();

    public async Task RunAsync(UpdateContainerResourcesRequest request, CancellationToken client)
    {
        var entry = parts.Store.Get(request.ContainerId, "update");
        if (request.Linux is null)
            throw RuntimeFault.InvalidArgument($"failed to update container '{entry.Id}': the request has no linux resources");
        // Judged with what is in force: a swap limit makes sense only beside the memory limit.
        var wanted = ResourceTranslator.Merge(entry.Record.Resources.ToCri(), request.Linux);
        bundles.ValidateResources(wanted, $"failed to update container '{entry.Id}'");
        var change = request.Linux.Clone();
        Task update;
        await using ((await entry.Gate.EnterAsync(client).ConfigureAwait(false)).ConfigureAwait(false))
        {
            Allowed(entry);
            var previous = entry.Updating;
            update = entry.Updating = Task.Run(() => UpdateAsync(entry, change, previous), CancellationToken.None);
        }

        await update.WaitAsync(client).ConfigureAwait(false);
    }

    private async Task UpdateAsync(ContainerEntry entry, LinuxContainerResources change, Task previous)
    {
        await previous.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var shim = Allowed(entry);
        try
        {
            // The whole of what is wanted, so that the shim's and our notion of it never part.
            var present = entry.Record.Resources.ToCri();
            var wanted = ResourceTranslator.Merge(present, change);
            await shim.UpdateAsync(bundles.ToShim(wanted), parts.Stopping).ConfigureAwait(false);
            await KeepAsync(entry, shim, (present, wanted)).ConfigureAwait(false);
            await RecordAsync(entry, ResourcesRecord.From(wanted)).ConfigureAwait(false);
        }
        catch (ShimFault e)
        {
            throw new RuntimeFault(e.Code, $"failed to update container '{entry.Id}': {e.Message}", e);
        }
    }

    /// <summary>The shim has written the files; when the driver can't keep them so, they are put back.</summary>
    private async Task KeepAsync(
        ContainerEntry entry, RunningShim shim, (LinuxContainerResources Present, LinuxContainerResources Wanted) change)
    {
        var record = entry.Record;
        try
        {
            await KeepAsync(record, bundles.ToShim(change.Wanted)).ConfigureAwait(false);
        }
        catch (RuntimeFault e)
        {
            var undo = bundles.ToShim(ResourceTranslator.Undo(change.Present, change.Wanted));
            await shim.UpdateAsync(undo, parts.Stopping).ConfigureAwait(false);
            await UnkeepAsync(entry, undo).ConfigureAwait(false);
            throw new RuntimeFault(e.Code, $"failed to update container '{entry.Id}': {e.Message}; all limits are as they were", e);
        }
    }

    /// <summary>The driver may have kept them for the container cgroup before it failed at the leaf.</summary>
    private async Task UnkeepAsync(ContainerEntry entry, Resources before)
    {
        try
        {
            var record = entry.Record;
            await KeepAsync(record, before).ConfigureAwait(false);
        }
        catch (RuntimeFault e)
        {
            _log.LogWarning("container {Id}: systemd may hold limits of an update that failed: {Cause}", entry.Id, e.Message);
        }
    }

    /// <summary>On every generation that a swap has made or may make, too; one that is not there is passed over.</summary>
    private async Task KeepAsync(ContainerRecord record, Resources limits)
    {
        List<string> leaves = [record.LeafCgroup];
        if (record.Swap is { } swap)
        {
            foreach (var number in (uint[])[swap.Old.Number, swap.Target.Number, swap.Fallback])
                leaves.Add(CgroupNames.Leaf(record.ContainerCgroup, number, record.Id));
        }

        foreach (var leaf in leaves.Distinct())
            await parts.Cgroups.KeepLimitsAsync(record.ContainerCgroup, leaf, limits, parts.Stopping).ConfigureAwait(false);
    }

    private async Task RecordAsync(ContainerEntry entry, ResourcesRecord resources)
    {
        await using ((await entry.Gate.EnterAsync(parts.Stopping).ConfigureAwait(false)).ConfigureAwait(false))
        {
            entry.Amend(r => r with { Resources = resources });
            if (entry.Record.Phase == ContainerPhase.Created) bundles.RewriteResources(entry.Record);
            parts.Files.Write(entry.Record);
        }

        _log.LogInformation("container {Id}: resources updated", entry.Id);
    }

    private static RunningShim Allowed(ContainerEntry entry)
    {
        if (entry.Record.Phase is ContainerPhase.Created or ContainerPhase.Running or ContainerPhase.Stopping && entry.Shim is { } shim)
            return shim;
        throw RuntimeFault.FailedPrecondition($"failed to update container '{entry.Id}': it is "
            + $"{ContainerEntry.Describe(entry.Record.Phase)}");
    }
}
