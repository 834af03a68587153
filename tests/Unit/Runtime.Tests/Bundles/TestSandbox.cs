using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Tests.Bundles;

/// <summary>A Ready sandbox with the pins that its namespace modes call for.</summary>
internal static class TestSandbox
{
    public const string Id = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";
    private const string State = "/run/shimruntime/sandboxes/" + Id;

    public static Sandbox Of(PodSandboxConfig config)
    {
        var modes = config.Linux?.SecurityContext?.NamespaceOptions ?? new NamespaceOption();
        return new Sandbox
        {
            Id = Id,
            Config = config,
            Phase = SandboxPhase.Ready,
            CgroupPath = "/kubepods/pod1",
            NetworkNamespace = modes.Network == NamespaceMode.Pod ? $"/run/netns/shimruntime-{Id[..16]}" : null,
            IpcNamespace = modes.Ipc == NamespaceMode.Pod ? $"{State}/ns/ipc" : null,
            UtsNamespace = modes.Network == NamespaceMode.Pod ? $"{State}/ns/uts" : null,
            PidNamespace = modes.Pid == NamespaceMode.Pod ? $"{State}/ns/pid" : null,
            UserNamespace = modes.UsernsOptions?.Mode == NamespaceMode.Pod ? $"{State}/ns/user" : null,
            ResolvConfPath = $"{State}/resolv.conf",
            HostnamePath = $"{State}/hostname",
            ShmPath = modes.Ipc == NamespaceMode.Pod ? $"{State}/shm" : null,
            Hostname = config.Hostname,
        };
    }

    /// <summary>kubelet's usual pod: own network and ipc, a PID namespace per container.</summary>
    public static PodSandboxConfig DefaultPod() => new()
    {
        Metadata = new PodSandboxMetadata { Name = "web", Uid = "8f1f0c6e-0000-4000-8000-000000000001", Namespace = "default" },
        Hostname = "web",
        Linux = new LinuxPodSandboxConfig
        {
            SecurityContext = new LinuxSandboxSecurityContext { NamespaceOptions = new NamespaceOption { Pid = NamespaceMode.Container } },
        },
    };
}
