using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Shims;

/// <summary>
/// A shim from its spawn until it listens: the process, our end of fd 4, and the memory file at its fd 3. Disposing closes fd 4, which
/// ends a shim that has no launch yet.
/// </summary>
internal sealed class ShimProcess : IDisposable
{
    private const int LaunchFd = 3;
    private const int ReadyFd = 4;
    private const int MaxSentenceBytes = 4096;
    private static readonly TimeSpan ReadyTimeout = TimeSpan.FromSeconds(20);

    // Blocked before exec, because a NativeAOT runtime's own threads would take them: hangup, interrupt, quit, pipe, terminate, child.
    private static readonly int[] BlockedSignals = [1, 2, 3, 13, 15, 17];
    private readonly SafeFileHandle _launch;
    private readonly Socket _ready;

    private ShimProcess(SpawnedProcess process, SafeFileHandle launch, Socket ready)
    {
        Process = process;
        _launch = launch;
        _ready = ready;
    }

    public SpawnedProcess Process { get; }

    /// <summary>Throws LinuxException when there is no such binary.</summary>
    /// <param name="launch">Sealed, with the launch in it. Owned from now on.</param>
    public static ShimProcess Start(string shimPath, SafeFileHandle launch, SafeFileHandle stderr) =>
        Start(shimPath, ["serve"], launch, [new FdMapping(Fd(stderr), 2)]);

    /// <summary>One that waits for <see cref="TryLaunch"/>; its stderr is /dev/null until then.</summary>
    public static ShimProcess StartAhead(string shimPath) => Start(shimPath, ["serve", "ahead"], MemoryFile.Sealable("shim-launch"), []);

    /// <summary>Gives a waiting shim its launch; false: it has died meanwhile.</summary>
    public bool TryLaunch(ReadOnlySpan<byte> launch)
    {
        try
        {
            MemoryFile.Fill(_launch, launch);
            return _ready.Send([1]) == 1;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Throws Internal with the shim's own sentence, or DeadlineExceeded.</summary>
    public async Task AwaitReadyAsync(string shimPath, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(ReadyTimeout);
        var buffer = new byte[MaxSentenceBytes];
        var length = 0;
        try
        {
            int count;
            while ((count = await _ready.ReceiveAsync(buffer.AsMemory(length), SocketFlags.None, deadline.Token).ConfigureAwait(false)) > 0)
                length += count;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new RuntimeFault(FaultCode.DeadlineExceeded,
                $"failed to start shim '{shimPath}': it was not ready within {ReadyTimeout.TotalSeconds} s; see shim.log in the container's "
                + "run directory");
        }
        catch (SocketException)
        {
            // It ended without reading the word that it has a launch: an end like any other, which Hello will find.
        }

        if (length == 0) return;
        var said = buffer.AsSpan(0, length);
        throw RuntimeFault.Internal($"failed to start shim '{shimPath}': " + (ShimSentence.TryRead(said)
            ?? $"it answers as no shim of this release does, with {ShimSentence.Describe(said)}; {ShimSentence.Advice}"));
    }

    public void Dispose()
    {
        _ready.Dispose();
        _launch.Dispose();
        Process.Dispose();
    }

    private static ShimProcess Start(string shimPath, string[] arguments, SafeFileHandle launch, FdMapping[] fds)
    {
        var (ours, theirs) = SocketPair.Create();
        try
        {
            using (theirs)
            {
                var process = Spawner.Spawn(new SpawnRequest
                {
                    Path = shimPath,
                    Arguments = [Path.GetFileName(shimPath), .. arguments],
                    Fds = [new FdMapping(Fd(launch), LaunchFd), new FdMapping((int)theirs.Handle, ReadyFd), .. fds],
                    NewSession = true,
                    BlockedSignals = BlockedSignals,
                });
                return new ShimProcess(process, launch, ours);
            }
        }
        catch
        {
            ours.Dispose();
            launch.Dispose();
            throw;
        }
    }

    private static int Fd(SafeFileHandle handle) => (int)handle.DangerousGetHandle();
}
