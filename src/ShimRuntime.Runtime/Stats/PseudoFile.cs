using System.Text;
using ShimRuntime.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Runtime.Stats;

/// <summary>Reads small kernel files (cgroup, proc) with three system calls and no garbage but the path.</summary>
internal static unsafe class PseudoFile
{
    private const int MaxPathBytes = 4096;

    /// <summary>What fits the buffer; empty when the file is not there or can't be read.</summary>
    public static ReadOnlySpan<byte> Read(string path, Span<byte> buffer)
    {
        var name = stackalloc byte[MaxPathBytes];
        if (!Encoding.UTF8.TryGetBytes(path, new Span<byte>(name, MaxPathBytes - 1), out var length)) return default;
        name[length] = 0;
        var fd = open(name, O_RDONLY | O_CLOEXEC);
        if (fd < 0) return default;
        var total = 0;
        fixed (byte* start = buffer)
        {
            while (total < buffer.Length)
            {
                var count = (int)pread(fd, start + total, buffer.Length - total, total);
                if (count < 0 && errno == Errno.EINTR) continue;
                if (count <= 0) break;
                total += count;
            }
        }

        _ = close(fd);
        return buffer[..total];
    }

    /// <summary>Null: not there, or no number. "max" (cgroup v2) is <see cref="ulong.MaxValue"/>.</summary>
    public static ulong? Number(string path)
    {
        Span<byte> buffer = stackalloc byte[32];
        return Number(Read(path, buffer));
    }

    public static ulong? Number(ReadOnlySpan<byte> text)
    {
        text = text.Trim(" \t\n"u8);
        if (text.SequenceEqual("max"u8)) return ulong.MaxValue;
        return System.Buffers.Text.Utf8Parser.TryParse(text, out ulong value, out var used) && used == text.Length ? value : null;
    }
}
