using Google.Protobuf.Collections;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Services;

/// <summary>
/// What a pod may make the daemon keep and write: sizes are refused at the edge, with the limit named. Each is far above what
/// Kubernetes allows in the API (a pod's annotations 256 KiB), and the message as a whole is at most 16 MiB. Names are the business of
/// whoever judges the rest of them, by one limit (EntityNames).
/// </summary>
internal static class RequestLimits
{
    public const int LongestLabel = 4096;
    public const int MostEntries = 4096;
    public const int LongestReference = 4096;
    public const int AnnotationsBytes = 1024 * 1024;

    /// <summary>execve(2): ARG_MAX of a default stack, shared by arguments and environment.</summary>
    public const int ArgumentsBytes = 2 * 1024 * 1024;

    /// <summary>An API server takes a command as part of a URL, which is far shorter; a session's small heap holds it.</summary>
    public const int StreamArgumentsBytes = 256 * 1024;

    public static void Check(object request)
    {
        switch (request)
        {
            case RunPodSandboxRequest run:
                Pod(run.Config);
                break;
            case CreateContainerRequest create:
                Container(create.Config);
                break;
            case RestorePodRequest restore:
                Pod(restore.Config);
                foreach (var config in restore.ContainerConfigs) Container(config);
                break;
            case ExecSyncRequest exec:
                Bytes("ExecSyncRequest.cmd", exec.Cmd.Sum(c => (long)c.Length), ArgumentsBytes);
                break;
            case ExecRequest exec:
                Bytes("ExecRequest.cmd", exec.Cmd.Sum(c => (long)c.Length), StreamArgumentsBytes);
                break;
            case Cri.HotSwap.V1.SwapRequest swap:
                Patch(swap.Patch);
                Bytes("SwapRequest.ready.command", swap.Ready?.Command.Sum(c => (long)c.Length) ?? 0, StreamArgumentsBytes);
                break;
            case PullImageRequest pull:
                Text("PullImageRequest.image.image", pull.Image?.Image, LongestReference);
                break;
            case ImageStatusRequest image:
                Text("ImageStatusRequest.image.image", image.Image?.Image, LongestReference);
                break;
            case RemoveImageRequest remove:
                Text("RemoveImageRequest.image.image", remove.Image?.Image, LongestReference);
                break;
        }
    }

    private static void Pod(PodSandboxConfig? config)
    {
        if (config is null) return;
        Text("PodSandboxConfig.log_directory", config.LogDirectory, LongestReference);
        Entries("PodSandboxConfig.port_mappings", config.PortMappings.Count);
        Labels("PodSandboxConfig.labels", config.Labels);
        Annotations("PodSandboxConfig.annotations", config.Annotations);
    }

    private static void Container(ContainerConfig? config)
    {
        if (config is null) return;
        Text("ContainerConfig.image.image", config.Image?.Image, LongestReference);
        Text("ContainerConfig.log_path", config.LogPath, LongestReference);
        Text("ContainerConfig.working_dir", config.WorkingDir, LongestReference);
        Entries("ContainerConfig.mounts", config.Mounts.Count);
        Entries("ContainerConfig.devices", config.Devices.Count);
        Entries("ContainerConfig.CDI_devices", config.CDIDevices.Count);
        Labels("ContainerConfig.labels", config.Labels);
        Annotations("ContainerConfig.annotations", config.Annotations);
        Bytes("ContainerConfig.command and args", config.Command.Concat(config.Args).Sum(a => (long)a.Length), ArgumentsBytes);
        Bytes("ContainerConfig.envs", config.Envs.Sum(e => (long)e.CalculateSize()), ArgumentsBytes);
    }

    private static void Patch(Cri.HotSwap.V1.Patch? patch)
    {
        if (patch is null) return;
        Text("SwapRequest.patch.image", patch.Image, LongestReference);
        Text("SwapRequest.patch.working_dir", patch.WorkingDir, LongestReference);
        Entries("SwapRequest.patch.env", patch.Env.Count + patch.UnsetEnv.Count);
        Bytes("SwapRequest.patch", patch.CalculateSize(), ArgumentsBytes);
    }

    private static void Labels(string field, MapField<string, string> labels)
    {
        Entries(field, labels.Count);
        Bytes(field, labels.Sum(l => (long)l.Key.Length + l.Value.Length), AnnotationsBytes);
        foreach (var (key, value) in labels) Text($"{field}['{Shortened(key)}']", key, LongestLabel, value.Length);
    }

    private static void Annotations(string field, MapField<string, string> annotations)
    {
        Entries(field, annotations.Count);
        Bytes(field, annotations.Sum(a => (long)a.Key.Length + a.Value.Length), AnnotationsBytes);
    }

    private static void Text(string field, string? text, int longest, int more = 0)
    {
        if ((text?.Length ?? 0) + more > longest) throw TooMuch(field, $"{text!.Length + more} characters", longest);
    }

    private static void Entries(string field, int count)
    {
        if (count > MostEntries) throw TooMuch(field, $"{count} entries", MostEntries);
    }

    private static void Bytes(string field, long count, int most)
    {
        if (count > most) throw TooMuch(field, $"{count} bytes", most);
    }

    private static RuntimeFault TooMuch(string field, string found, int limit) =>
        RuntimeFault.InvalidArgument($"failed to read request: {field} has {found}, the limit is {limit}");

    private static string Shortened(string key) => key.Length <= 64 ? key : key[..64] + "…";
}
