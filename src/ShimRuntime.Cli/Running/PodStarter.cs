using ShimRuntime.Cli.Commands;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Running;

/// <summary>What `shimctl run` does, in kubelet's order: image, sandbox, create, start. A step that fails removes the pod again.</summary>
internal sealed class PodStarter(Session session)
{
    private static readonly TimeSpan ToRestore = TimeSpan.FromMinutes(10);

    /// <summary>An image that begins with a slash is a checkpoint's archive.</summary>
    public async Task<StartedPod> RunAsync(PodSandboxConfig pod, ContainerConfig container, CancellationToken cancellation)
    {
        await EnsureImageAsync(container.Image, cancellation);
        var request = new RunPodSandboxRequest { Config = pod };
        var podId = (await session.Runtime.RunPodSandboxAsync(request, session.Call(cancellation))).PodSandboxId;
        try
        {
            var containerId = await StartAsync(podId, pod, container, cancellation);
            return new StartedPod(podId, containerId, await AddressAsync(podId, cancellation));
        }
        catch
        {
            await RemoveAsync(podId);
            throw;
        }
    }

    /// <summary>One more container of a pod that runs.</summary>
    public async Task<StartedPod> AddAsync(PodSandbox pod, ContainerConfig container, CancellationToken cancellation)
    {
        await EnsureImageAsync(container.Image, cancellation);
        var containerId = await StartAsync(pod.Id, new PodSandboxConfig { Metadata = pod.Metadata }, container, cancellation);
        return new StartedPod(pod.Id, containerId, await AddressAsync(pod.Id, cancellation));
    }

    private async Task<string> StartAsync(string podId, PodSandboxConfig pod, ContainerConfig container, CancellationToken cancellation)
    {
        TimeSpan? patience = IsCheckpoint(container.Image) ? ToRestore : null;
        var create = new CreateContainerRequest { PodSandboxId = podId, Config = container, SandboxConfig = pod };
        var containerId = (await session.Runtime.CreateContainerAsync(create, session.Call(cancellation, patience))).ContainerId;
        await session.Runtime.StartContainerAsync(new StartContainerRequest { ContainerId = containerId }, session.Call(cancellation, patience));
        return containerId;
    }

    private async Task<string> AddressAsync(string podId, CancellationToken cancellation)
    {
        var request = new PodSandboxStatusRequest { PodSandboxId = podId };
        return (await session.Runtime.PodSandboxStatusAsync(request, session.Call(cancellation))).Status.Network?.Ip ?? "";
    }

    private static bool IsCheckpoint(ImageSpec image) => image.Image.StartsWith('/');

    private async Task EnsureImageAsync(ImageSpec image, CancellationToken cancellation)
    {
        if (IsCheckpoint(image)) return;
        var status = await session.Images.ImageStatusAsync(new ImageStatusRequest { Image = image }, session.Call(cancellation));
        if (status.Image is null) await PullCommand.PullAsync(session, PullCommand.Request(image.Image, null), false, cancellation);
    }

    /// <summary>Under a deadline of its own: the caller's token may be what failed.</summary>
    private async Task RemoveAsync(string podId)
    {
        try
        {
            await session.Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = podId }, session.Call(CancellationToken.None));
            await session.Runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = podId }, session.Call(CancellationToken.None));
        }
        catch (Grpc.Core.RpcException e)
        {
            await Console.Error.WriteLineAsync($"shimctl: could not remove pod {podId} after the failure ({CommandAction.Explain(e)}); remove it with shimctl rmp -f {podId}");
        }
    }
}

/// <summary>What `shimctl run` started. <paramref name="PodIp"/> is empty on the host network.</summary>
internal sealed record StartedPod(string PodId, string ContainerId, string PodIp);
