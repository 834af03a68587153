using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Runtime.Recovery;

/// <summary>Ends a shim that no record names the process of, by the socket in its run directory.</summary>
internal static class ShimEnd
{
    private static readonly TimeSpan ToListen = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// Asks it to kill its container and end, and waits for that. False: nobody listens. A shim that was spawned just before its daemon
    /// died gets two seconds to begin to listen.
    /// </summary>
    public static async Task<bool> ByDirectoryAsync(string runDirectory, TimeSpan timeout, CancellationToken cancellation)
    {
        var socket = Path.Combine(runDirectory, "shim.sock");
        if (!File.Exists(Path.Combine(runDirectory, "shim.log"))) return false; // never spawned
        for (var waited = TimeSpan.Zero; !File.Exists(socket) && waited < ToListen; waited += Interval)
            await Task.Delay(Interval, cancellation).ConfigureAwait(false);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(timeout);
        try
        {
            var client = await ShimClient.ConnectAsync(socket, deadline.Token).ConfigureAwait(false);
            await using var connection = client.ConfigureAwait(false);
            await client.ShutdownAsync(true, deadline.Token).ConfigureAwait(false);
            await client.Completion.WaitAsync(deadline.Token).ConfigureAwait(false);
            return true;
        }
        catch (ShimFault e) when (e.Code == FaultCode.Unavailable)
        {
            return false;
        }
    }
}
