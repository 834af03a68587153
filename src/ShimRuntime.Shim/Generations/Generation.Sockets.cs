using ShimRuntime.Linux;
using ShimRuntime.Shim.Sockets;
using ShimRuntime.Shim.Stdio;

namespace ShimRuntime.Shim.Generations;

/// <content>Listeners of the generation before it: as descriptors from 3 on, or in the place of those that it binds.</content>
internal sealed partial class Generation
{
    private const int FirstPassed = 3; // SD_LISTEN_FDS_START, sd_listen_fds(3)
    private FilterSocket? _filters;

    /// <summary>Null: it gets none. To be set before it is made.</summary>
    public Handover? Handover { get; set; }

    /// <summary>Those that it did not ask for yet; none where it needs not ask.</summary>
    public IEnumerable<HeldListener> Unclaimed => _filters?.Missing ?? [];

    /// <summary>True when one of its processes has the other end of our TCP connection, false when another's has it, null when nobody has accepted it.</summary>
    public bool? HasAccepted(int connection)
    {
        const int mostDescriptors = 65_536;
        if (!IsAlive || AcceptedConnection.InodeOf(Pid, connection) is not { } inode) return null;
        foreach (var pid in Leaf.Processes())
        {
            foreach (var socket in ProcessSockets.Of(pid, mostDescriptors, out _))
            {
                if (socket.Inode == inode) return true;
            }
        }

        return false;
    }

    private IReadOnlyList<FdMapping> Descriptors(ContainerStdio stdio)
    {
        if (Handover is not { ByFilter: false } handover) return stdio.ChildFds;
        return [.. stdio.ChildFds, .. handover.Held.All.Select((listener, i) => new FdMapping(listener.Fd, FirstPassed + i))];
    }

    private void ExpectFilter() => _filters = new FilterSocket(_context.Loop, _paths.FilterSocket, Handover!.Held)
    {
        OnAdopted = () => _owner.Claimed(this),
    };

    /// <summary>Not before its last process: without a supervisor its binds would fail, and execs could not begin.</summary>
    private void EndHandover() => _filters?.Dispose();
}
