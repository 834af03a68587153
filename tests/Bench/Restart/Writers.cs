using System.Globalization;
using System.Net;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Bench.Restart;

/// <summary>
/// Pods of a network of their own that each write numbered lines in bursts and answer HTTP; one more prints numbered lines as fast as its pipe
/// takes them. Their logs are rotated without pause, one after the other, the fast one's before each.
/// </summary>
/// <param name="program">writer.c, built: 20 lines ten times a second.</param>
internal sealed class Writers(BenchNode node, string program, string gates)
{
    private const int FastLines = 640_000; // of 100 bytes: 64 MB that stay in the page cache
    private const int FastLineBytes = 100;
    private const int FewestShares = 2;
    private const int Port = 8080;
    private const string Program = "/bin/writer";
    private static readonly TimeSpan RotationPause = TimeSpan.FromMilliseconds(250);
    private readonly List<(string Pod, string Container, string Name, IPEndPoint Address, NumberedLog Log)> _slow = [];
    private (string Pod, string Container, NumberedLog Log) _fast;

    public IReadOnlyList<IPEndPoint> Addresses => [.. _slow.Select(w => w.Address)];

    public long Lines => _fast.Log.Lines + _slow.Sum(w => w.Log.Lines);

    public long FastBytes => _fast.Log.Bytes;

    public async Task StartAsync(int count, CancellationToken cancellation)
    {
        for (var i = 0; i < count; i++) _slow.Add(await StartSlowAsync($"writer{i}", cancellation));
        var lines = WriteLines();
        var pod = node.Pod("fast", true, NamespaceMode.Container);
        var (podId, container, _) = await node.TimedUpAsync(pod, NamespaceMode.Container, cancellation, c =>
        {
            Shell(c, "while :; do cat /lines; done");
            c.Linux.Resources = new LinuxContainerResources { CpuShares = FewestShares }; // what the others leave of the CPU: it would take all
            c.Mounts.Add(new Mount { HostPath = lines, ContainerPath = "/lines", Readonly = true });
        });
        _fast = (podId, container, new NumberedLog(Path.Combine(pod.LogDirectory, "0.log"), FastLines));
    }

    /// <summary>Rotates until told to end, also while daemon and shims are replaced.</summary>
    public async Task RotateAsync(CancellationToken stop)
    {
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var (_, container, _, _, log) = _slow[i % _slow.Count];
            await _fast.Log.RotateAsync(() => ReopenAsync(_fast.Container));
            await log.RotateAsync(() => ReopenAsync(container));
            await Task.Delay(RotationPause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Ends them all; the causes for which a log is not what was written.</summary>
    public async Task<IReadOnlyList<string>> EndAsync()
    {
        var faults = new List<string>();
        await Parallel.ForEachAsync(_slow, async (writer, cancellation) =>
        {
            await node.Runtime.StopContainerAsync(new StopContainerRequest { ContainerId = writer.Container, Timeout = 30 }, cancellationToken: cancellation);
            writer.Log.Finish();
            var written = long.Parse(await File.ReadAllTextAsync(Path.Combine(gates, $"lines-{writer.Name}"), cancellation), CultureInfo.InvariantCulture);
            var fault = writer.Log.Fault ?? (written == writer.Log.Lines ? null : $"{writer.Name} wrote {written} lines, its log has {writer.Log.Lines}");
            lock (faults) faults.AddRange(fault is null ? [] : [fault]);
        });
        await node.Runtime.StopContainerAsync(new StopContainerRequest { ContainerId = _fast.Container, Timeout = 0 });
        // It was killed: its last line may be half a one, so only what was rotated is judged.
        return _fast.Log.Fault is { } one ? [.. faults, one] : faults;
    }

    public Task DownAsync() => Parallel.ForEachAsync([.. _slow.Select(w => w.Pod), _fast.Pod], async (pod, _) => await node.DownAsync(pod));

    private async Task<(string, string, string, IPEndPoint, NumberedLog)> StartSlowAsync(string name, CancellationToken cancellation)
    {
        var pod = node.Pod(name, false, NamespaceMode.Container);
        var (podId, container, _) = await node.TimedUpAsync(pod, NamespaceMode.Container, cancellation, c =>
        {
            c.Command.Clear();
            c.Command.AddRange([Program, $"{Port}", $"/gates/lines-{name}"]);
            c.Mounts.Add(new Mount { HostPath = program, ContainerPath = Program, Readonly = true });
            c.Mounts.Add(new Mount { HostPath = gates, ContainerPath = "/gates" });
        });
        var status = await node.Runtime.PodSandboxStatusAsync(new PodSandboxStatusRequest { PodSandboxId = podId }, cancellationToken: cancellation);
        var address = new IPEndPoint(IPAddress.Parse(status.Status.Network.Ip), Port);
        return (podId, container, name, address, new NumberedLog(Path.Combine(pod.LogDirectory, "0.log")));
    }

    private static void Shell(ContainerConfig container, string script)
    {
        container.Command.Clear();
        container.Command.AddRange(["sh", "-c", script]);
    }

    private string WriteLines()
    {
        var path = Path.Combine(node.Work, "numbered-lines");
        using var file = new StreamWriter(path);
        for (var i = 0; i < FastLines; i++)
        {
            var number = i.ToString(CultureInfo.InvariantCulture);
            file.Write(number);
            file.Write(' ');
            file.Write(new string('x', FastLineBytes - number.Length - 2));
            file.Write('\n');
        }

        return path;
    }

    /// <summary>As kubelet, which tries again when the runtime is away.</summary>
    private async Task ReopenAsync(string container)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await node.Runtime.ReopenContainerLogAsync(new ReopenContainerLogRequest { ContainerId = container });
                return;
            }
            catch (Grpc.Core.RpcException e) when (e.StatusCode == Grpc.Core.StatusCode.Unavailable && attempt < 100)
            {
                await Task.Delay(50);
            }
        }
    }
}
