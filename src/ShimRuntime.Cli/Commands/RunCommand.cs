using System.CommandLine;
using ShimRuntime.Cli.Running;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class RunCommand
{
    private static readonly Argument<string> Image = new("image") { Description = "Reference, pulled when it is not on the node; or a checkpoint's archive, /PATH" };
    private static readonly Argument<string[]> Words = new("command") { Description = "Arguments for the image's entrypoint, after --", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<string?> Name = new("--name") { Description = "Name of the pod and its container" };
    private static readonly Option<string> Namespace = new("--namespace") { Description = "Kubernetes namespace of the pod", DefaultValueFactory = _ => "default" };
    private static readonly Option<string?> InPod = new("--pod") { Description = "Add the container to this running pod, by id or name; the pod's options then say nothing" };
    private static readonly Option<string[]> Env = new("--env") { Description = "Variable for the process", HelpName = "KEY=VALUE" };
    private static readonly Option<string[]> Volume = new("--volume", "-v") { Description = "Host path to mount", HelpName = "HOST:CONTAINER[:ro]" };
    private static readonly Option<string[]> Publish = new("--publish", "-p") { Description = "Host port to forward", HelpName = "HOST:CONTAINER[/udp]" };
    private static readonly ResourceOptions Limits = new();
    private static readonly Option<string[]> Annotation = new("--annotation") { Description = "Annotation of the pod and its container", HelpName = "NAME=VALUE" };
    private static readonly Option<string?> CgroupParent = new("--cgroup-parent")
    {
        Description = "The pod's cgroup, or its slice under systemd", HelpName = "PATH|SLICE",
    };

    private static readonly Option<string[]> Hugepages = new("--hugepages") { Description = "Limit of one page size", HelpName = "2MB=BYTES|Ki|Mi|Gi" };
    private static readonly Option<string?> Apparmor = new("--apparmor") { Description = "AppArmor profile", HelpName = "runtime/default|unconfined|localhost/NAME" };
    private static readonly Option<bool> HostNetwork = new("--host-network") { Description = "Use the node's network" };
    private static readonly Option<bool> SharedPid = new("--share-pid") { Description = "One PID namespace for the pod" };
    private static readonly Option<bool> Privileged = new("--privileged") { Description = "All capabilities and devices" };
    private static readonly Option<string> LogDirectory = new("--log-directory") { Description = "Below it the pod gets a directory for its logs", DefaultValueFactory = _ => "/var/log/pods" };

    public static Command Create()
    {
        var command = new DescribedCommand("run",
            "Runs a pod with one container: pulls, creates, starts; prints the container's id and the pod's address.",
            "shimctl run --name web docker.io/library/nginx:1.27",
            "shimctl run --name box -m 64Mi -p 8080:80 docker.io/library/busybox:1.36 -- httpd -f -p 80");
        command.Arguments.Add(Image);
        command.Arguments.Add(Words);
        Option[] options =
        [
            Name, Namespace, InPod, Env, Volume, Publish, Annotation, CgroupParent, Hugepages, Apparmor, HostNetwork, SharedPid, Privileged, LogDirectory,
        ];
        foreach (var option in options) command.Options.Add(option);
        Limits.AddTo(command);
        command.Does(async (parsed, session, cancellation) =>
        {
            var starter = new PodStarter(session);
            var started = parsed.GetValue(InPod) is { } pod
                ? await starter.AddAsync(await Lookup.PodAsync(session, pod, cancellation), Container(parsed), cancellation)
                : await starter.RunAsync(Pod(parsed), Container(parsed), cancellation);
            if (session.Json) Console.WriteLine($$"""{"containerId":"{{started.ContainerId}}","podId":"{{started.PodId}}","podIp":"{{started.PodIp}}"}""");
            else Console.WriteLine($"{started.ContainerId}  {(started.PodIp.Length > 0 ? started.PodIp : "host network")}");
            return 0;
        });
        return command;
    }

    private static PodSandboxConfig Pod(ParseResult parsed)
    {
        var name = NameOf(parsed);
        var uid = Guid.NewGuid().ToString();
        var config = new PodSandboxConfig
        {
            Metadata = new PodSandboxMetadata { Name = name, Namespace = parsed.GetRequiredValue(Namespace), Uid = uid },
            LogDirectory = Path.Combine(parsed.GetRequiredValue(LogDirectory), $"{parsed.GetRequiredValue(Namespace)}_{name}_{uid}"),
            Linux = new LinuxPodSandboxConfig
            {
                CgroupParent = parsed.GetValue(CgroupParent) ?? "",
                SecurityContext = new LinuxSandboxSecurityContext { NamespaceOptions = Namespaces(parsed), Privileged = parsed.GetValue(Privileged) },
            },
        };
        if (!parsed.GetValue(HostNetwork)) config.Hostname = name;
        config.Annotations.Add(Annotations(parsed));
        config.PortMappings.AddRange((parsed.GetValue(Publish) ?? []).Select(RunArguments.Port));
        return config;
    }

    private static ContainerConfig Container(ParseResult parsed)
    {
        var image = parsed.GetRequiredValue(Image);
        var config = new ContainerConfig
        {
            Metadata = new ContainerMetadata { Name = NameOf(parsed) },
            Image = new ImageSpec { Image = image, UserSpecifiedImage = image },
            LogPath = parsed.GetValue(InPod) is null ? "0.log" : $"{NameOf(parsed)}.log",
            Linux = new LinuxContainerConfig
            {
                Resources = Limits.Of(parsed),
                SecurityContext = new LinuxContainerSecurityContext { NamespaceOptions = Namespaces(parsed), Privileged = parsed.GetValue(Privileged) },
            },
        };
        config.Linux.Resources.HugepageLimits.AddRange((parsed.GetValue(Hugepages) ?? []).Select(RunArguments.Hugepages));
        if (parsed.GetValue(Apparmor) is { } profile) config.Linux.SecurityContext.Apparmor = RunArguments.Apparmor(profile);
        config.Annotations.Add(Annotations(parsed));
        config.Args.AddRange(parsed.GetValue(Words) ?? []);
        config.Envs.AddRange((parsed.GetValue(Env) ?? []).Select(RunArguments.Variable));
        config.Mounts.AddRange((parsed.GetValue(Volume) ?? []).Select(RunArguments.Volume));
        return config;
    }

    private static string NameOf(ParseResult parsed) => parsed.GetValue(Name) ?? RunArguments.NameFromImage(parsed.GetRequiredValue(Image));

    private static Dictionary<string, string> Annotations(ParseResult parsed) =>
        new((parsed.GetValue(Annotation) ?? []).Select(a => RunArguments.Pair("--annotation", a)));

    private static NamespaceOption Namespaces(ParseResult parsed) => new()
    {
        Network = parsed.GetValue(HostNetwork) ? NamespaceMode.Node : NamespaceMode.Pod,
        Pid = parsed.GetValue(SharedPid) ? NamespaceMode.Pod : NamespaceMode.Container,
    };
}
