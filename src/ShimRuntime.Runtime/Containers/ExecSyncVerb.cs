using System.Globalization;
using Google.Protobuf;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// ExecSync: one process in a running container, its output kept up to 16 MiB a stream. Its whole tree dies with the timeout or the client.
/// </summary>
internal sealed class ExecSyncVerb(ContainerParts parts, BundleWriter bundles)
{
    /// <summary>Both streams and the rest of the answer fit into the 16 MiB that kubelet takes as one message.</summary>
    private const int MaxStreamBytes = (16 << 20) - (16 << 10);

    private static readonly TimeSpan ShimSlack = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromDays(24);

    public async Task<ExecSyncResponse> RunAsync(ExecSyncRequest request, CancellationToken client)
    {
        var entry = parts.Store.Get(request.ContainerId, "exec in");
        if (request.Cmd.Count == 0) throw RuntimeFault.InvalidArgument($"failed to exec in container '{entry.Id}': cmd is empty");
        if (!ContainerLifecycle.IsRunning(entry.Record.Phase) || entry.Shim is not { } shim)
        {
            throw RuntimeFault.FailedPrecondition($"failed to exec in container '{entry.Id}': it is "
                + $"{ContainerEntry.Describe(entry.Record.Phase)}, not running");
        }

        var timeout = Timeout(request.Timeout);
        var call = new ShimProtocol.V1.ExecSyncRequest
        {
            ProcessJson = ByteString.CopyFrom(bundles.ExecProcess(entry, request.Cmd)),
            TimeoutMilliseconds = (ulong)timeout.TotalMilliseconds,
            MaxOutputBytes = MaxStreamBytes,
        };
        using var either = CancellationTokenSource.CreateLinkedTokenSource(client, parts.Stopping);
        using var output = new CappedOutput(MaxStreamBytes);
        try
        {
            var patience = timeout == TimeSpan.Zero ? System.Threading.Timeout.InfiniteTimeSpan : timeout + ShimSlack;
            var result = await shim.ExecSyncAsync(call, output, patience, either.Token).ConfigureAwait(false);
            if (result.TimedOut) throw TimedOut(entry.Id, request);
            var (stdout, stderr) = output.Take();
            return new ExecSyncResponse { ExitCode = result.ExitCode, Stdout = stdout, Stderr = stderr };
        }
        catch (ShimFault e)
        {
            throw new RuntimeFault(e.Code, $"failed to exec in container '{entry.Id}': {e.Message}", e);
        }
    }

    /// <summary>0 and less: none, as CRI and containerd have it.</summary>
    private static TimeSpan Timeout(long seconds) =>
        seconds <= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Min(seconds, (long)LongestTimeout.TotalSeconds));

    private static RuntimeFault TimedOut(string id, ExecSyncRequest request) =>
        new(FaultCode.DeadlineExceeded, string.Create(CultureInfo.InvariantCulture,
        $"failed to exec in container '{id}': command '{request.Cmd[0]}' timed out: timeout {request.Timeout}s exceeded; it was killed"));

    /// <summary>Keeps the first bytes of each stream, together never more than the capacity.</summary>
    private sealed class CappedOutput(int capacity) : IExecOutput, IDisposable
    {
        private readonly MemoryStream _stdout = new();
        private readonly MemoryStream _stderr = new();

        public void Stdout(ReadOnlySpan<byte> bytes) => Keep(_stdout, bytes);

        public void Stderr(ReadOnlySpan<byte> bytes) => Keep(_stderr, bytes);

        /// <summary>The shorter stream is kept whole where it is at most half; the longer one gets what is left.</summary>
        public (ByteString Stdout, ByteString Stderr) Take()
        {
            var stdout = (int)Math.Min(_stdout.Length, Math.Max(capacity / 2, capacity - _stderr.Length));
            return (Take(_stdout, stdout), Take(_stderr, (int)Math.Min(_stderr.Length, capacity - stdout)));
        }

        public void Dispose()
        {
            _stdout.Dispose();
            _stderr.Dispose();
        }

        private void Keep(MemoryStream stream, ReadOnlySpan<byte> bytes)
        {
            // A late frame may meet a call that was given up.
            if (!stream.CanWrite) return;
            stream.Write(bytes[..(int)Math.Min(bytes.Length, capacity - stream.Length)]);
        }

        /// <summary>Without a copy: nobody writes to the buffer any more.</summary>
        private static ByteString Take(MemoryStream stream, int count) =>
            UnsafeByteOperations.UnsafeWrap(stream.GetBuffer().AsMemory(0, count));
    }
}
