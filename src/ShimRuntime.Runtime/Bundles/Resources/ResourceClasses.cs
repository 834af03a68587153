using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// Classes of Intel RDT and of block I/O, which a pod asks for by annotation. This runtime has no such classes; a pod that asks for one is
/// refused rather than run without it, as containerd does with the service switched off.
/// </summary>
internal static class ResourceClasses
{
    private static readonly (string What, string Container, string Pod)[] Kinds =
    [
        ("RDT class", "io.kubernetes.cri.rdt-class", "rdt.resources.beta.kubernetes.io/"),
        ("block I/O class", "io.kubernetes.cri.blockio-class", "blockio.resources.beta.kubernetes.io/"),
    ];

    public static void Check(ContainerConfig config, Sandbox sandbox)
    {
        foreach (var (what, container, pod) in Kinds)
        {
            Refuse(what, container, "annotations", config.Annotations);
            Refuse(what, $"{pod}container.{config.Metadata?.Name}", "the pod's annotations", sandbox.Config.Annotations);
            Refuse(what, $"{pod}pod", "the pod's annotations", sandbox.Config.Annotations);
        }
    }

    private static void Refuse(string what, string key, string field, IDictionary<string, string> annotations)
    {
        if (!annotations.TryGetValue(key, out var name) || name.Length == 0) return;
        throw Refusal.Impossible(field, $"ask for the {what} '{ContainerPath.Show(name)}' by '{ContainerPath.Show(key)}', and this runtime has no such classes; take it out");
    }
}
