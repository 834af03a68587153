using System.Globalization;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// Annotations of config.json: these and no others. Nothing that a pod or an image says gets in under a key of its choice, because
/// runtimes act on some keys (CVE-2024-3154: a systemd property that runs a command). The io.kubernetes.cri keys are those that node
/// tools read.
/// </summary>
internal static class AnnotationList
{
    public static IReadOnlyDictionary<string, string> Build(BundleRequest request)
    {
        var pod = request.Sandbox.Config.Metadata;
        return new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["io.kubernetes.cri.container-name"] = request.Config.Metadata?.Name ?? "",
            ["io.kubernetes.cri.container-type"] = "container",
            ["io.kubernetes.cri.image-name"] = ImageName(request.Config.Image),
            ["io.kubernetes.cri.sandbox-id"] = request.Sandbox.Id,
            ["io.kubernetes.cri.sandbox-name"] = pod?.Name ?? "",
            ["io.kubernetes.cri.sandbox-namespace"] = pod?.Namespace ?? "",
            ["io.kubernetes.cri.sandbox-uid"] = pod?.Uid ?? "",
            ["io.shimruntime.generation"] = request.Generation.ToString(CultureInfo.InvariantCulture),
        };
    }

    /// <summary>As the user wrote it, where kubelet says so.</summary>
    private static string ImageName(ImageSpec? image) => image?.UserSpecifiedImage is { Length: > 0 } asked ? asked : image?.Image ?? "";
}
