using System.Net.Sockets;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Shims;

/// <summary>
/// Starts shims.
/// <code>
///   daemon                                        shim (new session, signals blocked before exec)
///   ------                                        ----
///   ShimLaunch in a sealed memfd as fd 3      ->  reads it
///   moves it to the shims' cgroup
///   reads its end of fd 4 until EOF           &lt;-  closes fd 4: it listens; or first writes why it can't, and ends
/// </code>
/// </summary>
public sealed class ShimSpawner(RuntimeOptions options, ShimOwner owner, ILogger<ShimSpawner> log)
{
    private const int LaunchFd = 3;
    private const int ReadyFd = 4;
    private const int MaxSentenceBytes = 4096;
    private static readonly TimeSpan ReadyTimeout = TimeSpan.FromSeconds(20);

    // Blocked before exec, because a NativeAOT runtime's own threads would take them: hangup, interrupt, quit, pipe, terminate, child.
    private static readonly int[] BlockedSignals = [1, 2, 3, 13, 15, 17];
    private readonly ShimPlacement _placement = new(log);

    /// <summary>
    /// Returns when the shim listens on <paramref name="socketPath"/>. Throws Internal with the shim's own sentence; no process is then
    /// left.
    /// </summary>
    public async Task<RunningShim> SpawnAsync(ShimLaunch launch, string socketPath, CancellationToken cancellation)
    {
        using var memory = MemoryFile.Sealed("shim-launch", launch.ToByteArray());
        var (ours, theirs) = SocketPair.Create();
        using var ready = ours;
        using var stderr = AppendFile.Open(Path.Combine(launch.RunDirectory, "shim.log"));
        RunningShim shim;
        using (theirs)
        {
            using var process = Spawn(new SpawnRequest
            {
                Path = options.ShimPath,
                Arguments = [Path.GetFileName(options.ShimPath), "serve"],
                Fds = [new FdMapping(Fd(stderr), 2), new FdMapping(Fd(memory), LaunchFd), new FdMapping((int)theirs.Handle, ReadyFd)],
                NewSession = true,
                BlockedSignals = BlockedSignals,
            });
            shim = Adopt(process, socketPath);
        }

        try
        {
            await AwaitReadyAsync(ready, cancellation).ConfigureAwait(false);
            return shim;
        }
        catch
        {
            shim.Kill();
            await shim.Gone.WaitAsync(ReadyTimeout, CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    private static SpawnedProcess Spawn(SpawnRequest request)
    {
        try
        {
            return Spawner.Spawn(request);
        }
        catch (LinuxException e)
        {
            throw RuntimeFault.Internal($"failed to start shim '{request.Path}': {e.Message}; {ShimSentence.Advice}", e);
        }
    }

    private RunningShim Adopt(SpawnedProcess process, string socketPath)
    {
        var identity = ProcessIdentity.TryRead(process.Pid) ?? new ProcessIdentity(process.Pid, 0);
        _placement.Place(process.Pid);
        return RunningShim.TryOpen(socketPath, identity, owner)
            ?? throw RuntimeFault.Internal($"failed to start shim '{options.ShimPath}': it ended at once");
    }

    private async Task AwaitReadyAsync(Socket ready, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(ReadyTimeout);
        var buffer = new byte[MaxSentenceBytes];
        var length = 0;
        try
        {
            int count;
            while ((count = await ready.ReceiveAsync(buffer.AsMemory(length), SocketFlags.None, deadline.Token).ConfigureAwait(false)) > 0)
                length += count;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new RuntimeFault(FaultCode.DeadlineExceeded,
                $"failed to start shim '{options.ShimPath}': it was not ready within {ReadyTimeout.TotalSeconds} s; see shim.log in the "
                + "container's run directory");
        }

        if (length == 0) return;
        var said = buffer.AsSpan(0, length);
        throw RuntimeFault.Internal($"failed to start shim '{options.ShimPath}': " + (ShimSentence.TryRead(said)
            ?? $"it answers as no shim of this release does, with {ShimSentence.Describe(said)}; {ShimSentence.Advice}"));
    }

    private static int Fd(SafeFileHandle handle) => (int)handle.DangerousGetHandle();
}
