using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>A sandbox as CRI's messages show it. Labels and annotations go back byte for byte: kubelet compares them.</summary>
internal static class SandboxViews
{
    public static PodSandbox ToListed(Sandbox sandbox)
    {
        var summary = new PodSandbox
        {
            Id = sandbox.Id,
            Metadata = sandbox.Config.Metadata,
            State = ToState(sandbox),
            CreatedAt = sandbox.CreatedAtNanos,
            RuntimeHandler = sandbox.RuntimeHandler,
        };
        summary.Labels.Add(sandbox.Config.Labels);
        summary.Annotations.Add(sandbox.Config.Annotations);
        return summary;
    }

    public static PodSandboxStatus ToStatus(Sandbox sandbox)
    {
        var modes = sandbox.Config.Linux?.SecurityContext?.NamespaceOptions?.Clone() ?? new NamespaceOption();
        var status = new PodSandboxStatus
        {
            Id = sandbox.Id,
            Metadata = sandbox.Config.Metadata,
            State = ToState(sandbox),
            CreatedAt = sandbox.CreatedAtNanos,
            Network = new PodSandboxNetworkStatus { Ip = sandbox.PrimaryIp },
            Linux = new LinuxPodSandboxStatus { Namespaces = new Namespace { Options = modes } },
            RuntimeHandler = sandbox.RuntimeHandler,
        };
        status.Network.AdditionalIps.AddRange(sandbox.Ips.Skip(1).Select(ip => new PodIP { Ip = ip }));
        status.Labels.Add(sandbox.Config.Labels);
        status.Annotations.Add(sandbox.Config.Annotations);
        return status;
    }

    public static PodSandboxState ToState(Sandbox sandbox) =>
        sandbox.Phase == SandboxPhase.Ready ? PodSandboxState.SandboxReady : PodSandboxState.SandboxNotready;
}
