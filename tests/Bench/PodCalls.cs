using System.Diagnostics;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Bench;

/// <summary>A pod of one container through CRI v1, call by call as kubelet makes them, each timed. Every runtime gets the same messages.</summary>
internal sealed class PodCalls(RuntimeService.RuntimeServiceClient runtime)
{
    /// <summary>What <see cref="UpAsync"/> times, then what <see cref="DownAsync"/> does.</summary>
    public static readonly string[] UpNames = ["RunPodSandbox", "CreateContainer", "StartContainer"];

    public static readonly string[] DownNames = ["StopContainer", "RemoveContainer", "StopPodSandbox", "RemovePodSandbox"];

    public static PodSandboxConfig Pod(string logDirectory, string name, bool hostNetwork, NamespaceMode pid) => new()
    {
        Metadata = new PodSandboxMetadata { Name = name, Namespace = "bench", Uid = Guid.NewGuid().ToString() },
        LogDirectory = logDirectory,
        Linux = new LinuxPodSandboxConfig
        {
            SecurityContext = new LinuxSandboxSecurityContext
            {
                NamespaceOptions = new NamespaceOption { Network = hostNetwork ? NamespaceMode.Node : NamespaceMode.Pod, Pid = pid },
            },
        },
    };

    /// <summary>A container that does nothing, in its pod's namespaces.</summary>
    public static ContainerConfig Sleeper(PodSandboxConfig pod, string image) => new()
    {
        Metadata = new ContainerMetadata { Name = "sleeper" },
        Image = new ImageSpec { Image = image },
        LogPath = "0.log",
        Command = { "sleep", "100000" },
        Linux = new LinuxContainerConfig
        {
            SecurityContext = new LinuxContainerSecurityContext { NamespaceOptions = pod.Linux.SecurityContext.NamespaceOptions.Clone() },
        },
    };

    /// <summary>Both ids, and the milliseconds of each of <see cref="UpNames"/>.</summary>
    public async Task<(string Pod, string Container, double[] Milliseconds)> UpAsync(
        PodSandboxConfig pod, ContainerConfig container, CancellationToken cancellation)
    {
        Directory.CreateDirectory(pod.LogDirectory);
        var clock = Stopwatch.StartNew();
        var podId = (await runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = pod }, cancellationToken: cancellation)).PodSandboxId;
        var sandboxed = clock.Elapsed;
        var create = new CreateContainerRequest { PodSandboxId = podId, Config = container, SandboxConfig = pod };
        var id = (await runtime.CreateContainerAsync(create, cancellationToken: cancellation)).ContainerId;
        var created = clock.Elapsed;
        await runtime.StartContainerAsync(new StartContainerRequest { ContainerId = id }, cancellationToken: cancellation);
        var started = clock.Elapsed;
        return (podId, id, [sandboxed.TotalMilliseconds, (created - sandboxed).TotalMilliseconds, (started - created).TotalMilliseconds]);
    }

    /// <summary>Kills and removes both; the milliseconds of each of <see cref="DownNames"/>.</summary>
    public async Task<double[]> DownAsync(string pod, string container, CancellationToken cancellation)
    {
        double[] times =
        [
            await TimeAsync(async () => await runtime.StopContainerAsync(new StopContainerRequest { ContainerId = container }, cancellationToken: cancellation)),
            await TimeAsync(async () => await runtime.RemoveContainerAsync(new RemoveContainerRequest { ContainerId = container }, cancellationToken: cancellation)),
            await TimeAsync(async () => await runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = pod }, cancellationToken: cancellation)),
            await TimeAsync(async () => await runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = pod }, cancellationToken: cancellation)),
        ];
        return times;
    }

    /// <summary>Milliseconds of one call.</summary>
    public static async Task<double> TimeAsync(Func<Task> call)
    {
        var clock = Stopwatch.StartNew();
        await call();
        return clock.Elapsed.TotalMilliseconds;
    }
}
