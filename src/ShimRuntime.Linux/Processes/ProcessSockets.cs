using System.Globalization;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>Which descriptors of a process are sockets (/proc/&lt;pid&gt;/fd, proc_pid_fd(5)).</summary>
public static unsafe class ProcessSockets
{
    private const int TargetBytes = 32; // "socket:[18446744073709551615]" has 29

    /// <summary>Number and inode of each. Nothing of a process that is gone.</summary>
    /// <param name="most">Looks at no more descriptors than that.</param>
    /// <param name="isCut">True when the process has more.</param>
    public static IReadOnlyList<(int Number, ulong Inode)> Of(int pid, int most, out bool isCut)
    {
        isCut = false;
        try
        {
            using var directory = SafeDirFd.Open($"/proc/{pid}/fd");
            return Read(directory, most, out isCut);
        }
        catch (LinuxException e) when (e.ErrorNumber is Errno.ENOENT or Errno.ESRCH)
        {
            return [];
        }
    }

    private static List<(int Number, ulong Inode)> Read(SafeDirFd directory, int most, out bool isCut)
    {
        isCut = false;
        var target = stackalloc byte[TargetBytes];
        List<(int Number, ulong Inode)> sockets = [];
        var seen = 0;
        foreach (var entry in directory.List())
        {
            isCut = seen++ == most;
            if (isCut) break;
            int length;
            fixed (byte* name = entry.Name.Terminated) length = (int)readlinkat(directory.Fd, name, target, TargetBytes);
            if (length > 0 && TryParse(new ReadOnlySpan<byte>(target, length), out var inode)
                && int.TryParse(entry.Name.Bytes, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                sockets.Add((number, inode));
            }
        }

        return sockets;
    }

    private static bool TryParse(ReadOnlySpan<byte> target, out ulong inode)
    {
        inode = 0;
        var prefix = "socket:["u8;
        return target.StartsWith(prefix) && target[^1] == ']'
            && ulong.TryParse(target[prefix.Length..^1], NumberStyles.None, CultureInfo.InvariantCulture, out inode);
    }
}
