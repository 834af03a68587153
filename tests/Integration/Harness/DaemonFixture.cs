using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using GetDaemonRequest = ShimRuntime.Cri.Operator.V1.GetDaemonRequest;
using UpgradeDaemonRequest = ShimRuntime.Cri.Operator.V1.UpgradeDaemonRequest;
using UpgradedShim = ShimRuntime.Cri.Operator.V1.UpgradedShim;
using UpgradeShimsRequest = ShimRuntime.Cri.Operator.V1.UpgradeShimsRequest;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>How a test class wants its daemon.</summary>
public sealed record DaemonOptions
{
    /// <summary>More lines for config.toml.</summary>
    public string Configuration { get; init; } = "";

    /// <summary>KEY=value, beside PATH.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>A shell fragment run before exec of the daemon: it spoils what a child could inherit.</summary>
    public string Prelude { get; init; } = "";

    /// <summary>Images that are pulled before the first test, below the shared registry.</summary>
    public bool PullBusybox { get; init; } = true;
}

/// <summary>
/// One real daemon in a <see cref="World"/> of its own: started, killed and restarted at will. A class fixture, and free-standing where a
/// test needs a second one.
/// </summary>
public sealed class DaemonFixture : IAsyncLifetime
{
    private SpawnedProcess? _process;
    private CriClient? _client;
    private bool _isChild;
    private int _serial;

    public World World { get; } = new();

    public DaemonOptions Options { get; private set; } = new();

    /// <summary>Where this class's daemon log and container logs are kept.</summary>
    public string Logs { get; private set; } = "";

    public CriClient Client => _client ?? throw new InvalidOperationException("the daemon was never started");

    public RuntimeService.RuntimeServiceClient Runtime => Client.Runtime;

    public ImageService.ImageServiceClient Images => Client.Images;

    /// <summary>0 while it is down.</summary>
    public int Pid => _process?.Pid ?? 0;

    public string DaemonLog => Path.Combine(Logs, "daemon.log");

    /// <summary>Nothing yet: the class under test says first who it is and what it wants.</summary>
    public Task InitializeAsync() => Task.CompletedTask;

    /// <summary>Starts the daemon, once.</summary>
    public async Task StartForAsync(string name, DaemonOptions? options = null)
    {
        if (_client is not null) return;
        Options = options ?? new DaemonOptions();
        Logs = Path.Combine(Installation.Logs, name);
        if (Directory.Exists(Logs)) Directory.Delete(Logs, true);
        Directory.CreateDirectory(Logs);
        var registry = await Registry.SharedAsync();
        World.WriteHosts(registry.Host, registry.Address);
        WriteConfiguration();
        _client = new CriClient(World.Socket);
        await StartAsync();
        if (Options.PullBusybox) await PullAsync((await TestImages.BusyboxAsync()).Reference);
    }

    public void WriteConfiguration(string? more = null) => File.WriteAllText(
        Path.Combine(World.Base, "config.toml"), $"cgroup_root = \"{World.CgroupRoot}\"\n{Options.Configuration}\n{more}\n");

    /// <summary>The daemon's arguments in this world.</summary>
    public IReadOnlyList<string> Arguments(string? socket = null) =>
    [
        "--config", Path.Combine(World.Base, "config.toml"), "--root", World.Root, "--state", World.State, "--listen", $"unix://{socket ?? World.Socket}",
        "--cni-conf-dir", World.CniConf, "--cni-bin-dir", World.CniBin, "--cni-bin-dir", "/usr/lib/cni", "--registry-config-dir", World.RegistryConf,
        "--netns-dir", World.NetnsDirectory, "--log-level", "debug",
    ];

    /// <summary>Starts the process and waits until CRI is answered.</summary>
    public async Task StartAsync()
    {
        StartProcess();
        await WaitUntilServingAsync();
    }

    public void StartProcess()
    {
        var daemon = Path.Combine(World.Bin, "shimruntimed");
        _isChild = true;
        _process = Command.StartLogged(
            "/bin/sh", ["-c", $"{Options.Prelude}\nexec \"$0\" \"$@\"", daemon, .. Arguments()], DaemonLog, Options.Environment);
    }

    public Task WaitUntilServingAsync() => Eventually.True(async () =>
    {
        if (!Processes.IsAlive(Pid)) Assert.Fail($"the daemon ended; see {DaemonLog}:\n{LogTail()}");
        try
        {
            await Runtime.VersionAsync(new VersionRequest());
            await Runtime.ListContainersAsync(new ListContainersRequest());
            return true;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable)
        {
            return false;
        }
    }, () => $"the daemon serves CRI; see {DaemonLog}:\n{LogTail()}");

    /// <summary>SIGKILL: what a crash or an impatient service manager does.</summary>
    public Task KillAsync() => EndAsync(9);

    /// <summary>SIGTERM, as a service manager stops it.</summary>
    public Task<ExitCode> TerminateAsync() => EndAsync(15);

    public async Task RestartAsync()
    {
        await KillAsync();
        await StartAsync();
    }

    /// <summary>Hands over to a new daemon of the same binary, or of another; the old one must end with 0.</summary>
    public async Task UpgradeAsync(string binary = "")
    {
        var next = await Client.Operator.UpgradeDaemonAsync(new UpgradeDaemonRequest { Binary = binary });
        var pidFd = SafePidFd.TryOpen(next.Pid) ?? throw new InvalidOperationException($"the new daemon, {next.Pid}, is gone; see {DaemonLog}");
        var old = _process!;
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var exit = _isChild ? await Command.Exits.ReapAsync(old, deadline.Token) : await EndedAsync(old, deadline.Token);
        old.Dispose();
        (_process, _isChild) = (new SpawnedProcess(next.Pid, pidFd), false);
        Assert.True(exit.Code == 0, $"the old daemon ended with {exit}; see {DaemonLog}:\n{LogTail()}");
        Assert.Equal(next.Pid, (await Client.Operator.GetDaemonAsync(new GetDaemonRequest())).Pid);
    }

    /// <summary>Puts a program into running shims; empty: the one that new ones are started from. Returns what became of each.</summary>
    public async Task<IReadOnlyList<UpgradedShim>> UpgradeShimsAsync(string binary, params IEnumerable<string> containers)
    {
        using var call = Client.Operator.UpgradeShims(new UpgradeShimsRequest { Binary = binary, ContainerIds = { containers } });
        List<UpgradedShim> steps = [];
        while (await call.ResponseStream.MoveNext(CancellationToken.None)) steps.Add(call.ResponseStream.Current);
        return steps;
    }

    /// <summary>The daemon is a process that another daemon has started.</summary>
    public void Adopt(int pid) => (_process, _isChild) =
        (new SpawnedProcess(pid, SafePidFd.TryOpen(pid) ?? throw new InvalidOperationException($"there is no process {pid}")), false);

    public async Task<string> PullAsync(string reference) =>
        (await Images.PullImageAsync(new PullImageRequest { Image = new ImageSpec { Image = reference } })).ImageRef;

    /// <summary>A number that is this fixture's own, for names.</summary>
    public int NextSerial() => Interlocked.Increment(ref _serial);

    /// <summary>Removes every pod, and every image but those of <paramref name="keep"/>.</summary>
    public async Task RemoveEverythingAsync(IReadOnlySet<string> keep)
    {
        if (Pid == 0 || !Processes.IsAlive(Pid)) await StartAsync();
        KeepShimLogs();
        var pods = await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest());
        await Task.WhenAll(pods.Items.Select(async p =>
        {
            await Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = p.Id });
            await Runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = p.Id });
        }));
        foreach (var image in (await Images.ListImagesAsync(new ListImagesRequest())).Images.Where(i => !keep.Contains(i.Id)))
        {
            await Images.RemoveImageAsync(new RemoveImageRequest { Image = new ImageSpec { Image = image.Id } });
        }
    }

    /// <summary>As if the hour had passed for which a failed pull's content is kept: the collector, which runs at start, must find it all.</summary>
    public async Task ExpireLeasesAsync()
    {
        await KillAsync();
        foreach (var lease in Directory.GetFiles(Path.Combine(World.Root, "leases"))) File.Delete(lease);
        await StartAsync();
    }

    public async Task<IReadOnlySet<string>> ImageIdsAsync() =>
        (await Images.ListImagesAsync(new ListImagesRequest())).Images.Select(i => i.Id).ToHashSet();

    public async Task DisposeAsync()
    {
        var exit = Pid == 0 || !Processes.IsAlive(Pid) ? new ExitCode(0, 0) : await TerminateAsync();
        _client?.Dispose();
        var remains = await World.DestroyAsync();
        Assert.True(exit.Code == 0, $"SIGTERM ended the daemon with {exit}; see {DaemonLog}:\n{LogTail()}");
        Assert.True(remains.Length == 0, remains);
    }

    /// <summary>Of one that is not our child, because another daemon has started it: how it ended is init's to know.</summary>
    private static async Task<ExitCode> EndedAsync(SpawnedProcess process, CancellationToken deadline)
    {
        await Command.Exits.WaitAsync(process.PidFd, deadline);
        return new ExitCode(0, 0);
    }

    private async Task<ExitCode> EndAsync(int signal)
    {
        var process = _process ?? throw new InvalidOperationException("the daemon is not running");
        process.PidFd.Signal(signal);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        try
        {
            return _isChild ? await Command.Exits.ReapAsync(process, deadline.Token) : await EndedAsync(process, deadline.Token);
        }
        catch (OperationCanceledException)
        {
            process.PidFd.Signal(9);
            _ = _isChild ? await Command.Exits.ReapAsync(process, CancellationToken.None) : await EndedAsync(process, CancellationToken.None);
            throw new TimeoutException($"the daemon did not end within 30 s of signal {signal}; see {DaemonLog}");
        }
        finally
        {
            _process = null;
            process.Dispose();
        }
    }

    // A shim's own log goes with its container: what is left of them at the end of a test is kept.
    private void KeepShimLogs()
    {
        var containers = Path.Combine(World.State, "c");
        if (!Directory.Exists(containers)) return;
        foreach (var log in Directory.EnumerateFiles(containers, "shim.log", SearchOption.AllDirectories).Where(f => new FileInfo(f).Length > 0))
        {
            File.Copy(log, Path.Combine(Logs, $"shim-{Path.GetFileName(Path.GetDirectoryName(log))}.log"), true);
        }
    }

    private string LogTail() => File.Exists(DaemonLog) ? string.Join('\n', File.ReadLines(DaemonLog).TakeLast(20)) : "";
}
