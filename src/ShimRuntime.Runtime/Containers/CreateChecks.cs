using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// What is wrong with a CreateContainerRequest by its words alone; what needs the image or the rootfs is judged by the bundle's builder.
/// </summary>
public static class CreateChecks
{
    private const int MaxLabelsBytes = 1 << 20;

    /// <exception cref="RuntimeFault">InvalidArgument.</exception>
    public static void Check(CreateContainerRequest request)
    {
        if (request.PodSandboxId.Length == 0) throw Bad("the request names no pod_sandbox_id");
        var config = request.Config ?? throw Bad("the request has no config");
        if (config.Metadata is null || config.Metadata.Name.Length == 0) throw Bad("config.metadata.name is empty");
        if (EntityNames.Problem(config.Metadata.Name) is { } problem) throw Bad($"config.metadata.name {problem}");
        if (string.IsNullOrEmpty(config.Image?.Image)) throw Bad("config.image names no image");
        CheckSize("labels", config.Labels);
        CheckSize("annotations", config.Annotations);
        LogPaths.CheckRelative(config.LogPath);
    }

    private static void CheckSize(string what, IDictionary<string, string> map)
    {
        var bytes = map.Sum(p => (long)p.Key.Length + p.Value.Length);
        if (bytes > MaxLabelsBytes) throw Bad($"config.{what} have {bytes} characters; {MaxLabelsBytes} are allowed");
    }

    private static RuntimeFault Bad(string cause) => RuntimeFault.InvalidArgument($"failed to create container: {cause}");
}
