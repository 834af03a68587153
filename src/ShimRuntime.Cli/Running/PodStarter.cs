using ShimRuntime.Cli.Commands;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Running;

/// <summary>What `shimctl run` does, in kubelet's order: image, sandbox, create, start. A step that fails removes the pod again.</summary>
internal sealed class PodStarter(Session session)
{
    public async Task<StartedPod> RunAsync(PodSandboxConfig pod, ContainerConfig container, CancellationToken cancellation)
    {
        await EnsureImageAsync(container.Image, cancellation);
        var runtime = session.Runtime;
        var podId = (await runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = pod }, session.Call(cancellation))).PodSandboxId;
        try
        {
            var create = new CreateContainerRequest { PodSandboxId = podId, Config = container, SandboxConfig = pod };
            var containerId = (await runtime.CreateContainerAsync(create, session.Call(cancellation))).ContainerId;
            await runtime.StartContainerAsync(new StartContainerRequest { ContainerId = containerId }, session.Call(cancellation));
            var status = await runtime.PodSandboxStatusAsync(new PodSandboxStatusRequest { PodSandboxId = podId }, session.Call(cancellation));
            return new StartedPod(podId, containerId, status.Status.Network?.Ip ?? "");
        }
        catch
        {
            await RemoveAsync(podId);
            throw;
        }
    }

    private async Task EnsureImageAsync(ImageSpec image, CancellationToken cancellation)
    {
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
