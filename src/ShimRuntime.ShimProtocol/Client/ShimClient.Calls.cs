using System.Runtime.InteropServices;
using Google.Protobuf;
using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.ShimProtocol;

/// <content>One method per rpc of proto/shim/v1/shim.proto. Deadlines are the caller's: pass a token that fires.</content>
public sealed partial class ShimClient
{
    /// <summary>Who answers, and in which state its container is.</summary>
    public async Task<HelloResponse> HelloAsync(CancellationToken cancellation) =>
        Parse(HelloResponse.Parser, ShimMethods.Hello,
            await CallAsync(ShimMethods.Hello, new HelloRequest { ProtocolVersion = ShimMethods.ProtocolVersion }, null, cancellation)
                .ConfigureAwait(false));

    /// <summary>Runs the current generation. <c>Exit</c> is set when runc refused. FailedPrecondition when it was started before.</summary>
    public async Task<StartResponse> StartAsync(CancellationToken cancellation) =>
        Parse(StartResponse.Parser, ShimMethods.Start,
            await CallAsync(ShimMethods.Start, new StartRequest(), null, cancellation).ConfigureAwait(false));

    /// <summary>As <see cref="StartAsync"/>, from CRIU's images. Unimplemented: a shim of an earlier release.</summary>
    public async Task<StartResponse> RestoreAsync(RestoreRequest request, CancellationToken cancellation) =>
        Parse(StartResponse.Parser, ShimMethods.Restore,
            await CallAsync(ShimMethods.Restore, request, null, cancellation).ConfigureAwait(false));

    /// <summary>Returns once the container has exited and exit.json is durable; at once if it has.</summary>
    public async Task<ExitStatus> WaitAsync(CancellationToken cancellation) =>
        Parse(ExitStatus.Parser, ShimMethods.Wait,
            await CallAsync(ShimMethods.Wait, new WaitRequest(), null, cancellation).ConfigureAwait(false));

    /// <summary>
    /// Sends <paramref name="signal"/> (0: SIGTERM), SIGKILL to the whole leaf after <paramref name="timeout"/>, returns the exit. A call
    /// during another shortens, never lengthens. FailedPrecondition when the container was never started.
    /// </summary>
    public async Task<ExitStatus> StopAsync(int signal, TimeSpan timeout, CancellationToken cancellation)
    {
        var request = new StopRequest { Signal = signal, TimeoutMilliseconds = (ulong)Math.Max(0, timeout.TotalMilliseconds) };
        return Parse(ExitStatus.Parser, ShimMethods.Stop, await CallAsync(ShimMethods.Stop, request, null, cancellation).ConfigureAwait(false));
    }

    /// <summary>Runs one process and hands its output to <paramref name="output"/> as it comes.</summary>
    /// <exception cref="ShimFault">
    /// FailedPrecondition: the container does not run. InvalidArgument: runc could not start the process.
    /// </exception>
    public async Task<ExecSyncResult> ExecSyncAsync(ExecSyncRequest request, IExecOutput output, CancellationToken cancellation)
    {
        ExecSyncResult? result = null;
        await CallAsync(ShimMethods.ExecSync, request, OnData, cancellation).ConfigureAwait(false);
        return result ?? throw new ShimFault(FaultCode.Internal, "the shim ended an exec without its result");

        void OnData(ReadOnlyMemory<byte> payload)
        {
            var frame = ExecSyncFrame.Parser.ParseFrom(payload.Span);
            switch (frame.KindCase)
            {
                case ExecSyncFrame.KindOneofCase.Stdout:
                    output.Stdout(frame.Stdout.Span);
                    break;
                case ExecSyncFrame.KindOneofCase.Stderr:
                    output.Stderr(frame.Stderr.Span);
                    break;
                case ExecSyncFrame.KindOneofCase.Result:
                    result = frame.Result;
                    break;
            }
        }
    }

    /// <summary>Puts new limits on the container, all or none; returns what is in force.</summary>
    public async Task<Resources> UpdateAsync(Resources resources, CancellationToken cancellation)
    {
        var answer = await CallAsync(ShimMethods.Update, new UpdateRequest { Resources = resources }, null, cancellation).ConfigureAwait(false);
        return Parse(UpdateResponse.Parser, ShimMethods.Update, answer).Resources ?? new Resources();
    }

    /// <summary>Opens the log file anew by its path; on failure the old one stays in use.</summary>
    public Task ReopenLogAsync(CancellationToken cancellation) =>
        CallAsync(ShimMethods.ReopenLog, new ReopenLogRequest(), null, cancellation);

    /// <summary>
    /// The container stands still from <paramref name="started"/> on for as long as the token does not fire and the connection lives.
    /// Never returns: ends with the token, or with Aborted when it went on without us (the hold was over, or it was stopped).
    /// </summary>
    public Task PauseAsync(TimeSpan hold, Action started, CancellationToken release) =>
        CallAsync(ShimMethods.Pause, new PauseRequest { HoldMilliseconds = (ulong)hold.TotalMilliseconds }, _ => started(), release);

    /// <summary>Images of the container's processes, which stay; returns when runc has ended. Unknown: CRIU refused, in its own words.</summary>
    public Task CheckpointAsync(CheckpointRequest request, CancellationToken cancellation) =>
        CallAsync(ShimMethods.Checkpoint, request, null, cancellation);

    /// <summary>
    /// Swaps the container's process and tells each phase; returns when the swap is over. The same request id joins. The swap goes on when
    /// the token fires. Aborted: another generation is current; FailedPrecondition: it does not run, or another swap is under way.
    /// </summary>
    public async Task<SwapResult> SwapAsync(SwapRequest request, Action<SwapEvent> entered, CancellationToken cancellation) =>
        Parse(SwapResult.Parser, ShimMethods.Swap,
            await CallAsync(ShimMethods.Swap, request, e => entered(SwapEvent.Parser.ParseFrom(e.Span)), cancellation).ConfigureAwait(false));

    /// <summary>What the current generation listens on, held for a swap that follows unless it is only looked at.</summary>
    public async Task<HoldSocketsResponse> HoldSocketsAsync(bool lookOnly, CancellationToken cancellation) =>
        Parse(HoldSocketsResponse.Parser, ShimMethods.HoldSockets,
            await CallAsync(ShimMethods.HoldSockets, new HoldSocketsRequest { LookOnly = lookOnly }, null, cancellation).ConfigureAwait(false));

    /// <summary>Gives the swap under way up, or goes back; returns when that is done. FailedPrecondition: there is nothing to end.</summary>
    public async Task<SwapResult> EndSwapAsync(EndSwapRequest request, CancellationToken cancellation) =>
        Parse(SwapResult.Parser, ShimMethods.EndSwap,
            await CallAsync(ShimMethods.EndSwap, request, null, cancellation).ConfigureAwait(false));

    /// <summary>
    /// Has the shim replaced by <paramref name="program"/> in its own process; returns when that one serves. FailedPrecondition: refused, and
    /// Internal: it gave the shim back; the old one goes on then. Unavailable: the connection has ended, and the shim with it, as a rule.
    /// </summary>
    public async Task<UpgradeShimResponse> UpgradeAsync(SafeHandle program, CancellationToken cancellation) =>
        Parse(UpgradeShimResponse.Parser, ShimMethods.Upgrade,
            await CallAsync(ShimMethods.Upgrade, new UpgradeShimRequest(), null, cancellation, program).ConfigureAwait(false));

    /// <summary>
    /// Ends the shim and removes the cgroups that it owns. FailedPrecondition while the container runs, unless <paramref name="kill"/>.
    /// </summary>
    public Task ShutdownAsync(bool kill, CancellationToken cancellation) =>
        CallAsync(ShimMethods.Shutdown, new ShutdownRequest { Kill = kill }, null, cancellation);

    /// <summary>A payload that does not parse is the fault of a peer that is no shim, or of another release: said as such.</summary>
    private static T Parse<T>(MessageParser<T> parser, string method, ByteString payload)
        where T : IMessage<T>
    {
        try
        {
            return parser.ParseFrom(payload);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ShimFault(FaultCode.Internal, $"its answer to {method} is no {typeof(T).Name}: {e.Message}", e);
        }
    }
}
