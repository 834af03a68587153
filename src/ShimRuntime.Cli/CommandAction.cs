using System.CommandLine;
using Grpc.Core;

namespace ShimRuntime.Cli;

/// <summary>Binds a command to its work and turns every failure into one line on stderr and an exit code (1: the daemon's, 2: usage).</summary>
internal static class CommandAction
{
    public static void Does(this Command command, Func<ParseResult, Session, CancellationToken, Task<int>> work) =>
        command.SetAction(async (parsed, cancellation) =>
        {
            try
            {
                using var session = Session.Open(parsed);
                return await work(parsed, session, cancellation);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return 130;
            }
            catch (RpcException e) when (cancellation.IsCancellationRequested && e.StatusCode == StatusCode.Cancelled)
            {
                return 130;
            }
            catch (Exception e) when (e is RpcException or UsageException or IOException or UnauthorizedAccessException)
            {
                // What pods are called is in these words: it must not reach the terminal as commands to it.
                await Console.Error.WriteLineAsync($"shimctl: {Output.TextTable.Printable(Explain(e))}");
                return e is UsageException ? 2 : 1;
            }
        });

    /// <summary>The sentence for an operator: the daemon's own words, or why it could not be asked.</summary>
    internal static string Explain(Exception failure)
    {
        for (var inner = failure; inner is not null; inner = inner.InnerException)
        {
            if (inner is DaemonUnreachableException) return inner.Message;
            if (inner is RpcException { Status.DebugException: { } cause } && Unreachable(cause) is { } message) return message;
        }

        return failure is RpcException rpc ? Explain(rpc) : failure.Message;
    }

    /// <summary>True: nobody listens, or the socket can't be opened.</summary>
    internal static bool IsUnreachable(RpcException failure) => Unreachable(failure.Status.DebugException) is not null;

    private static string Explain(RpcException e) => e.StatusCode switch
    {
        StatusCode.DeadlineExceeded when e.Status.Detail.Length == 0 => "the daemon gave no answer in time; try again with a larger --timeout",
        StatusCode.Unavailable => $"the daemon is unavailable: {e.Status.Detail}; it may be starting, try again",
        StatusCode.Unimplemented => $"not served by this daemon: {e.Status.Detail}",
        _ => e.Status.Detail.Length > 0 ? e.Status.Detail : $"the daemon answered {e.StatusCode}",
    };

    private static string? Unreachable(Exception? cause)
    {
        for (; cause is not null; cause = cause.InnerException)
        {
            if (cause is DaemonUnreachableException) return cause.Message;
        }

        return null;
    }
}
