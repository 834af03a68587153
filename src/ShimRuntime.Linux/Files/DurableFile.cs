using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>
/// Whole-file writes that a crash leaves either old or new: temp in the same directory, fsync, rename, fsync of the directory. Failures are
/// <see cref="LinuxException"/> with the errno.
/// </summary>
public static unsafe class DurableFile
{
    private const int AtFdCwd = -100;
    private static long _sequence;

    /// <summary>Replaces <paramref name="path"/>; survives power loss when this returns.</summary>
    /// <param name="mode">Permission bits, such as 0x180 (0600).</param>
    public static void Write(string path, ReadOnlySpan<byte> content, uint mode = 0x180) => Replace(path, content, mode, true);

    /// <summary>
    /// As <see cref="Write"/> without the fsyncs: whole after a crash of this process, not after a power loss. For files that a reboot
    /// deletes (/run), and for those that <see cref="Sync"/> makes durable later.
    /// </summary>
    public static void WriteVolatile(string path, ReadOnlySpan<byte> content, uint mode = 0x180) => Replace(path, content, mode, false);

    /// <summary>fsync(2) of a file's content, whoever wrote it; its name needs <see cref="SyncDirectory"/>.</summary>
    public static void Sync(string path) => SyncOpened(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    /// <summary>fsync(2) of a directory: makes renames, links and unlinks in it durable.</summary>
    public static void SyncDirectory(string path) => SyncOpened(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    /// <summary>Deletes a file durably; one that is not there is no error.</summary>
    public static void Delete(string path)
    {
        File.Delete(path);
        SyncDirectory(Path.GetDirectoryName(path)!);
    }

    private static void SyncOpened(string path, int flags)
    {
        var fd = Open(path, flags, 0);
        var failed = fsync(fd) < 0;
        var error = errno;
        _ = close(fd);
        if (failed) throw new LinuxException("fsync", error, path);
    }

    private static void Replace(string path, ReadOnlySpan<byte> content, uint mode, bool durable)
    {
        var temp = $"{path}.{Environment.ProcessId}-{Interlocked.Increment(ref _sequence)}.tmp";
        ScratchFile.Delete(temp); // of a process that had our pid and died over it: after a reboot the daemon often has the same one
        var fd = Open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        try
        {
            WriteAll(fd, content, temp);
            if (durable && fsync(fd) < 0) throw new LinuxException("fsync", errno, temp);
            _ = close(fd);
            fd = -1;
            Failpoint.Hit("Linux.DurableFile.Replace:Rename.before");
            Rename(temp, path);
            if (durable) SyncDirectory(Path.GetDirectoryName(path)!);
        }
        catch
        {
            if (fd >= 0) _ = close(fd);
            ScratchFile.Delete(temp);
            throw;
        }
    }

    private static int Open(string path, int flags, uint mode)
    {
        using var name = new CString(path);
        var fd = open(name.Pointer, flags, (Tmds.Linux.mode_t)mode);
        return fd >= 0 ? fd : throw new LinuxException("open", errno, path);
    }

    private static void Rename(string from, string to)
    {
        using var old = new CString(from);
        using var name = new CString(to);
        LinuxException.Check(LibcCalls.renameat2(AtFdCwd, old.Pointer, AtFdCwd, name.Pointer, 0), "renameat2", to);
    }

    private static void WriteAll(int fd, ReadOnlySpan<byte> content, string path)
    {
        fixed (byte* start = content)
        {
            for (var done = 0; done < content.Length;)
            {
                var count = (long)write(fd, start + done, content.Length - done);
                if (count < 0 && errno == Errno.EINTR) continue;
                if (count < 0) throw new LinuxException("write", errno, path);
                done += (int)count;
            }
        }
    }
}
