namespace ShimRuntime.Runtime.Stats;

/// <summary>memory.stat: where a cgroup's bytes are. Everything in bytes but the faults, which count what is below, too.</summary>
internal struct MemoryStat
{
    /// <summary>Anonymous memory, what CRI calls rss.</summary>
    public ulong AnonymousBytes;

    public ulong FileBytes;

    /// <summary>File pages that the kernel would reclaim first.</summary>
    public ulong InactiveFileBytes;

    public ulong ActiveFileBytes;

    public ulong MappedFileBytes;

    /// <summary>v2: all kernel memory (Linux 5.18), else stacks and slab. v1 has a file of its own for it: 0.</summary>
    public ulong KernelBytes;

    public ulong PageFaults;

    public ulong MajorPageFaults;

    /// <summary>v1 alone: null where swap is not accounted.</summary>
    public ulong? SwapBytes;

    public static MemoryStat ParseUnified(ReadOnlySpan<byte> text)
    {
        var stat = new MemoryStat();
        ulong kernel = 0, stacksAndSlab = 0;
        for (var keys = new FlatKeys(text); keys.Next();)
        {
            if (keys.Key.SequenceEqual("anon"u8)) stat.AnonymousBytes = keys.Value;
            else if (keys.Key.SequenceEqual("file"u8)) stat.FileBytes = keys.Value;
            else if (keys.Key.SequenceEqual("kernel"u8)) kernel = keys.Value;
            else if (keys.Key.SequenceEqual("kernel_stack"u8) || keys.Key.SequenceEqual("slab"u8)) stacksAndSlab += keys.Value;
            else if (keys.Key.SequenceEqual("file_mapped"u8)) stat.MappedFileBytes = keys.Value;
            else if (keys.Key.SequenceEqual("inactive_file"u8)) stat.InactiveFileBytes = keys.Value;
            else if (keys.Key.SequenceEqual("active_file"u8)) stat.ActiveFileBytes = keys.Value;
            else if (keys.Key.SequenceEqual("pgfault"u8)) stat.PageFaults = keys.Value;
            else if (keys.Key.SequenceEqual("pgmajfault"u8)) stat.MajorPageFaults = keys.Value;
        }

        stat.KernelBytes = kernel != 0 ? kernel : stacksAndSlab;
        return stat;
    }

    /// <summary>The total_ keys: the leaf's pages count for the container.</summary>
    public static MemoryStat ParseV1(ReadOnlySpan<byte> text)
    {
        var stat = new MemoryStat();
        for (var keys = new FlatKeys(text); keys.Next();)
        {
            if (!keys.Key.StartsWith("total_"u8)) continue;
            var key = keys.Key["total_"u8.Length..];
            if (key.SequenceEqual("rss"u8)) stat.AnonymousBytes = keys.Value;
            else if (key.SequenceEqual("cache"u8)) stat.FileBytes = keys.Value;
            else if (key.SequenceEqual("mapped_file"u8)) stat.MappedFileBytes = keys.Value;
            else if (key.SequenceEqual("inactive_file"u8)) stat.InactiveFileBytes = keys.Value;
            else if (key.SequenceEqual("active_file"u8)) stat.ActiveFileBytes = keys.Value;
            else if (key.SequenceEqual("pgfault"u8)) stat.PageFaults = keys.Value;
            else if (key.SequenceEqual("pgmajfault"u8)) stat.MajorPageFaults = keys.Value;
            else if (key.SequenceEqual("swap"u8)) stat.SwapBytes = keys.Value;
        }

        return stat;
    }
}
