using System.Text;
using ShimRuntime.Linux;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>
/// The CRI socket, bound by syscall: Kestrel gets the fd (ListenHandle) and neither owns nor unlinks the path, so that the socket can
/// outlive one server. A path left by a dead daemon is taken over; a live one, or anything that is no socket, is refused.
/// </summary>
internal sealed unsafe class ListeningSocket : IDisposable
{
    /// <summary>sizeof(sockaddr_un.sun_path) less the terminating NUL; unix(7).</summary>
    public const int LongestPathBytes = 107;

    private const int Backlog = 4096;
    private const ushort SocketMode = 0x1b0; // 0660: root and its group
    private readonly string _path;
    private int _fd;

    private ListeningSocket(string path, int fd)
    {
        _path = path;
        _fd = fd;
    }

    public ulong Handle => (ulong)_fd;

    public int Fd => _fd;

    /// <summary>Whether the path stays when this daemon ends: another process has the socket too.</summary>
    public bool IsShared { get; set; }

    /// <summary>Takes a listener over that another process has bound: a daemon before this one, or the service manager.</summary>
    /// <exception cref="RuntimeFault">FailedPrecondition: it is no listener of that path, or the path is gone.</exception>
    public static ListeningSocket Adopt(int fd, string path)
    {
        FileDescriptor.SetCloseOnExec(fd);
        var bound = FileDescriptor.IsListeningSocket(fd) ? BoundTo(fd) : null;
        if (bound == path && FileType(path) == (uint)S_IFSOCK) return new ListeningSocket(path, fd) { IsShared = true };
        _ = close(fd);
        throw RuntimeFault.FailedPrecondition(
            $"failed to listen on '{path}': the socket that was handed over is bound to '{bound}', or its path is gone; give both daemons the same --listen");
    }

    /// <param name="path">Absolute, of at most <see cref="LongestPathBytes"/> bytes. Its directory is made, 0755, when missing.</param>
    public static ListeningSocket Bind(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        TakeOverStalePath(path);
        var fd = Check(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket", path);
        try
        {
            var address = Address(path);
            Check(bind(fd, (sockaddr*)&address, sizeof(sockaddr_un)), "bind", path);
            File.SetUnixFileMode(path, (UnixFileMode)SocketMode);
            Check(listen(fd, Backlog), "listen", path);
            return new ListeningSocket(path, fd);
        }
        catch
        {
            _ = close(fd);
            throw;
        }
    }

    /// <summary>True when a process accepts connections at the path; false for a path left by a dead one.</summary>
    public static bool IsServed(string path)
    {
        var fd = Check(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket", path);
        try
        {
            var address = Address(path);
            // EAGAIN: a full backlog, which only a live listener has.
            return connect(fd, (sockaddr*)&address, sizeof(sockaddr_un)) == 0 || errno == Errno.EAGAIN;
        }
        finally
        {
            _ = close(fd);
        }
    }

    /// <summary>Removes the path, unless it is shared, and closes the fd: called under the daemon's locks, so nobody else can have bound it meanwhile.</summary>
    public void Dispose()
    {
        if (_fd < 0) return;
        if (!IsShared) File.Delete(_path);
        _ = close(_fd);
        _fd = -1;
    }

    private static void TakeOverStalePath(string path)
    {
        var type = FileType(path);
        if (type is null) return;
        if (type != (uint)S_IFSOCK)
        {
            throw RuntimeFault.FailedPrecondition($"failed to listen on '{path}': something that is no socket is there; "
                + "remove it or give another --listen");
        }

        if (IsServed(path))
        {
            throw RuntimeFault.FailedPrecondition($"failed to listen on '{path}': another process serves there; "
                + "stop it or give another --listen");
        }

        File.Delete(path);
    }

    /// <summary>S_IFMT bits, of a symbolic link itself; null: nothing there.</summary>
    private static uint? FileType(string path)
    {
        var bytes = Encoding.UTF8.GetBytes(path + '\0');
        stat status;
        fixed (byte* p = bytes)
        {
            if (lstat(p, &status) != 0) return errno == Errno.ENOENT ? null : throw new LinuxException("lstat", errno, path);
        }

        return (uint)status.st_mode & (uint)S_IFMT;
    }

    /// <summary>Null: to no path.</summary>
    private static string? BoundTo(int fd)
    {
        sockaddr_un address = default;
        socklen_t length = sizeof(sockaddr_un);
        if (getsockname(fd, (sockaddr*)&address, &length) != 0 || address.sun_family != AF_UNIX) return null;
        return System.Runtime.InteropServices.Marshal.PtrToStringUTF8((nint)address.sun_path);
    }

    private static sockaddr_un Address(string path)
    {
        var bytes = Encoding.UTF8.GetBytes(path);
        if (bytes.Length > LongestPathBytes)
        {
            throw RuntimeFault.InvalidArgument($"failed to use socket '{path}': {bytes.Length} bytes, "
                + $"and a Unix socket's path has at most {LongestPathBytes}");
        }

        sockaddr_un address = default;
        address.sun_family = AF_UNIX;
        for (var i = 0; i < bytes.Length; i++) address.sun_path[i] = bytes[i];
        return address;
    }

    private static int Check(int result, string call, string path) => result >= 0 ? result : throw new LinuxException(call, errno, path);
}
