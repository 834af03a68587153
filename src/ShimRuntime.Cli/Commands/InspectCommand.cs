using System.CommandLine;
using Google.Protobuf;
using ShimRuntime.Cli.Output;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class InspectCommand
{
    public static Command Create()
    {
        var target = new Argument<string>("target") { Description = "Container, pod or image, by id or name" };
        var command = new DescribedCommand("inspect", "All that is known of a container, a pod or an image, as JSON.", "shimctl inspect web");
        command.Arguments.Add(target);
        command.Does(async (parsed, session, cancellation) =>
        {
            var given = parsed.GetRequiredValue(target);
            JsonOutput.PrintWithInfo(await FindAsync(session, given, cancellation)
                ?? throw new UsageException($"no container, pod or image has the id or name '{given}'"));
            return 0;
        });
        return command;
    }

    private static async Task<IMessage?> FindAsync(Session session, string given, CancellationToken cancellation)
    {
        if (await Lookup.TryContainerAsync(session, given, cancellation) is { } container)
            return await session.Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = container.Id, Verbose = true }, session.Call(cancellation));
        if (await Lookup.TryPodAsync(session, given, cancellation) is { } pod)
            return await session.Runtime.PodSandboxStatusAsync(new PodSandboxStatusRequest { PodSandboxId = pod.Id, Verbose = true }, session.Call(cancellation));
        var image = new ImageStatusRequest { Image = new ImageSpec { Image = given }, Verbose = true };
        return await session.Images.ImageStatusAsync(image, session.Call(cancellation)) is { Image: not null } found ? found : null;
    }
}
