using System.Globalization;

namespace ShimRuntime.Linux;

/// <content>Who is in it, and the end of all of them.</content>
public sealed partial class Cgroup
{
    private const int SIGKILL = 9;
    private const int MaxPasses = 16;

    /// <summary>Pids in it and below it; empty when it is gone.</summary>
    public IReadOnlyList<int> Processes()
    {
        List<int> pids = [];
        var directory = Hierarchy.IsV2 ? DirectoryOf("") : DirectoryOf("freezer") ?? DirectoryOf("pids") ?? Hierarchy.PathsOf(Path)[0];
        Collect(directory!, pids);
        return pids;
    }

    /// <summary>
    /// As <see cref="Processes"/>; v1: in any hierarchy, which costs a walk of each. A process that is being moved in is in some of them only, and
    /// stays so when its mover dies.
    /// </summary>
    public IReadOnlyList<int> ProcessesAnywhere()
    {
        if (Hierarchy.IsV2) return Processes();
        List<int> pids = [];
        foreach (var directory in Hierarchy.PathsOf(Path)) Collect(directory, pids);
        return [.. pids.Distinct()];
    }

    /// <summary>
    /// SIGKILL to every process in it and below, those that fork meanwhile too. v2: cgroup.kill. v1: frozen first where there is a
    /// freezer, so that nobody forks away, then killed and thawed. Returns at once; the processes die on their own time.
    /// </summary>
    public void Kill()
    {
        if (Hierarchy.IsV2 && CgroupFile.TryWrite($"{DirectoryOf("")}/cgroup.kill", "1")) return;
        var frozen = !Hierarchy.IsV2 && TryFreeze(true);
        try
        {
            KillAllSeen();
        }
        finally
        {
            if (frozen) TryFreeze(false);
        }
    }

    /// <summary>A process with SIGKILL pending cannot fork any more: when a pass sees nobody new, all are dying.</summary>
    private void KillAllSeen()
    {
        HashSet<int> killed = [];
        for (var pass = 0; pass < MaxPasses; pass++)
        {
            var found = false;
            foreach (var pid in ProcessesAnywhere())
            {
                if (!killed.Add(pid)) continue;
                found = true;
                _ = Tmds.Linux.LibC.kill(pid, SIGKILL);
            }

            if (!found) return;
        }
    }

    private static void Collect(string directory, List<int> pids)
    {
        foreach (var line in (CgroupFile.TryRead($"{directory}/cgroup.procs") ?? "").AsSpan().EnumerateLines())
        {
            // 0: a process of another pid namespace, which is not ours to signal.
            if (int.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && pid > 0) pids.Add(pid);
        }

        foreach (var child in Children(directory)) Collect(child, pids);
    }
}
