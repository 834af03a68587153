using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Stats;

/// <summary>One cgroup in one hierarchy; a file of it is named, read and parsed without garbage.</summary>
/// <param name="Mount">Null: no such hierarchy on this machine; then nothing is there to be read.</param>
/// <param name="Cgroup">Below the mount, such as /kubepods/pod1.</param>
internal readonly record struct CgroupDirectory(string? Mount, string Cgroup)
{
    /// <summary>Empty when it is not there.</summary>
    public ReadOnlySpan<byte> Read(ReadOnlySpan<byte> file, Span<byte> buffer) =>
        Mount is null ? default : PseudoFile.Read(Mount, Cgroup, file, buffer);

    public ulong? Number(ReadOnlySpan<byte> file) => Mount is null ? null : PseudoFile.Number(Mount, Cgroup, file);

    /// <summary>A limit: null when there is none, that is "max" or at least <paramref name="none"/>.</summary>
    public ulong? Limit(ReadOnlySpan<byte> file, ulong none = ulong.MaxValue) => Number(file) is { } value && value < none ? value : null;

    /// <summary>One key of a flat keyed file; null when it has none.</summary>
    public ulong? Key(ReadOnlySpan<byte> file, ReadOnlySpan<byte> key)
    {
        Span<byte> buffer = stackalloc byte[1024];
        for (var keys = new FlatKeys(Read(file, buffer)); keys.Next();)
        {
            if (keys.Key.SequenceEqual(key)) return keys.Value;
        }

        return null;
    }

    public PressureSample? Pressure(ReadOnlySpan<byte> file)
    {
        Span<byte> buffer = stackalloc byte[256];
        return PressureSample.Parse(Read(file, buffer));
    }
}
