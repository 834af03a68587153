using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using ShimRuntime.Cli.Output;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class EventsCommand
{
    public static Command Create()
    {
        var command = new DescribedCommand(
            "events", "Follows what happens to pods and containers, until interrupted.", "shimctl events", "shimctl events -o json");
        command.Does(async (_, session, cancellation) =>
        {
            // No deadline: a node may be quiet for days.
            using var call = session.Runtime.GetContainerEvents(new GetEventsRequest(), new CallOptions(cancellationToken: cancellation));
            await foreach (var happened in call.ResponseStream.ReadAllAsync(cancellation))
            {
                if (session.Json) JsonOutput.Print(happened);
                else Console.WriteLine(TextTable.Printable(Line(happened)));
            }

            return 0;
        });
        return command;
    }

    internal static string Line(ContainerEventResponse happened)
    {
        var at = DateTimeOffset.UnixEpoch.AddTicks(happened.CreatedAt / 100);
        var pod = happened.PodSandboxStatus;
        var container = happened.ContainersStatuses.FirstOrDefault(s => s.Id == happened.ContainerId);
        var what = pod?.Id == happened.ContainerId ? "pod" : "container";
        var exit = container is { State: ContainerState.ContainerExited } ? $" exit {container.ExitCode} {container.Reason}" : "";
        var name = $"{pod?.Metadata.Namespace}/{pod?.Metadata.Name}{(container is null ? "" : $"/{container.Metadata.Name}")}";
        return string.Create(CultureInfo.InvariantCulture,
            $"{at:yyyy-MM-ddTHH:mm:ss.fffZ} {Word(happened.ContainerEventType),-8} {what} {Units.ShortId(happened.ContainerId)} {name}{exit}");
    }

    private static string Word(ContainerEventType type) => type switch
    {
        ContainerEventType.ContainerCreatedEvent => "created",
        ContainerEventType.ContainerStartedEvent => "started",
        ContainerEventType.ContainerStoppedEvent => "stopped",
        _ => "deleted",
    };
}
