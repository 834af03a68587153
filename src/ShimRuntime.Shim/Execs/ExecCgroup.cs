using ShimRuntime.Linux;

namespace ShimRuntime.Shim.Execs;

/// <summary>
/// A sub-cgroup of the leaf for one exec, so that its whole tree can be killed and nothing else. v2: below the leaf, without
/// controllers, which the leaf may have although it holds processes. v1: in the freezer hierarchy alone; the limits stay the leaf's.
/// Where neither can be made (a container that manages its own cgroups), the exec's session is what is killed.
/// </summary>
internal sealed class ExecCgroup
{
    private const int SIGKILL = 9;
    private readonly Cgroup _leaf;
    private readonly Cgroup? _own;
    private readonly string? _directory;

    /// <param name="name">Its last segment.</param>
    public ExecCgroup(CgroupHierarchy hierarchy, string leaf, string name)
        : this(hierarchy, leaf, name, parent => Directory.Exists(parent) && TryMake($"{parent}/{name}"))
    {
    }

    private ExecCgroup(CgroupHierarchy hierarchy, string leaf, string name, Func<string, bool> isThere)
    {
        _leaf = new Cgroup(hierarchy, leaf);
        if (_leaf.DirectoryOf("freezer") is not { } parent || !isThere(parent)) return;
        _directory = $"{parent}/{name}";
        _own = new Cgroup(hierarchy, $"{leaf}/{name}");
        RuncArgument = hierarchy.IsV2 ? name : $"freezer:{name}";
    }

    public bool IsMade => _own is not null;

    /// <summary>One that another program of this process has made, or could not make.</summary>
    public static ExecCgroup Inherit(CgroupHierarchy hierarchy, string leaf, string name, bool isMade) => new(hierarchy, leaf, name, _ => isMade);

    /// <summary>For <c>runc exec --cgroup</c>; null: the leaf itself.</summary>
    public string? RuncArgument { get; }

    /// <summary>SIGKILL to the whole tree.</summary>
    /// <param name="pid">The exec's first process, leader of its session; 0 while there is none.</param>
    public void Kill(int pid)
    {
        if (_own is not null)
        {
            _own.Kill();
            return;
        }

        foreach (var member in _leaf.Processes())
        {
            if (pid > 0 && SessionOf(member) == pid) _ = Tmds.Linux.LibC.kill(member, SIGKILL);
        }
    }

    /// <summary>Processes that outlive their exec's answer become the container's own: moved to the leaf.</summary>
    public void Release()
    {
        if (_own is null) return;
        var target = $"{_leaf.DirectoryOf("freezer")}/cgroup.procs";
        foreach (var pid in _own.Processes()) CgroupFile.TryWrite(target, $"{pid}");
    }

    /// <summary>False while a process is still dying in it.</summary>
    public bool TryRemove() => _directory is null || !Directory.Exists(_directory) || NativeRemove(_directory);

    private static bool TryMake(string directory)
    {
        try
        {
            Directory.CreateDirectory(directory);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool NativeRemove(string directory)
    {
        try
        {
            Directory.Delete(directory);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Field 6 of proc_pid_stat(5).</summary>
    private static int SessionOf(int pid)
    {
        var stat = CgroupFile.TryRead($"/proc/{pid}/stat") ?? "";
        var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 3 && int.TryParse(fields[3], out var session) ? session : 0;
    }
}
