using ShimRuntime.Linux;
using ShimRuntime.Shim.Runc;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Containers;

/// <content>
/// Checkpoint: the leaf stands still for as long as a caller holds it, and CRIU writes its images meanwhile. CRIU leaves the leaf as it
/// found it, so a leaf that was frozen before a dump is thawed after it, never during.
/// </content>
internal sealed partial class Container
{
    private static readonly TimeSpan LongestHold = TimeSpan.FromHours(1);
    private LeafHold? _pause;
    private ShimCall? _dump;

    /// <exception cref="RuntimeFault">FailedPrecondition: it does not run, is held already, or can't be frozen.</exception>
    public void Pause(ShimCall call, PauseRequest request)
    {
        CheckRuns("pause");
        if (_pause is not null || _dump is not null) throw RuntimeFault.FailedPrecondition("failed to pause the container: it is held already");
        var hold = TimeSpan.FromMilliseconds(Math.Min(request.HoldMilliseconds, LongestHold.TotalMilliseconds));
        _pause = new LeafHold(_loop, _current.Leaf, call, hold) { OnOver = PauseOver };
        _pause.Start();
    }

    /// <exception cref="RuntimeFault">FailedPrecondition: it does not run, or another dump is under way.</exception>
    public void Checkpoint(ShimCall call, CheckpointRequest request)
    {
        CheckRuns("checkpoint");
        if (_dump is not null) throw RuntimeFault.FailedPrecondition("failed to checkpoint the container: a checkpoint of it is under way");
        _dump = call;
        _current.Checkpoint(CriuDirectories.OfDump(request.ImageDirectory, request.WorkDirectory), Dumped);
    }

    private void Dumped(RuncResult result)
    {
        var call = _dump!;
        _dump = null;
        if (_pause is null) _current.Leaf.TryFreeze(false);
        if (result.Succeeded) call.Reply(new CheckpointResponse());
        else call.Fail(FaultCode.Unknown, result.Error);
    }

    private void EndPause(string why) => _pause?.End(why);

    private void PauseOver()
    {
        _pause = null;
        if (_dump is null) _current.Leaf.TryFreeze(false);
    }

    private void CheckRuns(string verb)
    {
        if (IsSwapping) throw RuntimeFault.FailedPrecondition($"failed to {verb} the container: its process is being swapped");
        if (_state != ShimState.Running || !_current.IsRunning) throw RuntimeFault.FailedPrecondition($"failed to {verb} the container: it is not running");
    }
}
