using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Doctor;

/// <summary>
/// Mounts below our two directories that are no container's and no pod's of ours. The top two levels are the operator's to mount: root on a
/// disk of its own, or snapshots. What is below the directory of an id that nobody owns is told with that id.
/// </summary>
internal sealed class MountCheck(RuntimeOptions options) : ICheck
{
    private static readonly string[] OfContainers = ["rootfs", "mounts", "volumes", "layers"];
    private static readonly string[] OfPods = ["ns", "shm", "init"];
    private static readonly string[] OfRoot = ["content", "images", "snapshots", "leases", "sandboxes", "containers", "aside", "staging"];
    private static readonly string[] OfState = ["sandboxes", "c", "runc", "s"];

    public IEnumerable<Orphan> Look(Survey survey)
    {
        var containers = survey.Containers.Select(c => Containers.ContainerPaths.Id16(c.Id)).ToHashSet(StringComparer.Ordinal);
        var pods = survey.Sandboxes.Select(c => c.Id).ToHashSet(StringComparer.Ordinal);
        var inState = Below(survey.Mounts, options.State).Where(m => !IsNamed(m.Segments, survey.Owners, containers, pods));
        var inRoot = Below(survey.Mounts, options.Root).Where(m => m.Segments is not [var top] || !OfRoot.Contains(top));
        return inState.Concat(inRoot).Select(m => m.Mount).Distinct().OrderByDescending(m => m.Target.Length).Select(Of);
    }

    private static bool IsNamed(string[] path, Owners owners, HashSet<string> containers, HashSet<string> pods) => path switch
    {
        [var top] => OfState.Contains(top),
        ["c", var run, ..] when containers.Contains(run) && !owners.HasRun(run) => true,
        ["c", var run, var what, ..] when owners.HasRun(run) => OfContainers.Any(name => IsNumbered(what, name)),
        ["sandboxes", var id, ..] when pods.Contains(id) && !owners.HasSandbox(id) => true,
        ["sandboxes", var id, var what, ..] when owners.HasSandbox(id) => OfPods.Contains(what),
        _ => false,
    };

    /// <summary>"rootfs", and "rootfs-2" of a swap.</summary>
    private static bool IsNumbered(string name, string stem) => name == stem || name.StartsWith(stem + "-", StringComparison.Ordinal);

    private static IEnumerable<(MountInfo Mount, string[] Segments)> Below(MountTable mounts, string directory) =>
        mounts.Below(directory).Where(m => m.Target != directory).Select(m => (m, m.Target[(directory.Length + 1)..].Split('/')));

    private Orphan Of(MountInfo mount)
    {
        var finding = new Finding
        {
            Kind = "mount", Subject = mount.Target, NamedBy = $"its place below {(mount.Target.StartsWith(options.State + "/", StringComparison.Ordinal) ? options.State : options.Root)}",
            Why = $"a {mount.Type} of '{mount.Source}' where this daemon mounts nothing: no record names it, and it keeps what it covers from being deleted",
            Remedy = "it is unmounted, unless it is in use; what it holds is untouched",
        };
        return new Orphan(finding, null, new Repair($"mount {mount.Target}", Repair.OfMounts, _ => Task.Run(() => MountPoint.Unmount(mount.Target), CancellationToken.None)));
    }
}
