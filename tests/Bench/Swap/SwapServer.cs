using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Google.Protobuf;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Bench.Swap;

/// <summary>A server of docs/examples that runs in a pod with a network of its own, generation after generation.</summary>
internal sealed class SwapServer : IAsyncDisposable
{
    private const string CgroupParent = "/shimruntime-bench";
    private const int MostShares = 262_144; // of the CPU, against the 1024 of whatever else this machine does meanwhile
    private const int SIGCONT = 18;
    private const int SIGSTOP = 19;
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(2);
    private readonly BenchNode _node;
    private readonly ServerKind _kind;
    private readonly string _pod;
    private readonly string _container;
    private readonly Cgroup _cgroup;

    private SwapServer(BenchNode node, ServerKind kind, (string Pod, string Container) ids, Cgroup cgroup, IPAddress address) =>
        (_node, _kind, _pod, _container, _cgroup, Target) = (node, kind, ids.Pod, ids.Container, cgroup, new IPEndPoint(address, ServerKind.Port));

    public IPEndPoint Target { get; }

    /// <summary>What answers now is of this generation; it says so in its answers where it can.</summary>
    public int Generation { get; private set; } = 1;

    public async Task<ListenCounters> CountersAsync() => ListenCounters.Of(await _node.PidOfAsync(_container));

    /// <summary>Connections that wait in the listener's queue.</summary>
    public async Task<int> QueueAsync() => ListenCounters.QueueOf(await _node.PidOfAsync(_container), ServerKind.Port);

    /// <param name="backlog">The longest queue that a listener of the pod may have (net.core.somaxconn); 0: the kernel's.</param>
    public static async Task<SwapServer> StartAsync(BenchNode node, ServerKind kind, int backlog, CancellationToken cancellation)
    {
        var pod = node.Pod($"{kind.Server}-{kind.Level}".ToLowerInvariant(), false, NamespaceMode.Container);
        var cgroup = MakeCgroup(pod.Metadata.Name);
        pod.Linux.CgroupParent = cgroup.Path;
        if (backlog > 0) pod.Linux.Sysctls.Add("net.core.somaxconn", $"{backlog}");
        var (podId, container, _) = await node.TimedUpAsync(pod, NamespaceMode.Container, cancellation, c => Serve(c, kind.Image));
        var request = new PodSandboxStatusRequest { PodSandboxId = podId };
        var status = await node.Runtime.PodSandboxStatusAsync(request, cancellationToken: cancellation);
        var server = new SwapServer(node, kind, (podId, container), cgroup, IPAddress.Parse(status.Status.Network.Ip));
        await server.AnswersAsync(cancellation);
        return server;
    }

    /// <summary>One swap, from the call to the end of its stream.</summary>
    /// <exception cref="InvalidOperationException">It ended otherwise than swapped.</exception>
    public async Task<TimeSpan> SwapAsync(Readiness ready, TimeSpan drain, CancellationToken cancellation)
    {
        var version = Generation + 1;
        var request = new SwapRequest
        {
            ContainerId = _container, Level = _kind.Level, Ready = ready, ProbationMilliseconds = 0,
            Drain = new Drain { TimeoutMilliseconds = (long)drain.TotalMilliseconds },
            Patch = new Patch { Env = { new Variable { Name = "VERSION", Value = $"g{version}" } } },
        };
        var clock = Stopwatch.StartNew();
        using var call = _node.HotSwap.Swap(request, cancellationToken: cancellation);
        SwapEvent? last = null;
        while (await call.ResponseStream.MoveNext(cancellation)) last = call.ResponseStream.Current;
        if (last?.Outcome != Outcome.Swapped)
            throw new InvalidOperationException($"the swap of {_kind.Name} to {version} ended as {last?.Outcome}: {last?.Cause}");
        Generation = version;
        return clock.Elapsed;
    }

    /// <summary>Its processes, stopped (SIGSTOP) until the result is disposed of: what comes waits in the queue.</summary>
    public async Task<IDisposable> StopAsync(CancellationToken cancellation)
    {
        var pid = await _node.PidOfAsync(_container);
        var children = File.ReadAllText($"/proc/{pid}/task/{pid}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int[] pids = [pid, .. children.Select(int.Parse)];
        var stopped = new Stopped([.. pids.Select(SafePidFd.TryOpen).OfType<SafePidFd>()]);
        var clock = Stopwatch.StartNew();
        while (!pids.All(IsStopped) && clock.Elapsed < StopDeadline) await Task.Delay(1, cancellation);
        return stopped;
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DownAsync(_pod);
        _cgroup.TryRemove();
        new Cgroup(_cgroup.Hierarchy, CgroupParent).TryRemove();
    }

    /// <summary>A pod's cgroup, made beforehand as by kubelet.</summary>
    private static Cgroup MakeCgroup(string name)
    {
        var hierarchy = CgroupHierarchy.Detect();
        var (above, cgroup) = (new Cgroup(hierarchy, CgroupParent), new Cgroup(hierarchy, $"{CgroupParent}/{name}"));
        cgroup.Create();
        foreach (var weighted in (Cgroup[])[above, cgroup])
        {
            var directory = weighted.DirectoryOf("cpu")!;
            var (file, value) = File.Exists(Path.Combine(directory, "cpu.weight")) ? ("cpu.weight", 10_000) : ("cpu.shares", MostShares);
            File.WriteAllText(Path.Combine(directory, file), $"{value}");
        }

        return cgroup;
    }

    private static void Serve(ContainerConfig config, string image)
    {
        config.Image = new ImageSpec { Image = image };
        config.Command.Clear();
        config.Linux.Resources = new LinuxContainerResources { CpuShares = MostShares };
        config.Envs.Add(new KeyValue { Key = "VERSION", Value = ByteString.CopyFromUtf8("g1") });
    }

    private static bool IsStopped(int pid)
    {
        var text = File.ReadAllText($"/proc/{pid}/stat");
        return text[text.LastIndexOf(')') + 2] == 'T';
    }

    private async Task AnswersAsync(CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(StartDeadline);
        while (true)
        {
            try
            {
                using var connection = new HttpConnection();
                await connection.ConnectAsync(Target, deadline.Token);
                if (await connection.GetAsync("/0", deadline.Token) is not null) return;
            }
            catch (SocketException)
            {
                // It does not listen yet.
            }

            await Task.Delay(20, deadline.Token);
        }
    }

    private sealed class Stopped : IDisposable
    {
        private readonly IReadOnlyList<SafePidFd> _processes;

        public Stopped(IReadOnlyList<SafePidFd> processes)
        {
            _processes = processes;
            foreach (var process in processes) process.Signal(SIGSTOP);
        }

        public void Dispose()
        {
            foreach (var process in _processes)
            {
                process.Signal(SIGCONT);
                process.Dispose();
            }
        }
    }
}
