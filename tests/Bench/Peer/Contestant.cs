using Grpc.Core;
using Grpc.Net.Client;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Bench.Peer;

/// <summary>A runtime that runs: daemon, its CRI services, and what it and its shims use, which a cgroup of their own tells.</summary>
internal sealed class Contestant : IAsyncDisposable
{
    private static readonly TimeSpan EndDeadline = TimeSpan.FromSeconds(20);
    private readonly Stage _stage;
    private readonly string _home;
    private readonly string _socket;
    private readonly IReadOnlyList<string> _argv;
    private readonly Cgroup _cgroup;
    private SpawnedProcess _daemon = null!;
    private GrpcChannel _channel = null!;
    private int _sequence;

    private Contestant(Stage stage, ContestantKind kind)
    {
        (_stage, Kind) = (stage, kind);
        _home = Directory.CreateDirectory(Path.Combine(stage.Site.Work, kind.Name)).FullName;
        _socket = Path.Combine(_home, "cri.sock");
        _argv = kind.Prepare(stage, _home, _socket);
        _cgroup = stage.MakeCgroup($"{stage.CgroupOf(kind.Name)}/runtime");
        Usage = new RuntimeUsage(stage.Cgroups, stage.CgroupOf(kind.Name), () => _daemon.Pid);
    }

    public ContestantKind Kind { get; }

    public RuntimeService.RuntimeServiceClient Runtime { get; private set; } = null!;

    public ImageService.ImageServiceClient Images { get; private set; } = null!;

    public RuntimeUsage Usage { get; }

    public static async Task<Contestant> StartAsync(Stage stage, ContestantKind kind, CancellationToken cancellation)
    {
        var contestant = new Contestant(stage, kind);
        contestant.Spawn();
        await CriSocket.UntilAsync(t => contestant.Runtime.VersionAsync(new VersionRequest(), cancellationToken: t).ResponseAsync, cancellation);
        await contestant.PullAsync(stage.Busybox, cancellation);
        return contestant;
    }

    /// <summary>A pod of a new name; its cgroup is made beforehand, as by kubelet.</summary>
    public PodSandboxConfig NewPod(bool hostNetwork, NamespaceMode pid = NamespaceMode.Container)
    {
        var name = $"pod{Interlocked.Increment(ref _sequence)}";
        var pod = PodCalls.Pod(Path.Combine(_home, "logs", name), name, hostNetwork, pid);
        pod.Linux.CgroupParent = _stage.MakeCgroup($"{_stage.CgroupOf(Kind.Name)}/pods/{name}").Path;
        return pod;
    }

    public Task<(string Pod, string Container, double[] Milliseconds)> UpAsync(PodSandboxConfig pod, CancellationToken cancellation) =>
        new PodCalls(Runtime).UpAsync(pod, PodCalls.Sleeper(pod, _stage.Busybox), cancellation);

    public Task<double[]> DownAsync(string pod, string container, CancellationToken cancellation) => new PodCalls(Runtime).DownAsync(pod, container, cancellation);

    public async Task PullAsync(string image, CancellationToken cancellation) =>
        await Images.PullImageAsync(new PullImageRequest { Image = new ImageSpec { Image = image } }, cancellationToken: cancellation);

    /// <summary>kill -9, a new daemon, and the milliseconds from its spawn to its first list of containers.</summary>
    public async Task<double> RestartAsync(CancellationToken cancellation)
    {
        await EndAsync(9);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        Spawn();
        await CriSocket.UntilAsync(t => Runtime.ListContainersAsync(new ListContainersRequest(), cancellationToken: t).ResponseAsync, cancellation);
        return clock.Elapsed.TotalMilliseconds;
    }

    /// <summary>Its pods and then it. What does not go ends with the bench's namespaces (eng/bench.sh).</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            foreach (var pod in (await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items)
            {
                await Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = pod.Id });
                await Runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = pod.Id });
            }
        }
        catch (RpcException e)
        {
            // What the measurement failed of is to be seen, not this.
            await Console.Error.WriteLineAsync($"{Kind.Name} does not take its pods away: {e.Status.Detail}; its log ends: {LastWords()}");
        }

        await EndAsync(15);
    }

    private string LastWords() => File.ReadLines(LogPath).LastOrDefault() ?? "";

    private string LogPath => Path.Combine(_home, "daemon.log");

    private async Task EndAsync(int signal)
    {
        _channel.Dispose();
        _daemon.PidFd.Signal(signal);
        using var deadline = new CancellationTokenSource(EndDeadline);
        await _stage.Site.Exits.ReapOrKillAsync(_daemon, deadline.Token);
        _daemon.Dispose();
    }

    private void Spawn()
    {
        using var log = File.OpenHandle(LogPath, FileMode.Append, FileAccess.Write);
        var fd = (int)log.DangerousGetHandle();
        _daemon = Spawner.Spawn(new SpawnRequest
        {
            Path = _argv[0],
            Arguments = _argv,
            Environment = [$"PATH={Path.GetDirectoryName(_argv[0])}:/usr/sbin:/usr/bin:/sbin:/bin"],
            Fds = [new FdMapping(fd, 1), new FdMapping(fd, 2)],
        });
        _stage.Account(_daemon.Pid, _cgroup);
        _channel = CriSocket.Connect(_socket);
        Runtime = new RuntimeService.RuntimeServiceClient(_channel);
        Images = new ImageService.ImageServiceClient(_channel);
    }
}
