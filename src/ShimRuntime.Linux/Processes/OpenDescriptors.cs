using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>How many descriptors a process has open, and how many of them are sockets (/proc/&lt;pid&gt;/fd, proc(5)).</summary>
public readonly record struct OpenDescriptors(int All, int Sockets)
{
    /// <summary>Nothing for a process that is gone. Looks at no more than <paramref name="most"/> of them.</summary>
    public static OpenDescriptors Of(int pid, int most)
    {
        try
        {
            using var directory = SafeDirFd.Open($"/proc/{pid}/fd");
            return Count(directory, most);
        }
        catch (LinuxException e) when (e.ErrorNumber is Errno.ENOENT or Errno.ESRCH or Errno.EACCES)
        {
            return default;
        }
    }

    private static unsafe OpenDescriptors Count(SafeDirFd directory, int most)
    {
        const int KindBytes = 8;
        var target = stackalloc byte[KindBytes];
        int all = 0, sockets = 0;
        foreach (var entry in directory.List())
        {
            if (all == most) break;
            all++;
            fixed (byte* name = entry.Name.Terminated)
            {
                // Cut short on purpose: its kind is what a target begins with.
                var length = (int)readlinkat(directory.Fd, name, target, KindBytes);
                if (length == KindBytes && new ReadOnlySpan<byte>(target, KindBytes).SequenceEqual("socket:["u8)) sockets++;
            }
        }

        return new OpenDescriptors(all, sockets);
    }
}
