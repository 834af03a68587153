using System.CommandLine;
using ShimRuntime.Cli.Streams;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class ExecCommand
{
    public static Command Create()
    {
        var target = new Argument<string>("container") { Description = "Container, by id or name" };
        var words = new Argument<string[]>("command") { Description = "Command and its arguments, after --", Arity = ArgumentArity.OneOrMore };
        var limit = new Option<long>("--limit") { Description = "Kill the command after this many seconds; 0: never", HelpName = "SECONDS" };
        var stdin = new Option<bool>("--stdin", "-i") { Description = "Give it this stdin" };
        var tty = new Option<bool>("--tty", "-t") { Description = "Give it a terminal" };
        var command = new DescribedCommand("exec",
            "Runs a command in a container and exits with its code. With -i or -t its output comes as it is written.",
            "shimctl exec web -- cat /etc/hostname", "shimctl exec -it web -- sh");
        command.Arguments.Add(target);
        command.Arguments.Add(words);
        foreach (var option in (Option[])[stdin, tty, limit]) command.Options.Add(option);
        command.Does(async (parsed, session, cancellation) =>
        {
            var container = await Lookup.ContainerAsync(session, parsed.GetRequiredValue(target), cancellation);
            var (isInteractive, hasTerminal) = (parsed.GetValue(stdin), parsed.GetValue(tty));
            var argv = parsed.GetRequiredValue(words);
            if (!isInteractive && !hasTerminal) return await RunAsync(session, container, argv, parsed.GetValue(limit), cancellation);
            if (parsed.GetValue(limit) != 0) throw new UsageException("--limit is for commands without -i and -t");
            var request = new ExecRequest
            {
                ContainerId = container.Id, Cmd = { argv }, Stdin = isInteractive, Stdout = true, Stderr = !hasTerminal, Tty = hasTerminal,
            };
            var answer = await session.Runtime.ExecAsync(request, session.Call(cancellation));
            using var channels = await ChannelSocket.ConnectAsync(answer.Url, cancellation);
            return await new RemoteProcess(channels, isInteractive, hasTerminal).RunAsync(cancellation);
        });
        return command;
    }

    private static async Task<int> RunAsync(Session session, Container container, string[] argv, long seconds, CancellationToken cancellation)
    {
        var request = new ExecSyncRequest { ContainerId = container.Id, Timeout = seconds, Cmd = { argv } };
        var answer = await session.Runtime.ExecSyncAsync(request, session.Call(cancellation, Patience(seconds)));
        await WriteAsync(Console.OpenStandardOutput(), answer.Stdout, cancellation);
        await WriteAsync(Console.OpenStandardError(), answer.Stderr, cancellation);
        return answer.ExitCode;
    }

    /// <summary>The daemon keeps the limit; without one the command may run for ever.</summary>
    private static TimeSpan Patience(long limitSeconds) => limitSeconds > 0 ? Session.Seconds(limitSeconds + 30.0) : Timeout.InfiniteTimeSpan;

    private static async Task WriteAsync(Stream stream, Google.Protobuf.ByteString bytes, CancellationToken cancellation)
    {
        await using (stream) await stream.WriteAsync(bytes.Memory, cancellation);
    }
}
