using System.Runtime.InteropServices;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>
/// inotify(7) on directories: one instance for all watches of a process, and one sleeping thread, which begins with the first. What changed is not
/// told, only that something did: an entry came, went, or was closed by a writer. For processes with a thread pool.
/// </summary>
public sealed unsafe partial class DirectoryWatcher : IDisposable
{
    private const int CloseOnExec = 0x80000; // IN_CLOEXEC
    private const uint Changes = 0x0100_0000 | 0x8 | 0x80 | 0x100 | 0x200; // IN_ONLYDIR, IN_CLOSE_WRITE, IN_MOVED_TO, IN_CREATE, IN_DELETE
    private const uint Ignored = 0x8000; // IN_IGNORED: the directory is gone, or the watch was taken off
    private const uint Overflow = 0x4000; // IN_Q_OVERFLOW
    private const int HeaderBytes = 16; // struct inotify_event without its name
    private const int NameLengthAt = 12;
    private const int BufferBytes = 8 << 10;
    private const int StackBytes = 128 << 10;
    private readonly Lock _lock = new();
    private readonly Dictionary<int, List<Watch>> _byNumber = [];
    private readonly int _stop = Check(eventfd(0, EFD_CLOEXEC), "eventfd", "");
    private readonly int _inotify = LinuxException.Check(inotify_init1(CloseOnExec), "inotify_init1");
    private bool _hasBegun;
    private bool _disposed;

    /// <param name="directory">Links are followed.</param>
    /// <param name="changed">Called on the thread pool, and perhaps once more while the watch is being disposed.</param>
    /// <returns>Ends the watch.</returns>
    /// <exception cref="LinuxException">There is no such directory, or fs.inotify.max_user_watches is reached.</exception>
    public IDisposable Add(string directory, Action changed)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_hasBegun) new Thread(Loop, StackBytes) { IsBackground = true, Name = "directory-watcher" }.Start();
            _hasBegun = true;
            using var path = new CString(directory);
            var number = LinuxException.Check(inotify_add_watch(_inotify, path.Pointer, Changes), "inotify_add_watch", directory);
            var watch = new Watch(this, number, changed);
            // The kernel gives one number to one directory, however often it is asked for.
            if (!_byNumber.TryGetValue(number, out var watches)) _byNumber[number] = watches = [];
            watches.Add(watch);
            return watch;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed) return;
            _disposed = true;
            _byNumber.Clear();
        }

        ulong one = 1;
        if (_hasBegun) _ = write(_stop, &one, sizeof(ulong)); // the thread closes both
        else Close();
    }

    private void Loop()
    {
        var waits = stackalloc pollfd[2];
        waits[0] = new pollfd { fd = _inotify, events = POLLIN };
        waits[1] = new pollfd { fd = _stop, events = POLLIN };
        var buffer = stackalloc byte[BufferBytes];
        while (poll(waits, 2, -1) >= 0 || errno == Errno.EINTR)
        {
            if (waits[1].revents != 0) break;
            if (waits[0].revents == 0) continue;
            var count = (long)read(_inotify, buffer, BufferBytes);
            if (count > 0) Tell(new ReadOnlySpan<byte>(buffer, (int)count));
        }

        Close();
    }

    private void Close()
    {
        _ = close(_inotify);
        _ = close(_stop);
    }

    private void Tell(ReadOnlySpan<byte> events)
    {
        HashSet<Watch> told = [];
        lock (_lock)
        {
            while (events.Length >= HeaderBytes)
            {
                var (number, mask) = (MemoryMarshal.Read<int>(events), MemoryMarshal.Read<uint>(events[4..]));
                events = events[(HeaderBytes + MemoryMarshal.Read<int>(events[NameLengthAt..]))..];
                if ((mask & Overflow) != 0) told.UnionWith(_byNumber.Values.SelectMany(w => w));
                else if (_byNumber.TryGetValue(number, out var watches)) told.UnionWith(watches);
                if ((mask & Ignored) != 0) _byNumber.Remove(number);
            }
        }

        foreach (var watch in told) ThreadPool.UnsafeQueueUserWorkItem(static w => w.Changed(), watch, false);
    }

    private void Remove(Watch watch)
    {
        lock (_lock)
        {
            if (!_byNumber.TryGetValue(watch.Number, out var watches) || !watches.Remove(watch) || watches.Count > 0) return;
            _byNumber.Remove(watch.Number);
            _ = inotify_rm_watch(_inotify, watch.Number);
        }
    }

    private static int Check(int result, string call, string subject) => result >= 0 ? result : throw new LinuxException(call, errno, subject);

    private sealed class Watch(DirectoryWatcher owner, int number, Action changed) : IDisposable
    {
        public int Number => number;

        public Action Changed => changed;

        public void Dispose() => owner.Remove(this);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int inotify_init1(int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int inotify_add_watch(int fd, byte* path, uint mask);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int inotify_rm_watch(int fd, int number);
}
