using System.Net;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Generations;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Swaps.Readiness;

/// <summary>The check that a request asks for.</summary>
internal static class ReadyChecks
{
    /// <exception cref="RuntimeFault">InvalidArgument.</exception>
    public static ReadyCheck Of(SwapReadiness asked, EpollLoop loop, Generation generation)
    {
        var timeout = TimeSpan.FromMilliseconds(asked.TimeoutMilliseconds);
        var period = TimeSpan.FromMilliseconds(asked.PeriodMilliseconds);
        return asked.Kind switch
        {
            SwapReadiness.Types.Kind.Notify => new NotifyCheck(loop, timeout, generation.NotifySocket),
            SwapReadiness.Types.Kind.Tcp or SwapReadiness.Types.Kind.Http => Poll(NetworkOf(asked, loop, generation)),
            SwapReadiness.Types.Kind.Exec => Poll(new ExecAttempt(() => generation.Execs, asked.ProcessJson, timeout)),
            SwapReadiness.Types.Kind.Delay => new DelayCheck(loop, timeout, period),
            _ => throw RuntimeFault.InvalidArgument($"failed to swap: ready.kind {(int)asked.Kind} is unknown"),
        };

        PollCheck Poll(IAttempt attempt) => new(loop, timeout, attempt, (period, asked.Successes));
    }

    private static NetworkAttempt NetworkOf(SwapReadiness asked, EpollLoop loop, Generation generation)
    {
        if (!IPAddress.TryParse(asked.Address, out var address) || asked.Port is 0 or > ushort.MaxValue)
            throw RuntimeFault.InvalidArgument($"failed to swap: ready names no address and port, but '{asked.Address}' and {asked.Port}");
        (string, string)? get = asked.Kind == SwapReadiness.Types.Kind.Http ? (asked.Path, asked.HostHeader) : null;
        return new NetworkAttempt(loop, () => generation.NetworkNamespace, new IPEndPoint(address, (int)asked.Port), get)
        {
            WhoAccepts = generation.Handover is null ? null : generation.HasAccepted,
        };
    }
}
