using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>One cgroup across all hierarchies: made, filled, killed and removed by its owner.</summary>
public sealed partial class Cgroup(CgroupHierarchy hierarchy, string path)
{
    public string Path { get; } = path;

    public CgroupHierarchy Hierarchy { get; } = hierarchy;

    public bool Exists => Directory.Exists(Hierarchy.PathsOf(Path)[0]);

    /// <summary>
    /// Makes it, and what is missing above it. v2: the controllers are handed down to every ancestor's children. v1: cpuset's cpus
    /// and mems, empty in a new cgroup and unusable so, are copied down. One that is there already is no error.
    /// </summary>
    public void Create()
    {
        if (Hierarchy.IsV2) CreateUnified();
        else CreatePerController();
    }

    /// <summary>
    /// Removes it and everything below it; false when a process or a descendant's process keeps it. One that is gone is no error.
    /// </summary>
    public bool TryRemove()
    {
        var removed = true;
        foreach (var directory in Hierarchy.PathsOf(Path)) removed &= TryRemoveTree(directory);
        return removed;
    }

    /// <summary>Removes it if nothing is below it and no process in it; descendants, also empty ones, keep it.</summary>
    public void RemoveIfUnused()
    {
        foreach (var directory in Hierarchy.PathsOf(Path)) _ = NativePath.RemoveDirectory(directory);
    }

    /// <summary>The directory with this controller's files; null when v1 has no such mount.</summary>
    public string? DirectoryOf(string controller) => Hierarchy.PathOf(controller, Path);

    /// <summary>Moves a process in, in every hierarchy.</summary>
    public void Enter(int pid)
    {
        foreach (var directory in Hierarchy.PathsOf(Path)) CgroupFile.Write($"{directory}/cgroup.procs", $"{pid}");
    }

    private void CreateUnified()
    {
        var levels = CgroupPath.SelfAndAncestors(Path);
        var parent = Hierarchy.PathsOf("/")[0];
        for (var i = levels.Count - 1; i >= 0; i--)
        {
            DelegateControllers(parent);
            parent = Hierarchy.PathsOf(levels[i])[0];
            MakeDirectory(parent);
        }
    }

    /// <summary>
    /// Enables for children what the cgroup has. Best effort by controller, as runc does: a busy one (cpu with realtime tasks) is left
    /// off.
    /// </summary>
    private static void DelegateControllers(string directory)
    {
        var available = CgroupFile.TryRead($"{directory}/cgroup.controllers") ?? "";
        var enabled = (CgroupFile.TryRead($"{directory}/cgroup.subtree_control") ?? "").Split(' ', '\n');
        foreach (var controller in available.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries))
        {
            if (!enabled.Contains(controller)) CgroupFile.TryWrite($"{directory}/cgroup.subtree_control", $"+{controller}");
        }
    }

    private void CreatePerController()
    {
        var levels = CgroupPath.SelfAndAncestors(Path);
        foreach (var mount in Hierarchy.Mounts)
        {
            for (var i = levels.Count - 1; i >= 0; i--)
            {
                MakeDirectory(mount.MountPoint + levels[i]);
                if (mount.Controllers.Contains("cpuset")) CopyCpusetDown(mount.MountPoint + levels[i]);
            }
        }
    }

    private static void CopyCpusetDown(string directory)
    {
        var parent = System.IO.Path.GetDirectoryName(directory)!;
        foreach (var name in (ReadOnlySpan<string>)["cpuset.cpus", "cpuset.mems"])
        {
            if (CgroupFile.Read($"{directory}/{name}").Length > 0) continue;
            CgroupFile.Write($"{directory}/{name}", CgroupFile.Read($"{parent}/{name}"));
        }
    }

    private static void MakeDirectory(string path)
    {
        if (NativePath.MakeDirectory(path, 0x1ed) < 0 && errno != Errno.EEXIST) throw new LinuxException("mkdir", errno, path);
    }

    /// <summary>A container that manages cgroups of its own makes and removes them while we look: one that is gone has none.</summary>
    private static string[] Children(string directory)
    {
        try
        {
            return Directory.Exists(directory) ? Directory.GetDirectories(directory) : [];
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }

    private static bool TryRemoveTree(string directory)
    {
        foreach (var child in Children(directory)) TryRemoveTree(child);
        if (NativePath.RemoveDirectory(directory) >= 0 || errno == Errno.ENOENT) return true;
        return errno == Errno.EBUSY ? false : throw new LinuxException("rmdir", errno, directory);
    }
}
