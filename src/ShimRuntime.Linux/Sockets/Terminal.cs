using System.Runtime.InteropServices;

namespace ShimRuntime.Linux;

/// <summary>Terminals by their descriptors (tty_ioctl(2)).</summary>
public static unsafe partial class Terminal
{
    private const ulong TIOCSWINSZ = 0x5414;

    /// <summary>Sets the size in characters; the kernel tells the foreground processes by SIGWINCH. A terminal that has gone is no error.</summary>
    public static void Resize(int fd, ushort columns, ushort rows)
    {
        var size = stackalloc ushort[4] { rows, columns, 0, 0 };
        _ = ioctl(fd, TIOCSWINSZ, size);
    }

    /// <summary>
    /// What a user types to end the input (VEOF, Ctrl-D): a terminal has no half-close, and a program that reads lines from it takes
    /// this for the end.
    /// </summary>
    public static void TypeEndOfFile(int master)
    {
        byte endOfTransmission = 4;
        _ = FileDescriptor.Write(master, &endOfTransmission, 1);
    }

    [LibraryImport("libc")]
    private static partial int ioctl(int fd, ulong request, ushort* size);
}
