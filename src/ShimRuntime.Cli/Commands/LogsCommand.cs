using System.CommandLine;
using ShimRuntime.Cli.Logs;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class LogsCommand
{
    public static Command Create()
    {
        var target = new Argument<string>("container") { Description = "Container, by id or name" };
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on until the container ends" };
        var tail = new Option<int>("--tail") { Description = "Only the last lines; -1: all", HelpName = "LINES", DefaultValueFactory = _ => -1 };
        var timestamps = new Option<bool>("--timestamps", "-t") { Description = "The time of each line before it" };
        var command = new DescribedCommand("logs",
            "Prints a container's log file: its stdout to stdout, its stderr to stderr.", "shimctl logs web", "shimctl logs -f --tail 20 web");
        command.Arguments.Add(target);
        command.Options.Add(follow);
        command.Options.Add(tail);
        command.Options.Add(timestamps);
        command.Does(async (parsed, session, cancellation) =>
        {
            var container = await Lookup.ContainerAsync(session, parsed.GetRequiredValue(target), cancellation);
            var path = await PathAsync(session, container, cancellation);
            var follower = new LogFollower(path, async token => await IsAliveAsync(session, container.Id, token));
            using var printer = new LogPrinter(parsed.GetValue(timestamps));
            await follower.PrintAsync(printer, parsed.GetValue(tail), parsed.GetValue(follow), cancellation);
            return 0;
        });
        return command;
    }

    private static async Task<string> PathAsync(Session session, Container container, CancellationToken cancellation)
    {
        var status = await session.Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = container.Id }, session.Call(cancellation));
        return status.Status.LogPath.Length > 0
            ? status.Status.LogPath
            : throw new UsageException($"container '{container.Metadata.Name}' has no log file: its log_path or its pod's log_directory is empty");
    }

    private static async Task<bool> IsAliveAsync(Session session, string id, CancellationToken cancellation)
    {
        try
        {
            var status = await session.Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = id }, session.Call(cancellation));
            return status.Status.State is ContainerState.ContainerRunning or ContainerState.ContainerCreated;
        }
        catch (Grpc.Core.RpcException e) when (e.StatusCode == Grpc.Core.StatusCode.Unavailable)
        {
            return true; // the daemon restarts; the container and its log go on
        }
        catch (Grpc.Core.RpcException e) when (e.StatusCode == Grpc.Core.StatusCode.NotFound)
        {
            return false;
        }
    }
}
