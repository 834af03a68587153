using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>The pod half of RuntimeService.</summary>
public sealed class SandboxService(SandboxParts parts) : ISandboxService
{
    public Task<string> RunAsync(RunPodSandboxRequest request, CancellationToken client) => throw Later();

    public Task StopAsync(string sandboxId, CancellationToken client) => throw Later();

    public Task RemoveAsync(string sandboxId, CancellationToken client) => throw Later();

    public PodSandboxStatusResponse Status(PodSandboxStatusRequest request) => throw Later();

    public IReadOnlyList<PodSandbox> List(PodSandboxFilter? filter) => throw Later();

    public Task RecoverAsync(CancellationToken cancellation) => throw Later();

    private NotSupportedException Later() => new($"{parts.Options.Root}: lands next");
}
