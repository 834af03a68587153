using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Chaos.Tests;

/// <summary>
/// A pod's life as kubelet leads it: what fails is asked for again in the same words, and a container whose shim was lost is replaced by its
/// next attempt. After every step the lists must say exactly what there is.
/// </summary>
public sealed class Life(Node node, string name)
{
    /// <summary>Ends with 7 when it is asked to, and with no other code by itself.</summary>
    public const string Program = "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done";

    private const ulong SigTermBit = 1UL << 14;
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(20);
    private Pod? _pod;
    private Container? _container;
    private PodSandboxConfig? _podConfig;
    private ContainerConfig? _config;

    public Node Node { get; } = node;

    /// <summary>Its own, of letters, digits and dashes.</summary>
    public string Name { get; } = name;

    public DaemonFixture Daemon => Node.Daemon;

    public Container Container => _container ?? throw new InvalidOperationException("there is no container");

    public Pod Pod => _pod ?? throw new InvalidOperationException("there is no pod");

    /// <summary>Containers that were found to have lost their shim.</summary>
    public int Lost { get; private set; }

    public async Task RunPodAsync(Action<PodSandboxConfig>? change = null)
    {
        _podConfig = Pod.Configure(Daemon, change, Name);
        var request = new RunPodSandboxRequest { Config = _podConfig };
        var answer = await Node.CallAsync("RunPodSandbox", async () => await Daemon.Runtime.RunPodSandboxAsync(request));
        _pod = new Pod(Daemon, answer!.PodSandboxId, _podConfig);
        await PodsAreAsync(PodSandboxState.SandboxReady);
    }

    public async Task CreateAsync(Action<ContainerConfig>? change = null)
    {
        _config = await Pod.ContainerConfigAsync(Program, change);
        await CreateAttemptAsync();
    }

    /// <summary>Running afterwards, in its first or a later attempt.</summary>
    public async Task StartAsync()
    {
        while (true)
        {
            await Node.CallAsync("StartContainer", Container.StartAsync, async () => (await Container.StatusAsync()).State != ContainerState.ContainerCreated);
            var status = await StatusAsync();
            if (status.State == ContainerState.ContainerRunning) break;
            await ReplaceAsync(status);
        }

        await ContainersAreAsync(ContainerState.ContainerRunning);
    }

    public async Task RunAsync(Action<ContainerConfig>? change = null)
    {
        await CreateAsync(change);
        await StartAsync();
    }

    /// <summary>A step with a running container, which is replaced when its shim is lost over it.</summary>
    public Task DoAsync(string verb, Func<Task> step) => Node.CallAsync(verb, step, async () =>
    {
        await RunningAsync();
        return false;
    });

    /// <summary>The container runs, as it is or replaced.</summary>
    public async Task RunningAsync()
    {
        var status = await StatusAsync();
        if (status.State == ContainerState.ContainerRunning) return;
        await ReplaceAsync(status);
        await StartAsync();
    }

    public async Task<ContainerStatus> StatusAsync() => (await Node.CallAsync("ContainerStatus", Container.StatusAsync))!;

    public async Task StopAsync()
    {
        await HearsAsync();
        await Node.CallAsync("StopContainer", () => Container.StopAsync());
        var status = await StatusAsync();
        if (Node.EndsHonestly(status)) return;
        Assert.Equal((ContainerState.ContainerExited, 7, "Error"), (status.State, status.ExitCode, status.Reason));
    }

    /// <summary>Until its shell has set the trap the program, being PID 1, would not hear SIGTERM and end by SIGKILL.</summary>
    private Task HearsAsync() => Eventually.True(async () =>
    {
        if ((await StatusAsync()).State != ContainerState.ContainerRunning) return true;
        var pid = await Node.CallAsync("ContainerStatus", Container.PidAsync);
        return Processes.Status(pid, "SigCgt") is { Length: > 0 } caught && (Convert.ToUInt64(caught, 16) & SigTermBit) != 0;
    }, "the program hears SIGTERM");

    public async Task RemoveContainerAsync()
    {
        await Node.CallAsync("RemoveContainer", Container.RemoveAsync);
        _container = null;
        await ContainersAreAsync();
    }

    public async Task RemovePodAsync()
    {
        await Node.CallAsync("StopPodSandbox", Pod.StopAsync);
        await PodsAreAsync(PodSandboxState.SandboxNotready);
        await Node.CallAsync("RemovePodSandbox", Pod.RemoveAsync);
        _pod = null;
        _container = null;
        await PodsAreAsync();
        await ContainersAreAsync();
    }

    /// <summary>Exactly these containers, in these states; what is being undone may take a while to go.</summary>
    public async Task ContainersAreAsync(params ContainerState[] states)
    {
        var expected = string.Join(", ", states.Select(s => $"{Container.Id} {s}"));
        await SettledAsync("containers", expected, async () => string.Join(", ",
            (await Daemon.Runtime.ListContainersAsync(new ListContainersRequest())).Containers.Select(c => $"{c.Id} {c.State}")));
    }

    private async Task PodsAreAsync(params PodSandboxState[] states)
    {
        var expected = string.Join(", ", states.Select(s => $"{Pod.Id} {s}"));
        await SettledAsync("pods", expected, async () => string.Join(", ",
            (await Daemon.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items.Select(p => $"{p.Id} {p.State}")));
    }

    private async Task SettledAsync(string what, string expected, Func<Task<string>> list)
    {
        var last = "";
        await Eventually.True(
            async () => (last = await Node.CallAsync($"list {what}", list) ?? "") == expected,
            () => $"{what} are [{expected}]; last seen: [{last}]", Settling);
    }

    private async Task CreateAttemptAsync()
    {
        var request = Pod.Request(_config!);
        var answer = await Node.CallAsync("CreateContainer", async () => await Daemon.Runtime.CreateContainerAsync(request), IsThereAsync);
        if (answer is not null) _container = new Container(Pod, answer.ContainerId, _config!);
        else await ReplaceAsync(await StatusAsync());
    }

    /// <summary>One that was created without an answer, and has lost its shim since: the next attempt is due, as kubelet sees by its list.</summary>
    private async Task<bool> IsThereAsync()
    {
        var list = await Daemon.Runtime.ListContainersAsync(new ListContainersRequest { Filter = new ContainerFilter { PodSandboxId = Pod.Id } });
        var one = list.Containers.FirstOrDefault(c => c.Metadata.Attempt == _config!.Metadata.Attempt && c.State == ContainerState.ContainerExited);
        if (one is not null) _container = new Container(Pod, one.Id, _config!);
        return one is not null;
    }

    private async Task ReplaceAsync(ContainerStatus status)
    {
        var told = $"{status.State} {status.ExitCode} {status.Reason} {status.Message}";
        Assert.True(status.State == ContainerState.ContainerExited && Node.EndsHonestly(status), $"the container is {told}");
        Lost++;
        await Node.CallAsync("RemoveContainer", Container.RemoveAsync);
        _config!.Metadata.Attempt++;
        await CreateAttemptAsync();
    }
}
