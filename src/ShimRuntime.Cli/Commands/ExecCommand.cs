using System.CommandLine;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class ExecCommand
{
    public static Command Create()
    {
        var target = new Argument<string>("container") { Description = "Container, by id or name" };
        var words = new Argument<string[]>("command") { Description = "Command and its arguments, after --", Arity = ArgumentArity.OneOrMore };
        var limit = new Option<long>("--limit") { Description = "Kill the command after this many seconds; 0: never", HelpName = "SECONDS" };
        var command = new DescribedCommand("exec",
            "Runs a command in a container, prints its output when it ends, exits with its code.", "shimctl exec web -- cat /etc/hostname");
        command.Arguments.Add(target);
        command.Arguments.Add(words);
        command.Options.Add(limit);
        command.Does(async (parsed, session, cancellation) =>
        {
            var container = await Lookup.ContainerAsync(session, parsed.GetRequiredValue(target), cancellation);
            var seconds = parsed.GetValue(limit);
            var request = new ExecSyncRequest { ContainerId = container.Id, Timeout = seconds };
            request.Cmd.AddRange(parsed.GetRequiredValue(words));
            var answer = await session.Runtime.ExecSyncAsync(request, session.Call(cancellation, Patience(seconds)));
            await WriteAsync(Console.OpenStandardOutput(), answer.Stdout, cancellation);
            await WriteAsync(Console.OpenStandardError(), answer.Stderr, cancellation);
            return answer.ExitCode;
        });
        return command;
    }

    /// <summary>The daemon keeps the limit; without one the command may run for ever.</summary>
    private static TimeSpan Patience(long limitSeconds) => limitSeconds > 0 ? Session.Seconds(limitSeconds + 30.0) : Timeout.InfiniteTimeSpan;

    private static async Task WriteAsync(Stream stream, Google.Protobuf.ByteString bytes, CancellationToken cancellation)
    {
        await using (stream) await stream.WriteAsync(bytes.Memory, cancellation);
    }
}
