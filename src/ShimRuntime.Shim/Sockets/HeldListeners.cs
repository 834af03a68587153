using ShimRuntime.Linux;
using ShimRuntime.Shim.Serving;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Sockets;

/// <summary>
/// The listeners of a container's processes, taken without their help (pidfd_getfd(2)): what a swap hands to the next generation. A
/// container decides how many processes and descriptors there are to look through, so both have a bound.
/// </summary>
internal sealed class HeldListeners : IDisposable
{
    private const int MaxProcesses = 4096;
    private const int MaxDescriptors = 65_536;
    private const int MaxListeners = 256;
    private readonly List<HeldListener> _held = [];
    private readonly List<string> _unfit = [];
    private readonly HashSet<ulong> _seen = [];

    public IReadOnlyList<HeldListener> All => _held;

    /// <summary>Sockets that receive and can't be handed on, in words: "udp:0.0.0.0:53 (…)".</summary>
    public IReadOnlyList<string> Unfit => _unfit;

    /// <summary>Takes what the processes of a leaf listen on. What is held already stays.</summary>
    /// <exception cref="RuntimeFault">ResourceExhausted: there is too much to look through, or to hold.</exception>
    public void TakeFrom(Cgroup leaf)
    {
        var pids = leaf.Processes();
        if (pids.Count > MaxProcesses) throw TooMany($"it has {pids.Count} processes, and {MaxProcesses} are looked through");
        foreach (var listener in _held) _seen.Add(listener.Facts.Inode);
        foreach (var pid in pids) TakeFrom(pid);
    }

    /// <summary>The listener of that inode; null when none is.</summary>
    public HeldListener? Find(ulong inode) => _held.Find(l => l.Facts.Inode == inode);

    /// <summary>Names of Unix listeners that a generation took away when it ended come back.</summary>
    public void PutNamesBack()
    {
        foreach (var listener in _held) listener.File?.PutBack();
    }

    /// <summary>What an ending generation did to sockets that are not its own alone is undone (<see cref="ListenerState"/>).</summary>
    public void PutRight()
    {
        foreach (var listener in _held)
        {
            try
            {
                if (listener.PutRight()) ErrorLog.Write($"{listener.Address} was shut down, or made to linger, by a process that closed it; put right");
            }
            catch (LinuxException e)
            {
                ErrorLog.Write($"{listener.Address} was shut down by a process that closed it: {e.Message}");
            }
        }
    }

    /// <summary>Lets go: what no process has any more ends, and what waits in its queue is reset.</summary>
    public void LetGo()
    {
        foreach (var listener in _held) listener.Dispose();
        _held.Clear();
        _unfit.Clear();
        _seen.Clear();
    }

    public SavedListeners Save(StateWriter writer) => new()
    {
        Listeners = { _held.Select(l => l.Save(writer)) }, Unfit = { _unfit }, Seen = { _seen.Order() },
    };

    /// <summary>As another program of this process had them.</summary>
    public void Load(SavedListeners saved)
    {
        foreach (var listener in saved.Listeners) _held.Add(new HeldListener(listener));
        _unfit.AddRange(saved.Unfit);
        _seen.UnionWith(saved.Seen);
    }

    public void Dispose() => LetGo();

    /// <inheritdoc cref="TakeFrom(Cgroup)"/>
    internal void TakeFrom(int pid)
    {
        using var process = SafePidFd.TryOpen(pid);
        if (process is null) return;
        var sockets = ProcessSockets.Of(pid, MaxDescriptors, out var isCut);
        if (isCut) throw TooMany($"process {pid} has more than {MaxDescriptors} descriptors, and no more are looked through");
        foreach (var (number, inode) in sockets)
        {
            if (!_seen.Add(inode)) continue;
            var fd = process.TryDuplicate(number);
            if (fd >= 0 && !TryHold(fd, pid)) FileDescriptor.Close(ref fd);
        }
    }

    /// <summary>The number may be another file's by now: only what it is counts.</summary>
    private bool TryHold(int fd, int pid)
    {
        if (SocketFacts.TryOf(fd) is not { Address: { } address } facts) return false;
        if (facts is { IsListening: true, Kind.Type: var type } && type == SOCK_STREAM)
        {
            if (_held.Count == MaxListeners) throw TooMany($"it listens on more than {MaxListeners} sockets");
            _held.Add(new HeldListener(fd, facts, address.IsFile ? SocketFile.TryKeep(pid, address.Path!) : null));
            return true;
        }

        var isReceiver = facts.Kind.Type == SOCK_DGRAM && address is not { Endpoint.Port: 0 };
        if (isReceiver && facts.Kind.Family != AF_UNIX) _unfit.Add($"udp:{address.Endpoint} (datagrams have no queue to hand on)");
        else if (facts.IsListening) _unfit.Add($"{address} (of another type than SOCK_STREAM)");
        return false;
    }

    private static RuntimeFault TooMany(string why) =>
        new(FaultCode.ResourceExhausted, $"failed to hold the container's listeners: {why}; swap it with level L0");
}
