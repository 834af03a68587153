using System.Globalization;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// Annotations of config.json: these, and those of pod and container that the handler's operator allows. Nothing else that a pod or an
/// image says gets in under a key of its choice, because runtimes act on some keys (CVE-2024-3154: a systemd property that runs a
/// command). The io.kubernetes.cri keys are those that node tools read; no request can change them.
/// </summary>
internal static class AnnotationList
{
    /// <summary>The generation's number.</summary>
    public const string Generation = "io.shimruntime.generation";

    public static IReadOnlyDictionary<string, string> Build(BundleRequest request)
    {
        var pod = request.Sandbox.Config.Metadata;
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in request.Sandbox.Config.Annotations.Concat(request.Config.Annotations))
        {
            if (request.Handler.Allows(key)) all[key] = value;
        }

        foreach (var (key, value) in Own(request, pod)) all[key] = value;
        return all;
    }

    private static Dictionary<string, string> Own(BundleRequest request, PodSandboxMetadata? pod) => new()
    {
        ["io.kubernetes.cri.container-name"] = request.Config.Metadata?.Name ?? "",
        ["io.kubernetes.cri.container-type"] = "container",
        ["io.kubernetes.cri.image-name"] = ImageName(request.Config.Image),
        ["io.kubernetes.cri.sandbox-id"] = request.Sandbox.Id,
        ["io.kubernetes.cri.sandbox-name"] = pod?.Name ?? "",
        ["io.kubernetes.cri.sandbox-namespace"] = pod?.Namespace ?? "",
        ["io.kubernetes.cri.sandbox-uid"] = pod?.Uid ?? "",
        [Generation] = request.Generation.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>As the user wrote it, where kubelet says so.</summary>
    private static string ImageName(ImageSpec? image) => image?.UserSpecifiedImage is { Length: > 0 } asked ? asked : image?.Image ?? "";
}
