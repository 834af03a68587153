using ShimRuntime.Linux;
using ShimRuntime.Shim.Serving;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Containers;

/// <content>Shutdown: kill if asked, wait for runc delete, remove the cgroups, answer, leave the loop.</content>
internal sealed partial class Container
{
    private static readonly TimeSpan RemovalInterval = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan FlushInterval = TimeSpan.FromMilliseconds(5);
    private const int MaxRemovals = 250; // 5 s
    private const int MaxFlushes = 200; // 1 s
    private readonly LoopTimer _removalRetry;
    private readonly LoopTimer _farewell;
    private ShimCall? _shutdownCall;
    private int _removals;
    private int _flushes;

    /// <exception cref="RuntimeFault">
    /// FailedPrecondition: the container runs and is not to be killed, or a shutdown is under way.
    /// </exception>
    public void Shutdown(ShimCall call, bool kill)
    {
        if (_shutdownCall is { IsOpen: true })
            throw RuntimeFault.FailedPrecondition("failed to shut down the shim: a shutdown is under way");
        var ended = _exitRecorded || _state == ShimState.Created;
        if (!ended && !kill) throw RuntimeFault.FailedPrecondition("failed to shut down the shim: its container runs; stop it first");
        _shutdownCall = call;
        _removals = 0;
        if (!ended) Stop(SIGKILL, TimeSpan.Zero);
        else if (_generations.Count == 0) RemoveCgroups();
    }

    private void RemoveCgroups()
    {
        foreach (var generation in _generations) generation.Execs.KillAll();
        if (CgroupsAreGone())
        {
            // The answer last: who has it may take our directories away at once.
            ScratchFile.Delete(_paths.ShimRecord);
            _farewell.Set(TimeSpan.Zero);
            _shutdownCall!.Reply(new ShutdownResponse());
            return;
        }

        _cgroup.Kill();
        if (++_removals < MaxRemovals)
        {
            _removalRetry.Set(RemovalInterval);
            return;
        }

        // Stays, so that whoever cleans up can ask again: these processes are in uninterruptible sleep.
        var pids = string.Join(", ", _cgroup.Processes());
        _shutdownCall!.Fail(FaultCode.Unavailable,
            $"failed to remove cgroup '{_cgroup.Path}': processes {pids} do not die; try again later");
        _shutdownCall = null;
    }

    /// <summary>A slice is systemd's to remove, at the daemon's word: empty is enough.</summary>
    private bool CgroupsAreGone()
    {
        try
        {
            return SliceName.IsSlice(_cgroup.Path) ? _cgroup.Processes().Count == 0 : _cgroup.TryRemove();
        }
        catch (IOException e)
        {
            ErrorLog.Write($"failed to remove cgroup '{_cgroup.Path}': {e.Message}");
            return false;
        }
    }

    private void LeaveWhenFlushed()
    {
        if (_listener!.IsFlushed || ++_flushes > MaxFlushes) _loop.Stop();
        else _farewell.Set(FlushInterval);
    }
}
