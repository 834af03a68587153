using System.Text;
using Tmds.Linux;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Logging;

/// <summary>
/// The container's log file. Opened beneath the pod's log directory without following a symbolic link anywhere below it (openat2(2),
/// RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS), appended to by this shim alone. A disk that is full costs log lines, never the container:
/// what finds no room is dropped whole and counted.
/// </summary>
internal sealed unsafe partial class LogFile : IDisposable
{
    private const int Mode = 0x1a0; // 0640
    private readonly string _directory;
    private readonly string _path;
    private int _fd = -1;

    private LogFile(string directory, string path) => (_directory, _path) = (directory, path);

    /// <summary>Bytes of container output that found no room.</summary>
    public ulong DroppedBytes { get; private set; }

    /// <summary>False when the container has no log: output is read and dropped.</summary>
    public bool IsOpen => _fd >= 0;

    /// <summary>Opens or makes it. An empty <paramref name="directory"/> means: no log.</summary>
    /// <exception cref="RuntimeFault">
    /// NotFound: the directory is missing. InvalidArgument: the path leads out of it, or to no regular file.
    /// </exception>
    public static LogFile Open(string directory, string path)
    {
        var log = new LogFile(directory, path);
        if (directory.Length > 0 && path.Length > 0) log._fd = log.OpenFile();
        return log;
    }

    /// <summary>One that another program of this process has opened, whatever its path leads to by now.</summary>
    public static LogFile Inherit((string Directory, string Path) place, SavedLog saved) =>
        new(place.Directory, place.Path) { _fd = StateReader.Fd(saved.Fd), DroppedBytes = saved.DroppedBytes };

    public SavedLog Save(StateWriter writer) => new() { Fd = writer.Keep(_fd), DroppedBytes = DroppedBytes };

    /// <summary>Opens the path anew, for a rotation that has renamed the old file; on failure the old one stays in use.</summary>
    public void Reopen()
    {
        if (_fd < 0) return;
        var fresh = OpenFile();
        FileDescriptor.Close(ref _fd);
        _fd = fresh;
    }

    /// <summary>Appends the vectors as one piece: all, or, when the disk takes only a part, nothing of it.</summary>
    /// <param name="contentBytes">What to count as dropped then.</param>
    public void Append(iovec* vectors, int count, int contentBytes)
    {
        if (_fd < 0) return;
        long written = 0;
        while (count > 0)
        {
            var step = WriteV(_fd, vectors, count);
            if (step < 0 && System.Runtime.InteropServices.Marshal.GetLastPInvokeError() == Errno.EINTR) continue;
            if (step <= 0)
            {
                Drop(written, contentBytes);
                return;
            }

            written += step;
            Skip(ref vectors, ref count, step);
        }
    }

    public void Dispose() => FileDescriptor.Close(ref _fd);

    /// <summary>Takes the torn part away again, so that every line in the file is whole.</summary>
    private void Drop(long tornBytes, int contentBytes)
    {
        DroppedBytes += (ulong)contentBytes;
        if (tornBytes == 0) return;
        var end = (long)lseek(_fd, 0, SEEK_END);
        _ = ftruncate(_fd, end - tornBytes);
    }

    private static void Skip(ref iovec* vectors, ref int count, long bytes)
    {
        while (count > 0 && bytes >= (long)(ulong)vectors->iov_len)
        {
            bytes -= (long)(ulong)vectors->iov_len;
            vectors++;
            count--;
        }

        if (count == 0) return;
        vectors->iov_base = (byte*)vectors->iov_base + bytes;
        vectors->iov_len = (size_t)((ulong)vectors->iov_len - (ulong)bytes);
    }

    private int OpenFile()
    {
        var root = OpenDirectory();
        try
        {
            open_how how = default;
            // O_NONBLOCK: a fifo put there by somebody must not hang us; it is refused below.
            how.flags = (ulong)(O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
            how.mode = Mode;
            how.resolve = (ulong)(ResolveFlags.Beneath | ResolveFlags.NoSymlinks);
            fixed (byte* path = Encoding.UTF8.GetBytes(_path + '\0'))
            {
                var fd = openat2(root, path, &how, sizeof(open_how));
                if (fd < 0) throw Fault(errno);
                return RegularOnly(fd);
            }
        }
        finally
        {
            FileDescriptor.Close(ref root);
        }
    }

    private int OpenDirectory()
    {
        fixed (byte* directory = Encoding.UTF8.GetBytes(_directory + '\0'))
        {
            var fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
            return fd >= 0 ? fd : throw Fault(errno);
        }
    }

    private int RegularOnly(int fd)
    {
        stat status;
        if (fstat(fd, &status) == 0 && ((uint)status.st_mode & 0xf000) == 0x8000) return fd;
        _ = close(fd);
        throw RuntimeFault.InvalidArgument($"failed to open log '{_directory}/{_path}': it is not a regular file");
    }

    private RuntimeFault Fault(int error)
    {
        var cause = new LinuxException("openat2", error).Message;
        return error switch
        {
            Errno.ENOENT or Errno.ENOTDIR =>
                RuntimeFault.NotFound($"failed to open log '{_directory}/{_path}': {cause}; make its directory first"),
            Errno.ELOOP or Errno.EXDEV =>
                RuntimeFault.InvalidArgument($"failed to open log '{_directory}/{_path}': {cause}; no links are followed below it"),
            _ => RuntimeFault.Internal($"failed to open log '{_directory}/{_path}': {cause}"),
        };
    }

    [System.Runtime.InteropServices.LibraryImport("libc", EntryPoint = "writev", SetLastError = true)]
    private static partial nint WriteV(int fd, iovec* vectors, int count);
}
