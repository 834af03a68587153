using static System.Buffers.Binary.BinaryPrimitives;

namespace ShimRuntime.Linux;

/// <summary>Size and free space of a file system (statfs(2)).</summary>
public readonly record struct FilesystemSpace(ulong TotalBytes, ulong AvailableBytes, ulong TotalInodes, ulong FreeInodes)
{
    private const int StructBytes = 120; // struct statfs of x86-64: 64-bit fields f_type, f_bsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, …

    /// <exception cref="LinuxException">With the errno of statfs.</exception>
    public static unsafe FilesystemSpace Of(string path)
    {
        Span<byte> buffer = stackalloc byte[StructBytes];
        using var name = new CString(path);
        fixed (byte* start = buffer) LinuxException.Check(LibcCalls.statfs(name.Pointer, start), "statfs", path);
        var blockBytes = Field(buffer, 1);
        return new FilesystemSpace(Field(buffer, 2) * blockBytes, Field(buffer, 4) * blockBytes, Field(buffer, 5), Field(buffer, 6));
    }

    /// <summary>What one archive may take: the node keeps the other half of what is free.</summary>
    public long HalfOfAvailableBytes => (long)Math.Min(AvailableBytes / 2, long.MaxValue / 2);

    private static ulong Field(ReadOnlySpan<byte> buffer, int index) => ReadUInt64LittleEndian(buffer[(index * 8)..]);
}
