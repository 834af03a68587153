using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using ShimRuntime.Cri.Operator.V1;

namespace ShimRuntime.Cli.Commands;

internal static class UpgradeCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30); // the new daemon has 10 s to serve, and the old one as much again to be back
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    public static Command Create()
    {
        var command = new DescribedCommand("upgrade", "Replaces a running part of the runtime by a new binary; pods go on.", "shimctl upgrade daemon", "shimctl upgrade shims");
        command.Subcommands.Add(Daemon());
        command.Subcommands.Add(UpgradeShimsCommand.Create());
        return command;
    }

    private static DescribedCommand Daemon()
    {
        var binary = new Option<string?>("--binary") { Description = "The new shimruntimed; the file that the running one was started from, if absent", HelpName = "PATH" };
        var command = new DescribedCommand("daemon",
            "Starts a new daemon, which takes over sockets and node. No connection is refused; if it can't serve, the old one goes on.",
            "shimctl upgrade daemon", "shimctl upgrade daemon --binary /opt/shimruntime-2/bin/shimruntimed");
        command.Options.Add(binary);
        command.Does(async (parsed, session, cancellation) =>
        {
            var path = parsed.GetValue(binary) is { Length: > 0 } given ? Path.GetFullPath(given) : "";
            var before = await session.Operator.GetDaemonAsync(new GetDaemonRequest(), session.Call(cancellation));
            var begun = System.Diagnostics.Stopwatch.StartNew();
            var next = await session.Operator.UpgradeDaemonAsync(new UpgradeDaemonRequest { Binary = path }, session.Call(cancellation, Patience));
            if (!session.Json) Console.WriteLine($"pid {before.Pid} ({before.Version}) hands over to pid {next.Pid} ({next.Version})");
            var after = await ServingAsync(session, next.Pid, cancellation);
            if (after.Pid != next.Pid) throw new IOException($"failed to upgrade the daemon: {after.FailedUpgrade}; pid {after.Pid} ({after.Version}) serves as before");
            if (session.Json) Output.JsonOutput.Print(after);
            else Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"pid {after.Pid} serves, after {begun.Elapsed.TotalSeconds:0.00} s"));
            return 0;
        });
        return command;
    }

    /// <summary>The daemon that answers once it is decided which one does.</summary>
    private static async Task<GetDaemonResponse> ServingAsync(Session session, int expected, CancellationToken cancellation)
    {
        for (var deadline = DateTime.UtcNow + Patience; ;)
        {
            try
            {
                var daemon = await session.Operator.GetDaemonAsync(new GetDaemonRequest(), session.Call(cancellation));
                if (daemon.Pid == expected || daemon.FailedUpgrade.Length > 0) return daemon;
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.Internal or StatusCode.Cancelled && DateTime.UtcNow < deadline)
            {
                cancellation.ThrowIfCancellationRequested(); // the connection to the old one has ended
            }

            if (DateTime.UtcNow >= deadline) throw new IOException($"failed to upgrade the daemon: neither the old one nor pid {expected} has told how it went; see the log");
            await Task.Delay(Pause, cancellation);
        }
    }
}
