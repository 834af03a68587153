using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Recovery;

namespace ShimRuntime.Runtime.Doctor;

/// <summary>What is left of containers that nobody owns: shim, mounts, run directory, runc's state, cgroup, writable layer, record.</summary>
internal sealed class ContainerCheck(ContainerParts parts, CgroupHierarchy hierarchy) : ICheck
{
    private const string Gone = "the container has no record any more, and nothing that this daemon does is for it";
    private readonly ContainerRepair _repair = new(parts);

    private ContainerPaths Paths => parts.Files.Paths;

    public IEnumerable<Orphan> Look(Survey survey)
    {
        var sockets = ShimSockets.Read(Paths);
        var layers = parts.Snapshots.Keys().ToLookup(k => SnapshotKeys.OwnerOf(k) ?? "");
        return survey.Containers.Where(c => !survey.Owners.Has(c)).SelectMany(claim => Of(claim, survey.Mounts, sockets, layers));
    }

    private IEnumerable<Orphan> Of(Claim claim, MountTable mounts, ILookup<string, ulong> sockets, ILookup<string, string> layers)
    {
        var run = Paths.Run(claim.Id);
        if (Record(claim) is { } record)
        {
            yield return record;
            if (record.Repair is null) yield break; // all the rest is that record's
        }

        foreach (var shim in Shims(run, [.. sockets[ContainerPaths.Id16(claim.Id)]]))
            yield return Of(claim, "shim", $"pid {shim.Pid}", "a shim that still holds its container", "it is told to kill its container and end, then killed");
        foreach (var mount in mounts.Below(run).Select(m => m.Target).Distinct())
            yield return Of(claim, "mount", mount, "a mount in the run directory", "it is unmounted; its file system is untouched");
        if (Directory.Exists(run)) yield return Of(claim, "run-directory", run, "its socket, bundles and mount points", "it is deleted with what is mounted in it");
        foreach (var state in RuncStates(claim.Id)) yield return Of(claim, "runc-state", state, "runc's own record of it", "it is deleted");
        foreach (var cgroup in _repair.Cgroups(claim, run).Where(Exists))
            yield return Of(claim, "cgroup", cgroup, $"its cgroup, with {new Cgroup(hierarchy, cgroup).Processes().Count} processes", "they are killed, and it is removed");
        foreach (var key in layers[claim.Id]) yield return Of(claim, "snapshot", key, "its writable layer", "it is deleted, with what the container had written");
    }

    private Orphan Of(Claim claim, string kind, string subject, string what, string remedy) => new(
        new Finding { Kind = kind, Subject = subject, Id = claim.Id, NamedBy = claim.NamedBy, Why = $"{what}: {Gone}", Remedy = remedy }, claim, _repair.Of(claim));

    /// <summary>A directory below containers/ that no start has taken in.</summary>
    private Orphan? Record(Claim claim)
    {
        var directory = Paths.Durable(claim.Id);
        if (!ContainerId.IsValid(claim.Id) || !Directory.Exists(directory)) return null;
        var phase = parts.Files.TryRead(claim.Id)?.Phase;
        var finding = new Finding
        {
            Kind = "record", Subject = directory, Id = claim.Id, NamedBy = Paths.Record(claim.Id),
            Why = phase switch
            {
                null => "its record.json is missing or can't be read, and no container goes by it",
                ContainerPhase.Creating or ContainerPhase.Removing => $"it says {phase}: what an earlier daemon left half done, and this one failed to undo",
                _ => $"it says {phase}, and was not there when this daemon started: nobody has read it",
            },
            Remedy = phase is null or ContainerPhase.Creating or ContainerPhase.Removing
                ? "it is deleted with all that is left of the container"
                : "restart the daemon, which adopts it; or delete the directory",
        };
        var isWhole = phase is not (null or ContainerPhase.Creating or ContainerPhase.Removing);
        return new Orphan(finding, claim, isWhole ? null : _repair.Of(claim));
    }

    private static IEnumerable<ProcessIdentity> Shims(string run, IReadOnlyCollection<ulong> sockets)
    {
        var said = ShimFile.TryRead(Path.Combine(run, "shim.json"));
        var named = said is null ? default : new ProcessIdentity(said.ShimPid, said.ShimStartTicks);
        return ShimSockets.Holders(sockets).Concat(said is not null && named.IsAlive ? [named] : []).Distinct();
    }

    private IEnumerable<string> RuncStates(string id) =>
        Directory.Exists(Paths.RuncRoot) ? Directory.EnumerateDirectories(Paths.RuncRoot, $"{id}*.g*") : [];

    private bool Exists(string cgroup) => hierarchy.PathsOf(cgroup).Any(Directory.Exists);
}
