using ShimRuntime.Linux;
using ShimRuntime.Shim.Generations;
using ShimRuntime.Shim.Swaps;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Containers;

/// <content>Hot swap: the current generation is replaced by another one, and the container is the same.</content>
internal sealed partial class Container : ISwapHost
{
    private SwapJournal? _journal; // most containers are never swapped
    private SwapOperation? _swap; // under way, or the last one

    Generation ISwapHost.Current => _current;

    private bool IsSwapping => _swap is { IsOver: false };

    /// <summary>The generation that answers for the container now: the current one, or, between its end and Commit, its successor.</summary>
    private Generation Serving => !_current.IsAlive && _swap?.Successor is { IsRunning: true } successor ? successor : _current;

    /// <exception cref="RuntimeFault">As proto/shim/v1/shim.proto has it.</exception>
    public void Swap(ShimCall call, SwapRequest request)
    {
        if (_swap is { } known && known.RequestId == request.RequestId)
        {
            known.Follow(call);
            return;
        }

        Check(request);
        _holdEnds.Clear();
        _journal ??= new SwapJournal(_loop, _paths.SwapRecord, _launch.ContainerId);
        _swap = new SwapOperation(_loop, this, _journal, request);
        _swap.Follow(call);
        _swap.Begin();
    }

    /// <exception cref="RuntimeFault">FailedPrecondition: nothing is under way that could be ended so.</exception>
    public void EndSwap(ShimCall call, EndSwapRequest request)
    {
        if (!IsSwapping) throw RuntimeFault.FailedPrecondition("failed to end the swap: none is under way");
        if (request.RequestId.Length > 0 && request.RequestId != _swap!.RequestId)
            throw RuntimeFault.FailedPrecondition($"failed to end the swap: the one under way is '{_swap.RequestId}'");
        _swap!.End(call, request.Rollback);
    }

    Generation ISwapHost.Make(uint number, string leaf)
    {
        var generation = new Generation(_context, this, number, leaf);
        _generations.Add(generation);
        return generation;
    }

    void ISwapHost.FitLeaf(Generation generation) => FitLeaf(generation);

    void ISwapHost.Promote(Generation generation)
    {
        _current = generation;
        SaveState();
    }

    void ISwapHost.EndContainer() => EndContainer();

    private void Check(SwapRequest request)
    {
        const string Failure = "failed to swap the container";
        if (request.Level is < SwapLevel.SwapL0 or > SwapLevel.SwapL3)
            throw new RuntimeFault(FaultCode.Unimplemented, $"{Failure}: this shim does not know level {(int)request.Level - 1}; use L0");
        if (IsSwapping) throw RuntimeFault.FailedPrecondition($"{Failure}: swap '{_swap!.RequestId}' is under way");
        CheckRuns("swap"); // not while it is being stopped
        if (_pause is not null || _dump is not null) throw RuntimeFault.FailedPrecondition($"{Failure}: a checkpoint of it is under way");
        if (_current.Number != request.Old?.Number)
            throw new RuntimeFault(FaultCode.Aborted, $"{Failure}: generation {_current.Number} is current, not {request.Old?.Number}");
        foreach (var made in (ReadOnlySpan<SwapGeneration?>)[request.Target, request.Fallback])
        {
            if (made is null || made.Number <= _current.Number) throw RuntimeFault.InvalidArgument($"{Failure}: a generation has no new number");
            CgroupPath.Check(made.LeafCgroup);
            if (CgroupPath.Parent(made.LeafCgroup) != _launch.ContainerCgroup)
                throw RuntimeFault.InvalidArgument($"{Failure}: leaf '{made.LeafCgroup}' is not directly below '{_launch.ContainerCgroup}'");
        }

        if (request.Level is not SwapLevel.SwapL0 && request.Sockets != _held.All.Count)
            throw RuntimeFault.FailedPrecondition($"{Failure}: {request.Sockets} sockets are expected and {_held.All.Count} are held; try again");
        if (SwapOperation.OverlapsAt(request.Level)) OverlapRoom.Check(_context.Hierarchy, _cgroup.Path, _current.Leaf.Path, Failure);
    }
}
