using System.Net.Sockets;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Shims;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>
/// A pod init that nobody could find: no cgroup of the pod's has it, and no pin. It waits until it is let go, and ends with this socket: of a
/// daemon that dies before it has put the init where recovery looks, nothing is left.
/// </summary>
/// <param name="socket">The init's report and the word that it waits for; ours from here on.</param>
internal sealed class StartingPodInit(Socket socket, string shimPath, SpawnedProcess process) : IDisposable
{
    private const int EndedMillis = 1_000;
    private const int MaxReportBytes = 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly byte[] _report = new byte[MaxReportBytes];
    private int _length;

    public int Pid => process.Pid;

    private ReadOnlySpan<byte> Report => _report.AsSpan(0, _length);

    /// <summary>Returns when it has given up everything that it has to, and waits.</summary>
    /// <exception cref="IOException">It failed, and has ended: its own sentence, or what was seen of it.</exception>
    public async Task WaitAsync()
    {
        var isInTime = await ReadAsync(() => PodInitReport.IsReady(Report)).ConfigureAwait(false);
        if (!isInTime || !PodInitReport.IsReady(Report)) throw Failed(isInTime);
    }

    /// <summary>Lets it go, and returns when it has become <c>TinyInit</c>: a child of this process that the caller reaps.</summary>
    /// <exception cref="IOException">As of <see cref="WaitAsync"/>.</exception>
    public async Task<SpawnedProcess> ReleaseAsync()
    {
        try
        {
            _ = await socket.SendAsync(new byte[1]).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            // The binary is an earlier release's, which waits for nobody; or it has failed, which its report tells.
        }

        var isInTime = await ReadAsync(() => false).ConfigureAwait(false);
        return isInTime && PodInitReport.IsReady(Report) ? process : throw Failed(isInTime);
    }

    /// <summary>Ours ends, and with it an init that was not let go.</summary>
    public void Dispose() => socket.Dispose();

    /// <summary>Kills it, and reaps it unless the kernel does not let it go.</summary>
    public void End() => _ = PodInitLauncher.End(process);

    private IOException Failed(bool isInTime)
    {
        // One that ended by itself is about to be reaped; its exit code tells a usage error from a crash.
        var ended = isInTime && FileDescriptor.WaitReadable(process.PidFd.Fd, EndedMillis);
        var exit = PodInitLauncher.End(process);
        return new IOException(isInTime
            ? PodInitReport.Explain(Report, shimPath, ended ? exit : null)
            : $"the pod init '{shimPath}' was not ready within {Patience.TotalSeconds:0} s; {ShimSentence.Advice}");
    }

    /// <summary>Adds to the report until there is enough, it is full, or the init has closed its end; false: none of them in time.</summary>
    private async Task<bool> ReadAsync(Func<bool> isEnough)
    {
        using var deadline = new CancellationTokenSource(Patience);
        try
        {
            while (_length < MaxReportBytes)
            {
                var count = await socket.ReceiveAsync(_report.AsMemory(_length), deadline.Token).ConfigureAwait(false);
                _length += count;
                if (count == 0 || isEnough()) return true;
            }

            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        catch (SocketException)
        {
            return true; // reset: it ended without having read
        }
    }
}
