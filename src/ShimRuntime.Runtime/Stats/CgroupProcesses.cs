using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Stats;

/// <summary>Counts and lists the processes of a cgroup and of all below it. pids.current would count threads.</summary>
internal static class CgroupProcesses
{
    /// <summary>exec puts each tree of its own below the leaf; nobody nests deeper than this.</summary>
    private const int MaxDepth = 16;
    private const int ListBytes = 4096;

    /// <summary>0 when the cgroup is not there.</summary>
    public static int Count(CgroupDirectory directory) => Count(directory, 0);

    /// <summary>Pids; those of other PID namespaces, which the kernel shows as 0, are left out.</summary>
    public static void List(CgroupDirectory directory, List<int> pids) => List(directory, pids, 0);

    private static int Count(CgroupDirectory directory, int depth)
    {
        if (directory.Mount is null) return 0;
        Span<byte> buffer = stackalloc byte[ListBytes];
        var count = Whole(directory, buffer).Count((byte)'\n');
        if (depth < MaxDepth)
        {
            foreach (var child in Children(directory)) count += Count(child, depth + 1);
        }

        return count;
    }

    private static void List(CgroupDirectory directory, List<int> pids, int depth)
    {
        if (directory.Mount is null) return;
        Span<byte> buffer = stackalloc byte[ListBytes];
        var text = Whole(directory, buffer);
        foreach (var range in text.Split((byte)'\n'))
        {
            if (PseudoFile.Number(text[range]) is { } pid and > 0 and <= int.MaxValue) pids.Add((int)pid);
        }

        if (depth >= MaxDepth) return;
        foreach (var child in Children(directory)) List(child, pids, depth + 1);
    }

    /// <summary>cgroup.procs; of thousands of processes it is longer than any buffer on a stack.</summary>
    private static ReadOnlySpan<byte> Whole(CgroupDirectory directory, Span<byte> buffer)
    {
        var text = directory.Read("cgroup.procs"u8, buffer);
        while (text.Length == buffer.Length) text = directory.Read("cgroup.procs"u8, buffer = new byte[buffer.Length * 2]);
        return text;
    }

    private static IEnumerable<CgroupDirectory> Children(CgroupDirectory directory)
    {
        string[] children;
        try
        {
            children = Directory.GetDirectories(directory.Mount + directory.Cgroup);
        }
        catch (IOException)
        {
            return []; // removed meanwhile
        }

        return children.Select(c => directory with { Cgroup = c[directory.Mount!.Length..] });
    }
}
