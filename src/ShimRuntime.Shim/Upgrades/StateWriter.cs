namespace ShimRuntime.Shim.Upgrades;

/// <summary>Collects, while a state is written, what has to stay open for its reader.</summary>
internal sealed class StateWriter
{
    public List<int> Descriptors { get; } = [];

    /// <returns>The number as a state has it; 0: there is none.</returns>
    public int Keep(int fd)
    {
        if (fd < 0) return 0;
        Descriptors.Add(fd);
        return fd;
    }
}
