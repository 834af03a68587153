using System.Diagnostics;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Grpc.Net.Client;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.Operator.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Bench;

/// <summary>A daemon of its own on private directories, a bridge of its own, one image; taken down whole.</summary>
internal sealed class BenchNode : IAsyncDisposable
{
    public const string Image = "shimruntime.local/busybox:latest";
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan UpgradeDeadline = TimeSpan.FromSeconds(30);
    private SpawnedProcess? _daemon;
    private bool _isChild;
    private GrpcChannel? _channel;

    private BenchNode(string binaries)
    {
        Binaries = Path.GetFullPath(binaries);
        Site = Site.At(Directory.CreateTempSubdirectory("shimruntime-bench-").FullName);
    }

    public string Binaries { get; }

    public Site Site { get; }

    public string Work => Site.Work;

    public int DaemonPid => _daemon!.Pid;

    public RuntimeService.RuntimeServiceClient Runtime { get; private set; } = null!;

    public HotSwap.HotSwapClient HotSwap { get; private set; } = null!;

    public Operator.OperatorClient Operator { get; private set; } = null!;

    public static async Task<BenchNode> StartAsync(string binaries, string imageArchive, CancellationToken cancellation)
    {
        var node = new BenchNode(binaries);
        try
        {
            await node.BootAsync(imageArchive, cancellation);
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    public PodSandboxConfig Pod(string name, bool hostNetwork, NamespaceMode pid) => PodCalls.Pod(Path.Combine(Work, "logs", name), name, hostNetwork, pid);

    /// <summary>A pod with one sleeping container; returns both ids.</summary>
    public async Task<(string Pod, string Container)> UpAsync(PodSandboxConfig pod, NamespaceMode pid, CancellationToken cancellation)
    {
        var (podId, id, _) = await TimedUpAsync(pod, pid, cancellation);
        return (podId, id);
    }

    /// <summary>As <see cref="UpAsync"/>, with the milliseconds of RunPodSandbox, CreateContainer and StartContainer.</summary>
    public Task<(string Pod, string Container, double[] Milliseconds)> TimedUpAsync(
        PodSandboxConfig pod, NamespaceMode pid, CancellationToken cancellation, Action<ContainerConfig>? change = null)
    {
        var container = PodCalls.Sleeper(pod, Image);
        container.Linux.SecurityContext.NamespaceOptions.Pid = pid;
        change?.Invoke(container);
        return new PodCalls(Runtime).UpAsync(pod, container, cancellation);
    }

    public async Task DownAsync(string pod)
    {
        await Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = pod });
        await Runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = pod });
    }

    /// <summary>Runs a program to its end; its stdout, or an exception with its stderr.</summary>
    public Task<string> ExecAsync(string path, string input, IReadOnlyList<string> environment, params string[] arguments) =>
        Site.ExecAsync(path, input, environment, arguments);

    public async ValueTask DisposeAsync()
    {
        if (_daemon is not null)
        {
            try
            {
                foreach (var pod in (await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items) await DownAsync(pod.Id);
            }
            catch (Grpc.Core.RpcException e) when (e.StatusCode == Grpc.Core.StatusCode.Unavailable)
            {
                await Console.Error.WriteLineAsync($"the daemon does not answer; its log: {await File.ReadAllTextAsync(LogPath)}");
            }
            finally
            {
                _channel?.Dispose();
                _daemon.PidFd.Signal(15);
                await EndedAsync(StartDeadline, CancellationToken.None);
            }
        }

        if (Directory.Exists($"/sys/class/net/{Site.Bridge}")) await ExecAsync("/sbin/ip", "", [], "link", "delete", Site.Bridge);
        Directory.Delete(Work, true);
        Site.Exits.Dispose();
    }

    private async Task BootAsync(string imageArchive, CancellationToken cancellation)
    {
        foreach (var name in (string[])["root", "state", "netns", "cni", "logs"]) Directory.CreateDirectory(Path.Combine(Work, name));
        await File.WriteAllTextAsync(Path.Combine(Work, "cni", "10-bench.conflist"), Site.Conflist, cancellation);
        await File.WriteAllTextAsync(ConfigPath, "[hotswap]\nswaps_per_minute = 600\n", cancellation);
        Spawn();
        Connect();
        await CriSocket.UntilAsync(t => Runtime.VersionAsync(new VersionRequest(), cancellationToken: t).ResponseAsync, cancellation);
        await ImportAsync(imageArchive, cancellation);
    }

    /// <summary>kill -9, a new daemon, and the time from its spawn to its first list of containers.</summary>
    public async Task<TimeSpan> RestartAsync(CancellationToken cancellation)
    {
        _daemon!.PidFd.Signal(9);
        await EndedAsync(StartDeadline, cancellation);
        _channel!.Dispose();
        var clock = Stopwatch.StartNew();
        Spawn();
        Connect();
        await CriSocket.UntilAsync(t => Runtime.ListContainersAsync(new ListContainersRequest(), cancellationToken: t).ResponseAsync, cancellation);
        return clock.Elapsed;
    }

    /// <summary>Hands over to a new daemon of the same binary, and returns once the old one has ended and the new one answers.</summary>
    public async Task UpgradeAsync(CancellationToken cancellation)
    {
        var next = await Operator.UpgradeDaemonAsync(new UpgradeDaemonRequest(), cancellationToken: cancellation);
        var process = SafePidFd.TryOpen(next.Pid) ?? throw new InvalidOperationException($"the new daemon, {next.Pid}, is gone; its log: {await File.ReadAllTextAsync(LogPath, cancellation)}");
        await EndedAsync(UpgradeDeadline, cancellation);
        _daemon!.Dispose();
        (_daemon, _isChild) = (new SpawnedProcess(next.Pid, process), false);
        var serving = await Operator.GetDaemonAsync(new GetDaemonRequest(), cancellationToken: cancellation);
        if (serving.Pid != next.Pid) throw new InvalidOperationException($"daemon {serving.Pid} serves, not {next.Pid}: {serving.FailedUpgrade}");
    }

    /// <summary>A new program for every shim, in place; throws unless all have it.</summary>
    public async Task UpgradeShimsAsync(CancellationToken cancellation)
    {
        using var call = Operator.UpgradeShims(new UpgradeShimsRequest(), cancellationToken: cancellation);
        while (await call.ResponseStream.MoveNext(cancellation))
        {
            var shim = call.ResponseStream.Current;
            if (shim.Outcome is not (UpgradedShim.Types.Outcome.Upgraded or UpgradedShim.Types.Outcome.Gone))
                throw new InvalidOperationException($"the shim of {shim.ContainerId} is {shim.Outcome}: {shim.Cause}");
        }
    }

    /// <summary>A connection of the caller's own.</summary>
    public GrpcChannel NewChannel() => CriSocket.Connect(SocketPath);

    /// <summary>The shim of a container, by its record.</summary>
    public int ShimOf(string container) =>
        Record(container)["shimPid"]!.GetValue<int>();

    /// <summary>The container's process now.</summary>
    public async Task<int> PidOfAsync(string container)
    {
        var status = await Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = container, Verbose = true });
        return JsonNode.Parse(status.Info["info"])!["pid"]!.GetValue<int>();
    }

    /// <summary>config.json of its current generation.</summary>
    public string ConfigOf(string container) =>
        Path.Combine(Work, "state", "c", container[..16], $"g{Record(container)["generation"]!.GetValue<int>()}", "config.json");

    private JsonNode Record(string container) => JsonNode.Parse(File.ReadAllText(Path.Combine(Work, "root", "containers", container, "record.json")))!;

    private string ConfigPath => Path.Combine(Work, "config.toml");

    private string LogPath => Path.Combine(Work, "daemon.log");

    private string SocketPath => Path.Combine(Work, "state", "bench.sock");

    /// <summary>Waits for the daemon's end; one that another daemon has started is not ours to reap.</summary>
    private async Task EndedAsync(TimeSpan patience, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(patience);
        if (_isChild) await Site.Exits.ReapAsync(_daemon!, deadline.Token);
        else await Site.Exits.WaitAsync(_daemon!.PidFd, deadline.Token);
    }

    private void Spawn()
    {
        _isChild = true;
        using var log = File.OpenHandle(LogPath, FileMode.Append, FileAccess.Write);
        var fd = (int)log.DangerousGetHandle();
        _daemon = Spawner.Spawn(new SpawnRequest
        {
            Path = Path.Combine(Binaries, "shimruntimed"),
            Arguments =
            [
                "shimruntimed", "--config", ConfigPath, "--root", Path.Combine(Work, "root"), "--state", Path.Combine(Work, "state"), "--listen", $"unix://{SocketPath}",
                "--cni-conf-dir", Path.Combine(Work, "cni"), "--netns-dir", Path.Combine(Work, "netns"), "--log-level", "warning",
            ],
            Environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            Fds = [new FdMapping(fd, 1), new FdMapping(fd, 2)],
        });
    }

    private void Connect()
    {
        _channel = CriSocket.Connect(SocketPath);
        Runtime = new RuntimeService.RuntimeServiceClient(_channel);
        HotSwap = new HotSwap.HotSwapClient(_channel);
        Operator = new Operator.OperatorClient(_channel);
    }

    public async Task ImportAsync(string archive, CancellationToken cancellation)
    {
        using var call = Operator.ImportImage(cancellationToken: cancellation);
        await using var file = File.OpenRead(archive);
        var buffer = new byte[1024 * 1024];
        for (int count; (count = await file.ReadAtLeastAsync(buffer, buffer.Length, false, cancellation)) > 0;)
            await call.RequestStream.WriteAsync(new ImportImageRequest { Chunk = ByteString.CopyFrom(buffer, 0, count) }, cancellation);
        await call.RequestStream.CompleteAsync();
        await call.ResponseAsync;
    }
}
