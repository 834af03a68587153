using System.Globalization;
using System.Text;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>One control file: a write is one write(2), for the kernel parses each call on its own; a read is trimmed.</summary>
public static unsafe class CgroupFile
{
    /// <exception cref="LinuxException">With the errno of open or write.</exception>
    public static void Write(string path, string value)
    {
        var error = WriteErrno(path, value);
        if (error != 0) throw new LinuxException($"write '{value}' to", error, path);
    }

    public static bool TryWrite(string path, string value) => WriteErrno(path, value) == 0;

    /// <exception cref="LinuxException">With the errno of open or read.</exception>
    public static string Read(string path) => Read(path, out var error) ?? throw new LinuxException("read", error, path);

    /// <summary>The trimmed text; null when the file is not there or cannot be read.</summary>
    public static string? TryRead(string path) => Read(path, out _);

    /// <summary>
    /// A single number; <c>max</c> is <see cref="ulong.MaxValue"/>; null when the file is not there or says something else.
    /// </summary>
    public static ulong? TryReadNumber(string path)
    {
        var text = TryRead(path);
        if (text == "max") return ulong.MaxValue;
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    /// <summary>A line <c>key value</c> of a flat keyed file such as memory.events or memory.stat; null when it is not there.</summary>
    public static ulong? TryReadKey(string path, string key)
    {
        foreach (var line in (TryRead(path) ?? "").AsSpan().EnumerateLines())
        {
            if (line.Length > key.Length && line[key.Length] == ' ' && line.StartsWith(key, StringComparison.Ordinal)
                && ulong.TryParse(line[(key.Length + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                return number;
            }
        }

        return null;
    }

    private static string? Read(string path, out int error)
    {
        error = 0;
        var fd = NativePath.Open(path, O_RDONLY);
        if (fd < 0)
        {
            error = errno;
            return null;
        }

        var text = new StringBuilder();
        var buffer = stackalloc byte[4096];
        int count;
        while ((count = (int)read(fd, buffer, 4096)) > 0 || (count < 0 && errno == Errno.EINTR))
        {
            if (count > 0) text.Append(Encoding.ASCII.GetString(buffer, count));
        }

        if (count < 0) error = errno;
        _ = close(fd);
        return error == 0 ? text.ToString().Trim() : null;
    }

    private static int WriteErrno(string path, string value)
    {
        var fd = NativePath.Open(path, O_WRONLY);
        if (fd < 0) return errno;
        var bytes = Encoding.UTF8.GetBytes(value.Length == 0 ? "\n" : value);
        fixed (byte* p = bytes)
        {
            long count;
            do count = write(fd, p, bytes.Length);
            while (count < 0 && errno == Errno.EINTR);
            var error = count < 0 ? errno : 0;
            _ = close(fd);
            return error;
        }
    }
}
