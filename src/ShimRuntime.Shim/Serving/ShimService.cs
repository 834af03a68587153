using ShimRuntime.Linux;
using ShimRuntime.Shim.Containers;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Serving;

/// <summary>proto/shim/v1/shim.proto, method by method, onto the one container.</summary>
internal sealed class ShimService(Container container) : IShimService
{
    public void Handle(ShimCall call)
    {
        // Never so, but in the build that is the previous version: tests hold today's daemon to it.
        if (ShimMethods.Since(call.Method) > ShimMethods.ProtocolVersion) throw Unknown(call);
        switch (call.Method)
        {
            case ShimMethods.Hello:
                var hello = container.Hello();
                hello.ProtocolVersion = ShimMethods.Common(HelloRequest.Parser.ParseFrom(call.Payload).ProtocolVersion);
                call.Reply(hello);
                break;
            case ShimMethods.Start:
                container.Start(call);
                break;
            case ShimMethods.Restore:
                container.Restore(call, RestoreRequest.Parser.ParseFrom(call.Payload));
                break;
            case ShimMethods.Wait:
                container.Wait(call);
                break;
            case ShimMethods.Stop:
                container.Stop(call, StopRequest.Parser.ParseFrom(call.Payload));
                break;
            case ShimMethods.ExecSync:
                container.ExecSync(call, ExecSyncRequest.Parser.ParseFrom(call.Payload));
                break;
            case ShimMethods.Attach:
                container.Attach(call, AttachRequest.Parser.ParseFrom(call.Payload));
                break;
            case ShimMethods.CloseStdin:
                container.CloseStdin();
                call.Reply(new CloseStdinResponse());
                break;
            case ShimMethods.Update:
                var wanted = UpdateRequest.Parser.ParseFrom(call.Payload).Resources ?? new Resources();
                call.Reply(new UpdateResponse { Resources = container.Update(wanted) });
                break;
            case ShimMethods.ReopenLog:
                container.ReopenLog();
                call.Reply(new ReopenLogResponse());
                break;
            case ShimMethods.Pause:
                container.Pause(call, PauseRequest.Parser.ParseFrom(call.Payload));
                break;
            case ShimMethods.Checkpoint:
                container.Checkpoint(call, CheckpointRequest.Parser.ParseFrom(call.Payload));
                break;
            case ShimMethods.Swap:
                container.Swap(call, SwapRequest.Parser.ParseFrom(call.Payload));
                break;
            case ShimMethods.HoldSockets:
                call.Reply(container.HoldSockets(HoldSocketsRequest.Parser.ParseFrom(call.Payload)));
                break;
            case ShimMethods.EndSwap:
                container.EndSwap(call, EndSwapRequest.Parser.ParseFrom(call.Payload));
                break;
            case ShimMethods.Upgrade:
                container.Upgrade(call);
                break;
            case ShimMethods.Shutdown:
                container.Shutdown(call, ShutdownRequest.Parser.ParseFrom(call.Payload).Kill);
                break;
            default:
                throw Unknown(call);
        }
    }

    private static RuntimeFault Unknown(ShimCall call) =>
        new(FaultCode.Unimplemented, $"this shim (protocol {ShimMethods.ProtocolVersion}) has no method '{call.Method}'");
}
