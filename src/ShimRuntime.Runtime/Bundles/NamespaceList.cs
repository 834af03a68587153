using ShimRuntime.Cri.V1;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// Namespaces of one container: mount is always its own; network, ipc and uts are the pod's pins, or the host's where the pod has none;
/// pid by the container's own mode, which need not be the pod's. Hostname and sysctls belong to the pod's namespaces and were set
/// there, so the spec carries neither.
/// </summary>
internal static class NamespaceList
{
    private const string PidField = "linux.security_context.namespace_options.pid";

    public static IReadOnlyList<NamespaceSpec> Build(BundleRequest request, HostFacts host)
    {
        var sandbox = request.Sandbox;
        var list = new List<NamespaceSpec> { new() { Type = "mount" } };
        if (sandbox.UserNamespace is { } user) list.Add(new NamespaceSpec { Type = "user", Path = user });
        AddPid(list, request);
        if (sandbox.NetworkNamespace is { } network) list.Add(new NamespaceSpec { Type = "network", Path = network });
        if (sandbox.IpcNamespace is { } ipc) list.Add(new NamespaceSpec { Type = "ipc", Path = ipc });
        if (sandbox.UtsNamespace is { } uts) list.Add(new NamespaceSpec { Type = "uts", Path = uts });
        // On cgroup v2 a container sees itself at the root of the hierarchy; v1 has no such custom, and a privileged one sees the host's.
        var privileged = request.Config.Linux?.SecurityContext?.Privileged ?? false;
        if (host.CgroupVersion == 2 && !privileged) list.Add(new NamespaceSpec { Type = "cgroup" });
        return list;
    }

    private static void AddPid(List<NamespaceSpec> list, BundleRequest request)
    {
        var pod = PodMode(request.Sandbox);
        switch (request.Config.Linux?.SecurityContext?.NamespaceOptions?.Pid ?? pod)
        {
            case NamespaceMode.Container:
                list.Add(new NamespaceSpec { Type = "pid" });
                break;
            case NamespaceMode.Pod when pod == NamespaceMode.Node:
            case NamespaceMode.Node when pod == NamespaceMode.Node:
                break;
            case NamespaceMode.Pod:
                list.Add(new NamespaceSpec { Type = "pid", Path = request.Sandbox.PidNamespace ?? throw NoPodNamespace() });
                break;
            case NamespaceMode.Node:
                throw Refusal.Invalid(PidField, "is NODE in a pod that is not; give the pod host PID too");
            case NamespaceMode.Target when request.TargetPid > 0:
                list.Add(new NamespaceSpec { Type = "pid", Path = $"/proc/{request.TargetPid}/ns/pid" });
                break;
            case NamespaceMode.Target:
                throw Refusal.Invalid(PidField, "is TARGET without a running container as target_id");
            case var other:
                throw Refusal.Invalid(PidField, $"{(int)other} is unknown; give POD, CONTAINER, NODE or TARGET");
        }
    }

    private static NamespaceMode PodMode(Sandbox sandbox) =>
        sandbox.Config.Linux?.SecurityContext?.NamespaceOptions?.Pid ?? NamespaceMode.Pod;

    private static Linux.RuntimeFault NoPodNamespace() =>
        Refusal.Impossible(PidField, "is POD, but this pod shares no PID namespace; run the pod with pid POD or the container with CONTAINER");
}
