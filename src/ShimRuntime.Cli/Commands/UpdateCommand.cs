using System.CommandLine;
using ShimRuntime.Cli.Running;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class UpdateCommand
{
    public static Command Create()
    {
        var target = new Argument<string>("container") { Description = "Container, by id or name" };
        var resources = new ResourceOptions();
        var command = new DescribedCommand("update", "Changes limits of a container; what is not named stays.",
            "shimctl update web -m 128Mi --cpus 1.5", "shimctl update web --cgroup-conf memory.high=100000000");
        command.Arguments.Add(target);
        resources.AddTo(command);
        command.Does(async (parsed, session, cancellation) =>
        {
            var wanted = resources.Of(parsed);
            if (wanted.Equals(new LinuxContainerResources())) throw new UsageException("nothing to change: name a limit; see --help");
            var container = await Lookup.ContainerAsync(session, parsed.GetRequiredValue(target), cancellation);
            var request = new UpdateContainerResourcesRequest { ContainerId = container.Id, Linux = wanted };
            await session.Runtime.UpdateContainerResourcesAsync(request, session.Call(cancellation));
            Console.WriteLine(container.Id);
            return 0;
        });
        return command;
    }
}
