using System.Buffers.Text;
using System.Text;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>Reads small kernel files (cgroup, proc, sysfs) with as few system calls as they take, and no garbage at all.</summary>
public static unsafe class PseudoFile
{
    private const int MaxPathBytes = 4096;
    private const int MaxLineBytes = 8192;

    /// <summary>What fits the buffer; empty when the file is not there or can't be read.</summary>
    public static ReadOnlySpan<byte> Read(string path, Span<byte> buffer) => Read(path, "", [], buffer);

    /// <summary>As above, of the file <c>mount + directory + "/" + name</c>: nothing is concatenated on the heap.</summary>
    public static ReadOnlySpan<byte> Read(string mount, string directory, ReadOnlySpan<byte> name, Span<byte> buffer) =>
        Read(mount, directory, name, buffer, false);

    /// <summary>Null: not there, or no number. "max" (cgroup v2) is <see cref="ulong.MaxValue"/>.</summary>
    public static ulong? Number(string mount, string directory, ReadOnlySpan<byte> name)
    {
        Span<byte> buffer = stackalloc byte[32];
        return Number(Read(mount, directory, name, buffer, true));
    }

    public static ulong? Number(ReadOnlySpan<byte> text)
    {
        text = text.Trim(" \t\n"u8);
        if (text.SequenceEqual("max"u8)) return ulong.MaxValue;
        return Utf8Parser.TryParse(text, out ulong value, out var used) && used == text.Length ? value : null;
    }

    /// <summary>
    /// The lines that contain <paramref name="word"/>, each with its end; a line of more than 8,191 bytes is left out. However long the file is, no
    /// more of it is in memory. Empty when the file is not there.
    /// </summary>
    public static string LinesWith(string path, ReadOnlySpan<byte> word)
    {
        using var file = new CString(path);
        var fd = open(file.Pointer, O_RDONLY | O_CLOEXEC);
        if (fd < 0) return "";
        var text = new StringBuilder();
        var bytes = stackalloc byte[MaxLineBytes];
        var (length, isTooLong) = (0, false);
        for (int count; (count = FileDescriptor.Read(fd, bytes + length, MaxLineBytes - length)) > 0;)
        {
            var rest = new Span<byte>(bytes, length + count);
            for (int end; (end = rest.IndexOf((byte)'\n')) >= 0; rest = rest[(end + 1)..])
            {
                var line = rest[..(end + 1)];
                if (!isTooLong && line.IndexOf(word) >= 0) text.Append(Encoding.UTF8.GetString(line));
                isTooLong = false;
            }

            isTooLong |= rest.Length == MaxLineBytes;
            length = isTooLong ? 0 : rest.Length;
            rest[..length].CopyTo(new Span<byte>(bytes, MaxLineBytes));
        }

        _ = close(fd);
        return text.ToString();
    }

    /// <param name="once">What the kernel gives in one piece, as a number: it need not be asked whether there is more.</param>
    private static ReadOnlySpan<byte> Read(string mount, string directory, ReadOnlySpan<byte> name, Span<byte> buffer, bool once)
    {
        var bytes = stackalloc byte[MaxPathBytes];
        var path = new Span<byte>(bytes, MaxPathBytes);
        if (!TryCompose(mount, directory, name, path)) return default;
        var fd = open(bytes, O_RDONLY | O_CLOEXEC);
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
                if (once) break;
            }
        }

        _ = close(fd);
        return buffer[..total];
    }

    private static bool TryCompose(string mount, string directory, ReadOnlySpan<byte> name, Span<byte> path)
    {
        if (!Encoding.UTF8.TryGetBytes(mount, path, out var length)) return false;
        if (!Encoding.UTF8.TryGetBytes(directory, path[length..], out var more)) return false;
        length += more;
        if (path.Length - length < name.Length + 2) return false;
        if (name.Length > 0)
        {
            path[length++] = (byte)'/';
            name.CopyTo(path[length..]);
            length += name.Length;
        }

        path[length] = 0;
        return true;
    }
}
