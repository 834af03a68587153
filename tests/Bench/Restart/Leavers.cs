using ShimRuntime.Cri.V1;

namespace ShimRuntime.Bench.Restart;

/// <summary>Containers of one pod that end by themselves while something is replaced, each with an exit code of its own.</summary>
internal sealed class Leavers(BenchNode node, string gates)
{
    public const int PerStep = 10;
    private const int SpreadMilliseconds = 2000; // a hand-over's own time
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private readonly List<(string Container, int Code)> _waiting = [];
    private (PodSandboxConfig Config, string Id) _pod;
    private int _step;

    public async Task StartAsync(CancellationToken cancellation)
    {
        var pod = node.Pod("leavers", true, NamespaceMode.Container);
        Directory.CreateDirectory(pod.LogDirectory);
        var id = (await node.Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = pod }, cancellationToken: cancellation)).PodSandboxId;
        _pod = (pod, id);
    }

    /// <summary>The next ones stand at the gate.</summary>
    public async Task PrepareAsync(CancellationToken cancellation)
    {
        _step++;
        for (var i = 0; i < PerStep; i++)
        {
            var code = 1 + (((_step * PerStep) + i) % 100);
            var config = new ContainerConfig
            {
                Metadata = new ContainerMetadata { Name = $"leaver{_step}-{i}" },
                Image = new ImageSpec { Image = BenchNode.Image },
                LogPath = $"{_step}-{i}.log",
                Command = { "sh", "-c", $"while [ ! -e /gates/step-{_step} ]; do sleep 0.1; done; sleep {i * SpreadMilliseconds / PerStep / 1000.0:0.0}; exit {code}" },
                Mounts = { new Mount { HostPath = gates, ContainerPath = "/gates", Readonly = true } },
                Linux = new LinuxContainerConfig { SecurityContext = new LinuxContainerSecurityContext { NamespaceOptions = _pod.Config.Linux.SecurityContext.NamespaceOptions } },
            };
            var create = new CreateContainerRequest { PodSandboxId = _pod.Id, Config = config, SandboxConfig = _pod.Config };
            var container = (await node.Runtime.CreateContainerAsync(create, cancellationToken: cancellation)).ContainerId;
            await node.Runtime.StartContainerAsync(new StartContainerRequest { ContainerId = container }, cancellationToken: cancellation);
            _waiting.Add((container, code));
        }
    }

    public void Leave() => File.WriteAllText(Path.Combine(gates, $"step-{_step}"), "");

    /// <summary>Waits for their ends; in words each that was not told as it was.</summary>
    public async Task<IReadOnlyList<string>> JudgeAsync(CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Deadline);
        var faults = new List<string>();
        foreach (var (container, code) in _waiting)
        {
            var status = await EndedAsync(container, deadline.Token);
            if (status.State != ContainerState.ContainerExited || status.ExitCode != code || status.Reason != "Error")
                faults.Add($"{status.Metadata.Name} left with {code}; told: {status.State}, {status.ExitCode}, {status.Reason}");
            await node.Runtime.RemoveContainerAsync(new RemoveContainerRequest { ContainerId = container }, cancellationToken: cancellation);
        }

        _waiting.Clear();
        return faults;
    }

    public Task DownAsync() => node.DownAsync(_pod.Id);

    /// <summary>Its status, as it is at the deadline if it has not ended by then.</summary>
    private async Task<ContainerStatus> EndedAsync(string container, CancellationToken deadline)
    {
        while (true)
        {
            var status = (await node.Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = container }, cancellationToken: CancellationToken.None)).Status;
            if (status.State == ContainerState.ContainerExited || deadline.IsCancellationRequested) return status;
            await Task.Delay(50, CancellationToken.None);
        }
    }
}
