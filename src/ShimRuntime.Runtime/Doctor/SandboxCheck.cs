using System.Text.Json;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Doctor;

/// <summary>What is left of pod sandboxes that nobody owns: pinned namespaces, mounts, directory, cgroup, record, a network that DEL was never called for.</summary>
internal sealed class SandboxCheck(SandboxService sandboxes, PodCgroups cgroups) : ICheck
{
    private const string Gone = "the pod has no record any more, and nothing that this daemon does is for it";

    private SandboxPaths Paths => sandboxes.Files.Paths;

    public IEnumerable<Orphan> Look(Survey survey) =>
        survey.Sandboxes.Where(c => !survey.Owners.Has(c)).SelectMany(claim => Of(claim, survey.Mounts));

    private IEnumerable<Orphan> Of(Claim claim, MountTable mounts)
    {
        var id = claim.Id;
        if (Record(claim) is { } record)
        {
            yield return record;
            if (record.Repair is null) yield break; // all the rest is that record's
        }

        var pins = new[] { Paths.NetworkPin(id), Paths.IpcPin(id), Paths.UtsPin(id), Paths.PidPin(id), Paths.UserPin(id) };
        foreach (var pin in pins.Where(File.Exists))
            yield return Of(claim, "namespace", pin, "a namespace that the pin keeps alive", "the pin is unmounted and deleted; the namespace goes with its last process");
        foreach (var mount in mounts.Below(Paths.Volatile(id)).Select(m => m.Target).Distinct().Except(pins))
            yield return Of(claim, "mount", mount, "a mount in its directory", "it is unmounted");
        if (Directory.Exists(Paths.Volatile(id)))
            yield return Of(claim, "pod-directory", Paths.Volatile(id), "its resolv.conf, hostname and mount points", "it is deleted");
        foreach (var (cgroup, what) in Cgroups(claim).Where(c => Exists(c.Path)))
            yield return Of(claim, "cgroup", cgroup, $"{what}, with {new Cgroup(cgroups.Hierarchy, cgroup).Processes().Count} processes", "it is removed");
    }

    /// <summary>Its own pod cgroup, and below that or kubelet's the one of its init.</summary>
    private IEnumerable<(string Path, string What)> Cgroups(Claim claim)
    {
        var pod = Pod(claim);
        if (pod.IsOurs) yield return (pod.Path, "its pod cgroup");
        else yield return (CgroupNames.PodInit(pod.Path, claim.Id), "the cgroup of its init");
    }

    private (string Path, bool IsOurs) Pod(Claim claim) =>
        claim.Cgroup is { } known ? (known, claim.OwnsCgroup) : (cgroups.Driver.PodCgroup("", claim.Id), true);

    private Orphan Of(Claim claim, string kind, string subject, string what, string remedy) => new(
        new Finding { Kind = kind, Subject = subject, Id = claim.Id, NamedBy = claim.NamedBy, Why = $"{what}: {Gone}", Remedy = remedy }, claim, Repair(claim));

    public Repair Repair(Claim claim) => new($"sandbox {claim.Id}", Doctor.Repair.OfSandboxes, token =>
        sandboxes.DestroyOrphanAsync(claim.Id, claim.Cgroup is null ? null : Pod(claim), token));

    private Orphan? Record(Claim claim)
    {
        var directory = Paths.Durable(claim.Id);
        if (!Directory.Exists(directory)) return null;
        var phase = TryReadPhase(claim.Id);
        var isWhole = phase is not (null or SandboxPhase.Creating or SandboxPhase.Removing);
        var finding = new Finding
        {
            Kind = "record", Subject = directory, Id = claim.Id, NamedBy = Paths.Record(claim.Id),
            Why = isWhole
                ? $"it says {phase}, and no start has taken it in: it came later, or the log says what was wrong with it"
                : $"{(phase is null ? "its record.json is missing or can't be read" : $"it says {phase}")}, and nobody takes it down",
            Remedy = isWhole ? "restart the daemon, which adopts it; or delete the directory" : "its network is released by CNI DEL where cni.json is there, and the directory deleted",
        };
        return new Orphan(finding, claim, isWhole ? null : Repair(claim));
    }

    private SandboxPhase? TryReadPhase(string id)
    {
        try
        {
            return sandboxes.Files.ReadRecord(id).Phase;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or JsonException)
        {
            return null;
        }
    }

    private bool Exists(string cgroup) => cgroups.Hierarchy.PathsOf(cgroup).Any(Directory.Exists);
}
