using Microsoft.Extensions.Logging;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Cgroups;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// Takes away what a container leaves beside its record and its shim: processes, mount, writable layer, runc's state, run directory,
/// cgroups. Only what the record names; each step may find its work done.
/// </summary>
public sealed class Leftovers(
    ContainerPaths paths, ISnapshotStore snapshots, ICgroupDriver cgroups, LeafKiller killer, ILogger<Leftovers> log)
{
    public async Task RemoveAsync(ContainerRecord record, CancellationToken cancellation)
    {
        await RemoveCgroupsAsync(record, cancellation).ConfigureAwait(false);
        RemoveRun(record.Id);
        // A swap makes writable layers, too; which of them are left its end may not have told.
        foreach (var key in snapshots.Keys().Where(k => SnapshotKeys.OwnerOf(k) == record.Id).Append(record.SnapshotKey).Distinct())
            await snapshots.RemoveAsync(key, cancellation).ConfigureAwait(false);
    }

    /// <summary>Mounts, run directory and runc's state of a container id, whether or not a record of it exists.</summary>
    /// <param name="id">All of it, or its first 16 digits, which are all that an orphan's run directory tells.</param>
    public void RemoveRun(string id)
    {
        var run = paths.Run(id);
        if (Directory.Exists(run))
        {
            StagedMounts.Release(paths.StagedVolumes(id));
            MountPoint.UnmountBelow(run);
            Directory.Delete(run, true);
        }

        if (!Directory.Exists(paths.RuncRoot)) return;
        foreach (var state in Directory.EnumerateDirectories(paths.RuncRoot, $"{id}*.g*")) Directory.Delete(state, true);
    }

    /// <summary>What was mounted for the runtime to bind, once it has started or refused: a volume that kubelet unmounts must come free.</summary>
    public void ReleaseStages(string id)
    {
        try
        {
            StagedMounts.Release(paths.StagedVolumes(id));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.LogWarning("container {Id}: its id-mapped copies of volumes stay mounted until it is removed: {Cause}", id, e.Message);
        }
    }

    private async Task RemoveCgroupsAsync(ContainerRecord record, CancellationToken cancellation)
    {
        if (await cgroups.TryRemoveAsync(record.ContainerCgroup, cancellation).ConfigureAwait(false)) return;
        await killer.KillAsync(record.ContainerCgroup, cancellation).ConfigureAwait(false);
        if (await cgroups.TryRemoveAsync(record.ContainerCgroup, cancellation).ConfigureAwait(false)) return;
        var left = killer.Describe(record.ContainerCgroup);
        log.LogWarning("container {Id}: cgroup {Cgroup} can't be removed: {Left}", record.Id, record.ContainerCgroup, left);
        throw new RuntimeFault(FaultCode.DeadlineExceeded,
            $"failed to remove container '{record.Id}': its cgroup '{record.ContainerCgroup}' still has processes: {left}; try again "
            + "once they have ended");
    }
}
