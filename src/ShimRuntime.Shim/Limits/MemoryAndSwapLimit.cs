namespace ShimRuntime.Shim.Limits;

/// <summary>
/// cgroup v1's memory.limit_in_bytes and memory.memsw.limit_in_bytes (memory plus swap), of which the kernel keeps the second the larger:
/// going up it is written first, going down last.
/// </summary>
/// <param name="memory">Bytes; -1: none; 0: as it is.</param>
/// <param name="memoryAndSwap">Bytes; -1: none; 0: as it is.</param>
internal sealed class MemoryAndSwapLimit(long memory, long memoryAndSwap) : Limit("memory")
{
    private const string MemoryFile = "memory.limit_in_bytes";
    private const string SwapFile = "memory.memsw.limit_in_bytes";

    public override string MainFile => MemoryFile;

    public override IEnumerable<(string File, string Value)> Writes(Func<string, string?> read)
    {
        List<(string, string)> writes = [];
        if (memory != 0) writes.Add((MemoryFile, $"{memory}"));
        // Absent: the kernel counts no swap, and there is nothing to limit.
        if (memoryAndSwap == 0 || read(SwapFile) is not { } present) return writes;
        var swapGrows = Number($"{memoryAndSwap}") > Number(present);
        writes.Insert(swapGrows ? 0 : writes.Count, (SwapFile, $"{memoryAndSwap}"));
        return writes;
    }

    public override bool Raises(Func<string, string?> read) =>
        memory != 0 ? Number($"{memory}") > Number(read(MemoryFile)) : Number($"{memoryAndSwap}") > Number(read(SwapFile));
}
