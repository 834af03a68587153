using ShimRuntime.Linux;
using ShimRuntime.Shim.Generations;
using ShimRuntime.Shim.Sockets;
using ShimRuntime.ShimProtocol.V1;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Containers;

/// <content>Listeners that are held from before a swap until it is over.</content>
internal sealed partial class Container
{
    private static readonly TimeSpan HoldTime = TimeSpan.FromSeconds(30);
    private readonly LoopTimer _holdEnds;
    private readonly HeldListeners _held = new();

    HeldListeners Swaps.ISwapHost.Held => _held;

    /// <summary>One that binds for itself may not have come to it yet: it has its time.</summary>
    void Swaps.ISwapHost.LetGo()
    {
        if (_current is { HasExited: false } && _current.Unclaimed.Any()) _holdEnds.Set(HoldTime);
        else LetGo();
    }

    public void Claimed(Generation generation)
    {
        if (!IsSwapping && generation == _current && !_current.Unclaimed.Any()) LetGo();
    }

    /// <exception cref="RuntimeFault">FailedPrecondition: it does not run. ResourceExhausted: there is too much to look through.</exception>
    public HoldSocketsResponse HoldSockets(HoldSocketsRequest request)
    {
        if (request.LookOnly && (IsSwapping || _held.All.Count > 0)) return Describe(_held);
        if (request.LookOnly)
        {
            using var seen = new HeldListeners();
            if (_current.IsRunning) seen.TakeFrom(_current.Leaf);
            return Describe(seen);
        }

        if (IsSwapping) throw RuntimeFault.FailedPrecondition($"failed to hold sockets: swap '{_swap!.RequestId}' is under way");
        CheckRuns("hold the sockets of");
        LetGo();
        _holdEnds.Set(HoldTime);
        _held.TakeFrom(_current.Leaf);
        return Describe(_held);
    }

    private void LetGo()
    {
        _holdEnds.Clear();
        _held.LetGo();
    }

    private static HoldSocketsResponse Describe(HeldListeners held) => new()
    {
        Sockets = { held.All.Select(Describe) },
        Unfit = { held.Unfit },
    };

    private static HeldSocket Describe(HeldListener listener) => new()
    {
        Name = listener.Name,
        Address = listener.Address.Endpoint?.ToString() ?? listener.Address.Path!,
        Family = listener.Facts.Kind.Family == AF_UNIX ? "unix" : listener.Facts.Kind.Family == AF_INET6 ? "tcp6" : "tcp",
        V6Only = listener.Facts.Options.IsV6Only,
        ReusePort = listener.Facts.Options.SharesPort,
        Inode = listener.Facts.Inode,
    };
}
