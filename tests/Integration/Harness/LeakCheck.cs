using System.Diagnostics;
using System.Globalization;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>
/// What one world holds at a moment: mounts, namespace pins, cgroups, bridge ports, addresses, processes, the daemon's fds and children, files,
/// iptables rules. Taken before a test and compared after it; the difference is the leak, named item by item.
/// </summary>
public sealed class LeakCheck
{
    private readonly SortedSet<string> _items = new(StringComparer.Ordinal);

    private LeakCheck()
    {
    }

    /// <summary>Reads the present state. <paramref name="daemonPid"/> 0: the daemon is down, its fds do not count.</summary>
    public static async Task<LeakCheck> TakeAsync(World world, int daemonPid)
    {
        var check = new LeakCheck();
        check.Add("mount", MountsOf(world));
        check.Add("cgroup", CgroupsOf(world, false));
        check.Add("bridge port", Names($"/sys/class/net/{world.Bridge}/brif"));
        check.Add("address", Names(Path.Combine(world.IpamDirectory, world.Network)).Where(n => n.StartsWith("10.", StringComparison.Ordinal)));
        check.Add("process", ProcessesOf(world).Where(p => p != daemonPid).Select(Describe));
        check.Add("child of the daemon", ChildrenOf(daemonPid).Select(Describe));
        check.Add("fd of the daemon", daemonPid == 0 ? [] : FdsOf(daemonPid));
        check.Add("file", FilesOf(world.Root, 4).Concat(FilesOf(world.State, 4)).Concat(FilesOf(world.NetnsDirectory, 1)));
        check.Add("iptables rule", await RulesOfAsync(world));
        return check;
    }

    /// <summary>Fails unless the world comes back to this state (unmounts and cgroup removals may be asynchronous: ten seconds by default).</summary>
    public async Task AssertRestoredAsync(World world, int daemonPid, TimeSpan? patience = null)
    {
        string[] leaked = [], lost = [];
        var clock = Stopwatch.StartNew();
        do
        {
            var now = await TakeAsync(world, daemonPid);
            leaked = [.. now._items.Except(_items)];
            lost = [.. _items.Except(now._items).Where(i => !i.StartsWith("fd of the daemon", StringComparison.Ordinal))];
            if (leaked.Length == 0 && lost.Length == 0) return;
            await Task.Delay(50);
        }
        while (clock.Elapsed < (patience ?? TimeSpan.FromSeconds(10)));

        Assert.Fail($"left behind:\n  {string.Join("\n  ", leaked)}\nlost:\n  {string.Join("\n  ", lost)}");
    }

    /// <summary>Mount points below the world's directory, in mount order; also mounts elsewhere whose source lies in it.</summary>
    public static IReadOnlyList<string> MountsOf(World world) =>
        [.. File.ReadLines("/proc/self/mountinfo").Where(l => l.Contains(world.Base + "/", StringComparison.Ordinal)).Select(l => l.Split(' ')[4])];

    /// <summary>Directories of the world's cgroups in every hierarchy, deepest first.</summary>
    public static IReadOnlyList<string> CgroupsOf(World world, bool withRoot)
    {
        var found = new List<string>();
        foreach (var hierarchy in Cgroups.Hierarchies)
        {
            var root = hierarchy + world.CgroupRoot;
            if (!Directory.Exists(root)) continue;
            found.AddRange(Directory.EnumerateDirectories(root, "*", SearchOption.AllDirectories).OrderByDescending(d => d.Length));
            if (withRoot) found.Add(root);
        }

        return found;
    }

    /// <summary>
    /// Processes whose executable, arguments, root or cgroup lie in the world: daemon, shims, pod inits, runc, containers. A pod init in no
    /// pod's cgroup, with no daemon above it, says of no world that it is its own: it counts in each.
    /// </summary>
    public static IReadOnlyList<int> ProcessesOf(World world) => [.. Processes.All().Where(p => Belongs(p, world))];

    private static bool Belongs(int pid, World world) =>
        Processes.Link(pid, "exe").StartsWith(world.Base, StringComparison.Ordinal)
        || Processes.Read(pid, "cmdline").Contains(world.Base, StringComparison.Ordinal)
        || Processes.Read(pid, "cgroup").Contains(world.CgroupRoot, StringComparison.Ordinal)
        || IsLostInit(pid);

    private static bool IsLostInit(int pid) =>
        Processes.Link(pid, "exe").StartsWith("/memfd:pause", StringComparison.Ordinal) && Processes.ParentOf(pid) == 1
        && Processes.Read(pid, "cgroup") == Processes.Read(Environment.ProcessId, "cgroup");

    private static IEnumerable<int> ChildrenOf(int pid) => pid == 0 ? [] : Processes.All().Where(p => Processes.ParentOf(p) == pid);

    // A zombie says nothing but its name: it is told by it and by its parent.
    private static string Describe(int pid) =>
        $"{Processes.Read(pid, "comm").Trim()} {pid} {Processes.Read(pid, "cmdline").Replace('\0', ' ').Trim()}";

    // Pooled connections to a registry may linger; everything else is counted by kind.
    private static IEnumerable<string> FdsOf(int pid)
    {
        var tcp = Processes.Read(pid, "net/tcp").Split('\n').Skip(1).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(f => f.Length > 9).Select(f => $"socket:[{f[9]}]").ToHashSet();
        return Processes.FdTargets(pid).Where(t => !tcp.Contains(t)).GroupBy(Kind)
            .SelectMany(g => g.Select((_, i) => string.Create(CultureInfo.InvariantCulture, $"{g.Key} #{i + 1}")));
    }

    private static string Kind(string target) => target.IndexOf(":[", StringComparison.Ordinal) is > 0 and var i ? target[..i] : target;

    // fs and work are layers' trees; their parents tell of leaks.
    private static IEnumerable<string> FilesOf(string directory, int depth)
    {
        if (!Directory.Exists(directory)) yield break;
        foreach (var entry in Entries(directory))
        {
            yield return entry;
            if (depth <= 1 || Path.GetFileName(entry) is "fs" or "work" || new FileInfo(entry).LinkTarget is not null) continue;
            foreach (var below in FilesOf(entry, depth - 1)) yield return below;
        }
    }

    // What is being deleted while it is listed is as good as gone.
    private static string[] Entries(string directory)
    {
        try
        {
            return Directory.GetFileSystemEntries(directory);
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static IEnumerable<string> Names(string directory) =>
        Directory.Exists(directory) ? Directory.EnumerateFileSystemEntries(directory).Select(e => Path.GetFileName(e)) : [];

    private static async Task<IEnumerable<string>> RulesOfAsync(World world)
    {
        var rules = await Command.RunAsync("iptables-save", ["-t", "nat"]);
        return rules.Output.Split('\n').Where(r => r.Contains(world.Network, StringComparison.Ordinal)
            || r.Contains(world.SubnetPrefix + ".", StringComparison.Ordinal));
    }

    private void Add(string kind, IEnumerable<string> items)
    {
        foreach (var item in items) _items.Add($"{kind}: {item}");
    }
}
