using ShimRuntime.Cri.V1;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>A sandbox under test and what is done with it.</summary>
public sealed class Pod(DaemonFixture daemon, string id, PodSandboxConfig config)
{
    public DaemonFixture Daemon { get; } = daemon;

    public string Id { get; } = id;

    public PodSandboxConfig Config { get; } = config;

    public static PodSandboxConfig Configure(DaemonFixture daemon, Action<PodSandboxConfig>? change, string test)
    {
        var name = $"{test}-{daemon.NextSerial()}";
        var config = new PodSandboxConfig
        {
            Metadata = new PodSandboxMetadata { Name = name, Namespace = "tests", Uid = Guid.NewGuid().ToString() },
            Hostname = "pod",
            LogDirectory = Directory.CreateDirectory(Path.Combine(daemon.Logs, name)).FullName,
            Linux = new LinuxPodSandboxConfig
            {
                SecurityContext = new LinuxSandboxSecurityContext { NamespaceOptions = new NamespaceOption { Pid = NamespaceMode.Container } },
            },
        };
        change?.Invoke(config);
        return config;
    }

    public static async Task<Pod> RunAsync(DaemonFixture daemon, Action<PodSandboxConfig>? change, string test)
    {
        var config = Configure(daemon, change, test);
        var response = await daemon.Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = config });
        return new Pod(daemon, response.PodSandboxId, config);
    }

    /// <summary>A container's configuration: sh with <paramref name="script"/>, the pod's namespace modes, its own log file.</summary>
    public async Task<ContainerConfig> ContainerConfigAsync(string script, Action<ContainerConfig>? change = null)
    {
        var name = $"c{Daemon.NextSerial()}";
        var config = new ContainerConfig
        {
            Metadata = new ContainerMetadata { Name = name },
            Image = new ImageSpec { Image = (await TestImages.BusyboxAsync()).Reference },
            Command = { "/bin/sh", "-c", script },
            LogPath = $"{name}.log",
            Linux = new LinuxContainerConfig
            {
                Resources = new LinuxContainerResources(),
                SecurityContext = new LinuxContainerSecurityContext
                {
                    NamespaceOptions = Config.Linux?.SecurityContext?.NamespaceOptions?.Clone() ?? new NamespaceOption(),
                },
            },
        };
        change?.Invoke(config);
        return config;
    }

    public async Task<Container> CreateAsync(string script, Action<ContainerConfig>? change = null)
    {
        var config = await ContainerConfigAsync(script, change);
        var response = await Daemon.Runtime.CreateContainerAsync(Request(config));
        return new Container(this, response.ContainerId, config);
    }

    public async Task<Container> RunAsync(string script, Action<ContainerConfig>? change = null)
    {
        var container = await CreateAsync(script, change);
        await container.StartAsync();
        return container;
    }

    public CreateContainerRequest Request(ContainerConfig config) => new() { PodSandboxId = Id, Config = config, SandboxConfig = Config };

    public async Task<PodSandboxStatus> StatusAsync() => (await ResponseAsync(false)).Status;

    public Task<PodSandboxStatusResponse> ResponseAsync(bool verbose) =>
        Daemon.Runtime.PodSandboxStatusAsync(new PodSandboxStatusRequest { PodSandboxId = Id, Verbose = verbose }).ResponseAsync;

    public async Task<string> IpAsync() => (await StatusAsync()).Network.Ip;

    public Task StopAsync() => Daemon.Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = Id }).ResponseAsync;

    public Task RemoveAsync() => Daemon.Runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = Id }).ResponseAsync;
}
