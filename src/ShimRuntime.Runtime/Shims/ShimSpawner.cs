using Google.Protobuf;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Shims;

/// <summary>
/// Starts shims.
/// <code>
///   daemon                                        shim (new session, signals blocked before exec)
///   ------                                        ----
///   sealed memfd with ShimLaunch as fd 3      ->  reads it
///   or, for `serve ahead`: an empty memfd     ->  waits for a byte at fd 4; end of file: it ends
///        later fills and seals it, a byte     ->  reads it, opens its log as stderr
///   moves it to the shims' cgroup
///   reads its end of fd 4 until EOF           &lt;-  closes fd 4: it listens; or first writes why it can't, and ends
/// </code>
/// </summary>
public sealed class ShimSpawner(RuntimeOptions options, ShimReserve reserve, ShimOwner owner)
{
    private static readonly TimeSpan DeathTimeout = TimeSpan.FromSeconds(20);

    /// <summary>A shim will soon be asked for: it starts meanwhile, if none waits yet.</summary>
    public void Prepare(string sandboxId) => reserve.Prepare(sandboxId);

    /// <summary>
    /// Returns when the shim listens on <paramref name="socketPath"/>. Throws Internal with the shim's own sentence; no process is then
    /// left.
    /// </summary>
    public async Task<RunningShim> SpawnAsync(ShimLaunch launch, string socketPath, CancellationToken cancellation)
    {
        using var process = await FromReserveAsync(launch).ConfigureAwait(false) ?? Start(launch);
        if (TryAdopt(process.Process, socketPath) is not { } shim)
        {
            await process.AwaitReadyAsync(options.ShimPath, cancellation).ConfigureAwait(false); // what it said, if it did
            throw RuntimeFault.Internal(
                $"failed to start shim '{options.ShimPath}': it ended before it served{ShimSentence.LastWords(LogOf(launch))}; {ShimSentence.Advice}");
        }

        try
        {
            await process.AwaitReadyAsync(options.ShimPath, cancellation).ConfigureAwait(false);
            return shim;
        }
        catch
        {
            shim.Kill();
            await shim.Gone.WaitAsync(DeathTimeout, CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    private async Task<ShimProcess?> FromReserveAsync(ShimLaunch launch)
    {
        if (await reserve.TakeAsync(launch.SandboxId).ConfigureAwait(false) is not { } waiting) return null;
        var launched = false;
        try
        {
            // Made before the shim is told: a run directory without it tells recovery that no shim was ever meant for it.
            OpenLog(launch).Dispose();
            launched = waiting.TryLaunch(launch.ToByteArray());
        }
        finally
        {
            if (!launched) await reserve.EndAsync(waiting).ConfigureAwait(false);
        }

        return launched ? waiting : null;
    }

    private ShimProcess Start(ShimLaunch launch)
    {
        using var stderr = OpenLog(launch);
        try
        {
            var process = ShimProcess.Start(options.ShimPath, MemoryFile.Sealed("shim-launch", launch.ToByteArray()), stderr);
            reserve.Placement.Place(process.Process.Pid);
            return process;
        }
        catch (LinuxException e)
        {
            throw RuntimeFault.Internal($"failed to start shim '{options.ShimPath}': {e.Message}; {ShimSentence.Advice}", e);
        }
    }

    /// <summary>Null: it has ended, and is reaped.</summary>
    private RunningShim? TryAdopt(SpawnedProcess process, string socketPath)
    {
        var identity = ProcessIdentity.TryRead(process.Pid) ?? new ProcessIdentity(process.Pid, 0);
        if (RunningShim.TryOpen(socketPath, identity, owner) is { } shim) return shim;
        _ = process.PidFd.TryReap();
        return null;
    }

    private static SafeFileHandle OpenLog(ShimLaunch launch) => AppendFile.Open(LogOf(launch));

    private static string LogOf(ShimLaunch launch) => Path.Combine(launch.RunDirectory, "shim.log");
}
