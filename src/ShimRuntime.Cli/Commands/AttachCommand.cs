using System.CommandLine;
using ShimRuntime.Cli.Streams;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class AttachCommand
{
    public static Command Create()
    {
        var target = new Argument<string>("container") { Description = "Container, by id or name" };
        var stdin = new Option<bool>("--stdin", "-i") { Description = "Give it this stdin" };
        var tty = new Option<bool>("--tty", "-t") { Description = "The container has a terminal" };
        var command = new DescribedCommand("attach",
            "Shows a container's output from now on, until it ends; with -i it gets this stdin.", "shimctl attach web", "shimctl attach -it shell");
        command.Arguments.Add(target);
        command.Options.Add(stdin);
        command.Options.Add(tty);
        command.Does(async (parsed, session, cancellation) =>
        {
            var container = await Lookup.ContainerAsync(session, parsed.GetRequiredValue(target), cancellation);
            var (isInteractive, hasTerminal) = (parsed.GetValue(stdin), parsed.GetValue(tty));
            var request = new AttachRequest
            {
                ContainerId = container.Id, Stdin = isInteractive, Stdout = true, Stderr = !hasTerminal, Tty = hasTerminal,
            };
            var answer = await session.Runtime.AttachAsync(request, session.Call(cancellation));
            using var channels = await ChannelSocket.ConnectAsync(answer.Url, cancellation);
            return await new RemoteProcess(channels, isInteractive, hasTerminal).RunAsync(cancellation);
        });
        return command;
    }
}
