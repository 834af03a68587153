using ShimRuntime.Linux;
using ShimRuntime.Shim.Generations;
using ShimRuntime.Shim.Runc;
using ShimRuntime.Shim.Serving;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Containers;

/// <content>CREATED → RUNNING, or → EXITED 128 when runc refuses.</content>
internal sealed partial class Container
{
    private ShimCall? _startCall;
    private bool _updatedBeforeStart;

    /// <exception cref="RuntimeFault">FailedPrecondition: started before.</exception>
    public void Start(ShimCall call)
    {
        BeginStart(call);
        _current.Run();
    }

    /// <inheritdoc cref="Start(ShimCall)"/>
    public void Restore(ShimCall call, RestoreRequest request)
    {
        BeginStart(call);
        _current.Restore(CriuDirectories.OfRestore(request.ImageDirectory, request.WorkDirectory));
    }

    public void Created(Generation generation) => _swap?.Created(generation);

    public void Running(Generation generation)
    {
        if (IsSwapping)
        {
            _swap!.Running(generation);
            return;
        }

        _startedAtNanos = generation.StartedAtNanos;
        if (_updatedBeforeStart) FitLeaf(generation);
        Move(ShimEvent.RuncSucceeded);
        Answer(new StartResponse { Pid = generation.Pid, PidStartTicks = generation.PidStartTicks, StartedAtNanos = _startedAtNanos });
        if (generation.IsStopping) Move(ShimEvent.StopAsked);
    }

    private void BeginStart(ShimCall call)
    {
        if (_state != ShimState.Created) throw RuntimeFault.FailedPrecondition("failed to start the container: it was started before");
        _startCall = call;
        Move(ShimEvent.StartAsked);
        _generations.Add(_current);
    }

    /// <summary>What runc could not know: limits updated since config.json was written.</summary>
    private void FitLeaf(Generation generation)
    {
        try
        {
            _limits.Apply(_limits.InForce.Clone(), [generation.Leaf.Path]);
        }
        catch (RuntimeFault e)
        {
            ErrorLog.Write($"failed to give the new leaf the updated limits: {e.Message}");
        }
    }

    private void Answer(StartResponse response)
    {
        _startCall?.Reply(response);
        _startCall = null;
    }
}
