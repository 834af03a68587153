using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Containers;

/// <content>Stop: of the current generation, before any swap. A stop during a stop shortens.</content>
internal sealed partial class Container
{
    private const int SIGTERM = 15;
    private const int SIGKILL = 9;
    private const int MaxSignal = 64;

    /// <exception cref="RuntimeFault">FailedPrecondition: never started. InvalidArgument: no such signal.</exception>
    public void Stop(ShimCall call, StopRequest request)
    {
        if (request.Signal is < 0 or > MaxSignal)
            throw RuntimeFault.InvalidArgument($"failed to stop the container: {request.Signal} is no signal");
        if (_state == ShimState.Created) throw RuntimeFault.FailedPrecondition("failed to stop the container: it was not started");
        if (_exitRecorded)
        {
            call.Reply(_exit!.ToStatus());
            return;
        }

        AddWaiter(call);
        var timeout = TimeSpan.FromMilliseconds(Math.Min(request.TimeoutMilliseconds, int.MaxValue));
        Stop(request.Signal == 0 ? SIGTERM : request.Signal, timeout);
    }

    private void Stop(int signal, TimeSpan timeout)
    {
        if (_exit is not null) return; // ending already, the record is on its way
        if (IsSwapping) _swap!.Preempt();
        if (_current.HasExited) return;
        Move(ShimEvent.StopAsked);
        EndPause("the container is being stopped");
        _current.Stop(signal, timeout);
    }
}
