using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Runtime.Recovery;

/// <summary>Ends a shim that no container's record names, by what is in its run directory.</summary>
internal static class ShimEnd
{
    private static readonly TimeSpan ToListen = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    // A shim whose durable directory is gone tries for ten seconds to record its container's end.
    private static readonly TimeSpan ToEnd = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Asks it to kill its container and end; kills it if it does not. A shim that was spawned just before its daemon died gets two seconds
    /// to begin to listen.
    /// </summary>
    public static async Task ByDirectoryAsync(string runDirectory, CancellationToken cancellation)
    {
        if (!File.Exists(Path.Combine(runDirectory, "shim.log"))) return; // never spawned
        var socket = Path.Combine(runDirectory, "shim.sock");
        for (var waited = TimeSpan.Zero; !File.Exists(socket) && waited < ToListen; waited += Interval)
            await Task.Delay(Interval, cancellation).ConfigureAwait(false);
        var said = ShimFile.TryRead(Path.Combine(runDirectory, ShimRecord.FileName)); // gone once it has shut down
        if (await AskAsync(socket, cancellation).ConfigureAwait(false) || said is null) return;
        if (!new ProcessIdentity(said.ShimPid, said.ShimStartTicks).IsAlive) return;
        using var process = SafePidFd.TryOpen(said.ShimPid);
        process?.Signal(9);
    }

    /// <summary>False: nobody listens, or it did not end in time.</summary>
    private static async Task<bool> AskAsync(string socket, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(ToEnd);
        try
        {
            var client = await ShimClient.ConnectAsync(socket, deadline.Token).ConfigureAwait(false);
            await using var connection = client.ConfigureAwait(false);
            await client.ShutdownAsync(true, deadline.Token).ConfigureAwait(false);
            await client.Completion.WaitAsync(deadline.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is ShimFault || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return false;
        }
    }
}
