using System.CommandLine;
using ShimRuntime.Cli.Running;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class RestoreCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "Archive of a pod, as shimctl checkpoint --pod writes it" };
        var containers = new Argument<string[]>("container=image") { Description = "Every container of the archive, with its image", Arity = ArgumentArity.OneOrMore };
        var name = new Option<string>("--name") { Description = "Name of the new pod", Required = true };
        var logs = new Option<string>("--log-directory") { Description = "Below it the pod gets a directory for its logs", DefaultValueFactory = _ => "/var/log/pods" };
        var command = new DescribedCommand("restore", "Makes a new pod of a pod's checkpoint: its containers go on from where they were.",
            "shimctl restore /var/tmp/pod.tar --name web2 web=docker.io/library/nginx:1.27 log=docker.io/library/busybox:1.36");
        command.Arguments.Add(file);
        command.Arguments.Add(containers);
        command.Options.Add(name);
        command.Options.Add(logs);
        command.Does(async (parsed, session, cancellation) =>
        {
            var request = new RestorePodRequest
            {
                CheckpointPath = Path.GetFullPath(parsed.GetRequiredValue(file)),
                Config = Pod(parsed.GetRequiredValue(name), parsed.GetRequiredValue(logs)),
                ContainerConfigs = { parsed.GetRequiredValue(containers).Select(Container) },
            };
            var restored = await session.Runtime.RestorePodAsync(request, session.Call(cancellation, Patience));
            foreach (var container in restored.RestoredContainers)
            {
                var start = new StartContainerRequest { ContainerId = container.ContainerId };
                await session.Runtime.StartContainerAsync(start, session.Call(cancellation, Patience));
                Console.WriteLine($"{container.ContainerId}  {container.Name}");
            }

            return 0;
        });
        return command;
    }

    private static PodSandboxConfig Pod(string name, string logs)
    {
        var uid = Guid.NewGuid().ToString();
        return new PodSandboxConfig
        {
            Metadata = new PodSandboxMetadata { Name = name, Namespace = "default", Uid = uid },
            Hostname = name,
            LogDirectory = Path.Combine(logs, $"default_{name}_{uid}"),
            Linux = new LinuxPodSandboxConfig { SecurityContext = new LinuxSandboxSecurityContext { NamespaceOptions = Own() } },
        };
    }

    private static ContainerConfig Container(string given)
    {
        var (name, image) = RunArguments.Pair("container=image", given);
        return new ContainerConfig
        {
            Metadata = new ContainerMetadata { Name = name },
            Image = new ImageSpec { Image = image, UserSpecifiedImage = image },
            LogPath = $"{name}.log",
            Linux = new LinuxContainerConfig { SecurityContext = new LinuxContainerSecurityContext { NamespaceOptions = Own() } },
        };
    }

    private static NamespaceOption Own() => new() { Network = NamespaceMode.Pod, Pid = NamespaceMode.Container };
}
