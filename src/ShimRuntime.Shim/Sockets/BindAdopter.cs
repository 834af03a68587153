using System.Net;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Sockets;

/// <summary>
/// Gives an unmodified server the listeners of its predecessor. The filter of its generation holds every bind(2); one of an address that we
/// hold gets our listener in the place of its own socket and the answer 0, so both generations accept from one queue:
/// <code>
///   bind(fd, address)  held, and no exact match   kernel decides, as if there were no filter
///                      match                      fd := listener (dup), bind returns 0
///                      fd is the listener         bind returns 0   (a signal came between the two steps, and the call began again)
/// </code>
/// What is read of the caller's memory may be a lie; a match only gives what the container's own processes had.
/// </summary>
internal sealed class BindAdopter : IEpollHandler, IDisposable
{
    private const int SysBind = 49;
    private const uint AuditArchX64 = 0xc000003e; // linux/audit.h
    private const int MaxTextBytes = 4096;
    private readonly EpollLoop _loop;
    private readonly HeldListeners _held;
    private readonly HashSet<ulong> _adopted = [];
    private int _fd;

    /// <param name="fd">The filter's, ours to close.</param>
    public BindAdopter(EpollLoop loop, int fd, HeldListeners held)
    {
        (_loop, _fd, _held) = (loop, fd, held);
        FileDescriptor.SetNonBlocking(fd);
        _loop.Add(_fd, (uint)EPOLLIN, this);
    }

    /// <summary>A filter that another program of this process has answered until now.</summary>
    public BindAdopter(EpollLoop loop, HeldListeners held, SavedFilter saved)
    {
        (_loop, _fd, _held) = (loop, StateReader.Fd(saved.Fd), held);
        _adopted.UnionWith(saved.Adopted);
        if (_fd >= 0) _loop.Add(_fd, (uint)EPOLLIN, this);
    }

    /// <summary>A listener has got a new owner.</summary>
    public Action? OnAdopted { get; set; }

    /// <summary>No process with the filter is left.</summary>
    public bool HasEnded => _fd < 0;

    /// <summary>Those that no bind has asked for yet.</summary>
    public IEnumerable<HeldListener> Missing => _held.All.Where(l => !_adopted.Contains(l.Facts.Inode));

    public SavedFilter Save(StateWriter writer) => new() { Fd = writer.Keep(_fd), Adopted = { _adopted.Order() } };

    public void OnReady(uint events)
    {
        if ((events & (uint)EPOLLIN) != 0 && SeccompNotifier.TryReceive(_fd, out var call)) Decide(call);
        else if ((events & (uint)EPOLLHUP) != 0) Dispose(); // no process with this filter is left
    }

    /// <summary>From then on a bind of this generation fails with ENOSYS, so only its end is the time.</summary>
    public void Dispose()
    {
        if (_fd < 0) return;
        _loop.Remove(_fd);
        FileDescriptor.Close(ref _fd);
    }

    private void Decide(SeccompCall call)
    {
        try
        {
            if (Match(call) is not { } listener) SeccompNotifier.Continue(_fd, call.Cookie);
            else Hand(call, listener);
        }
        catch (LinuxException)
        {
            SeccompNotifier.Continue(_fd, call.Cookie);
        }
    }

    private void Hand(SeccompCall call, HeldListener listener)
    {
        var number = (int)call.Arguments.First;
        if (InodeOf(call, number) is { } inode && inode != listener.Facts.Inode)
        {
            if (!SeccompNotifier.TryReplace(_fd, call.Cookie, listener.Fd, (number, IsCloseOnExec(call.Thread, number))))
            {
                SeccompNotifier.Continue(_fd, call.Cookie);
                return;
            }
        }

        listener.File?.PutBack();
        SeccompNotifier.Answer(_fd, call.Cookie, 0);
        _adopted.Add(listener.Facts.Inode);
        OnAdopted?.Invoke();
    }

    /// <summary>Null: none of ours, or not exactly.</summary>
    private HeldListener? Match(SeccompCall call)
    {
        if (call is not { Number: SysBind, Architecture: AuditArchX64 } || AddressOf(call) is not { } address) return null;
        if (SocketOf(call, (int)call.Arguments.First) is not { } own) return null;
        if (_held.Find(own.Inode) is { } restarted) return restarted;
        HeldListener? any = null;
        foreach (var listener in _held.All)
        {
            if (listener.Address != address || listener.Facts.Kind != own.Kind || !HasSameReach(listener.Facts, own)) continue;
            if (address.IsFile && listener.File?.IsNamed(call.Thread, address.Path!) != true) continue;
            if (!_adopted.Contains(listener.Facts.Inode)) return listener; // of a SO_REUSEPORT group each gets one of its own
            any ??= listener;
        }

        return any;
    }

    /// <summary>Only "::" can be for IPv4 as well; the kernel sets v6only on a socket that is bound to any other address.</summary>
    private static bool HasSameReach(SocketFacts held, SocketFacts own) =>
        held.Address?.Endpoint?.Address.Equals(IPAddress.IPv6Any) != true || held.Options.IsV6Only == own.Options.IsV6Only;

    private ListenerAddress? AddressOf(SeccompCall call)
    {
        Span<byte> buffer = stackalloc byte[ListenerAddress.MaxBytes];
        var length = (int)Math.Min(call.Arguments.Third & 0xffffffff, ListenerAddress.MaxBytes);
        if (!ProcessMemory.TryRead(call.Thread, call.Arguments.Second, buffer[..length])) return null;
        return SeccompNotifier.IsWaiting(_fd, call.Cookie) ? ListenerAddress.Parse(buffer[..length]) : null;
    }

    private static ulong? InodeOf(SeccompCall call, int number) => SocketOf(call, number)?.Inode;

    private static SocketFacts? SocketOf(SeccompCall call, int number)
    {
        using var process = ProcessOf(call.Thread) is { } leader ? SafePidFd.TryOpen(leader) : null;
        var fd = process?.TryDuplicate(number) ?? -1;
        if (fd < 0) return null;
        var facts = SocketFacts.TryOf(fd);
        FileDescriptor.Close(ref fd);
        return facts;
    }

    /// <summary>A pidfd names a process, and a thread may have called.</summary>
    private static int? ProcessOf(int thread) => Number($"/proc/{thread}/status", "Tgid:"u8, 10);

    private static bool IsCloseOnExec(int thread, int number) =>
        (Number($"/proc/{thread}/fdinfo/{number}", "flags:"u8, 8) & O_CLOEXEC) != 0;

    /// <summary>Of a line "key: number"; null when there is none.</summary>
    private static int? Number(string path, ReadOnlySpan<byte> key, int numberBase)
    {
        Span<byte> buffer = stackalloc byte[MaxTextBytes];
        var text = PseudoFile.Read(path, buffer);
        foreach (var range in text.Split((byte)'\n'))
        {
            if (!text[range].StartsWith(key)) continue;
            var value = 0;
            foreach (var digit in text[range][key.Length..].Trim(" \t"u8)) value = (value * numberBase) + digit - '0';
            return value;
        }

        return null;
    }
}
