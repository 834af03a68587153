using System.CommandLine;
using ShimRuntime.Cli.Running;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class UpdateCommand
{
    public static Command Create()
    {
        var target = new Argument<string>("container") { Description = "Container, by id or name" };
        var memory = new Option<string?>("--memory", "-m") { Description = "Memory limit", HelpName = "BYTES|Ki|Mi|Gi" };
        var cpus = new Option<double>("--cpus") { Description = "CPU limit, in cores", HelpName = "CORES" };
        var files = new Option<string[]>("--cgroup-conf") { Description = "cgroup v2 file and value", HelpName = "FILE=VALUE" };
        var command = new DescribedCommand("update", "Changes the limits of a container while it runs; what is not named stays.",
            "shimctl update web -m 128Mi --cpus 0.5", "shimctl update web --cgroup-conf memory.oom.group=1");
        command.Arguments.Add(target);
        foreach (var option in (Option[])[memory, cpus, files]) command.Options.Add(option);
        command.Does(async (parsed, session, cancellation) =>
        {
            var wanted = RunArguments.Resources(parsed.GetValue(memory), parsed.GetValue(cpus), parsed.GetValue(files) ?? []);
            if (wanted.Equals(new LinuxContainerResources())) throw new UsageException("nothing to change: give --memory, --cpus or --cgroup-conf");
            var container = await Lookup.ContainerAsync(session, parsed.GetRequiredValue(target), cancellation);
            var request = new UpdateContainerResourcesRequest { ContainerId = container.Id, Linux = wanted };
            await session.Runtime.UpdateContainerResourcesAsync(request, session.Call(cancellation));
            Console.WriteLine(container.Id);
            return 0;
        });
        return command;
    }
}
