using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Recovery;

namespace ShimRuntime.Runtime.Doctor;

/// <summary>Removes all that is left under the id of a container that nobody owns, in recovery's order: shim, processes, mounts, files, writable layer, record.</summary>
internal sealed class ContainerRepair(ContainerParts parts)
{
    private const int SIGKILL = 9;
    private static readonly TimeSpan ToLeave = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    public Repair Of(Claim claim) => new($"container {claim.Id}", Repair.OfContainers, token => RemoveAsync(claim, token));

    private async Task RemoveAsync(Claim claim, CancellationToken cancellation)
    {
        var run = parts.Files.Paths.Run(claim.Id);
        var cgroups = Cgroups(claim, run);
        await OrphanedRun.RemoveAsync(parts, run, cancellation).ConfigureAwait(false);
        // One whose directory was gone already could not be asked.
        foreach (var shim in ShimSockets.Holders([.. ShimSockets.Read(parts.Files.Paths)[ContainerPaths.Id16(claim.Id)]]))
        {
            using var process = SafePidFd.TryOpen(shim.Pid);
            if (shim.IsAlive) process?.Signal(SIGKILL);
        }

        foreach (var cgroup in cgroups) await RemoveCgroupAsync(cgroup, cancellation).ConfigureAwait(false);
        foreach (var key in parts.Snapshots.Keys().Where(k => SnapshotKeys.OwnerOf(k) == claim.Id))
            await parts.Snapshots.RemoveAsync(key, cancellation).ConfigureAwait(false);
        if (ContainerId.IsValid(claim.Id)) parts.Files.Delete(claim.Id);
    }

    /// <summary>As the ledger, the bundle and the record have it: the same, as a rule.</summary>
    public IReadOnlyList<string> Cgroups(Claim claim, string runDirectory) =>
        [.. new[] { claim.Cgroup, OrphanedRun.CgroupOf(runDirectory), OfRecord(claim.Id) }.OfType<string>().Distinct()];

    private string? OfRecord(string id) => ContainerId.IsValid(id) && parts.Files.TryRead(id) is { } record ? record.ContainerCgroup : null;

    private async Task RemoveCgroupAsync(string cgroup, CancellationToken cancellation)
    {
        await parts.Killer.KillAsync(cgroup, cancellation).ConfigureAwait(false);
        for (var waited = TimeSpan.Zero; !await parts.Cgroups.TryRemoveAsync(cgroup, cancellation).ConfigureAwait(false); waited += Interval)
        {
            if (waited >= ToLeave)
                throw RuntimeFault.Internal($"cgroup '{cgroup}' still has processes, killed as they are: {parts.Killer.Describe(cgroup)}");
            await Task.Delay(Interval, cancellation).ConfigureAwait(false);
        }
    }
}
