using System.CommandLine;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class StopCommand
{
    public static Command Create()
    {
        var targets = new Argument<string[]>("target") { Description = "Containers or pods, by id or name", Arity = ArgumentArity.OneOrMore };
        var grace = new Option<long>("--grace", "-t") { Description = "Seconds between the stop signal and SIGKILL (containers)", HelpName = "SECONDS", DefaultValueFactory = _ => 10 };
        var command = new DescribedCommand("stop", "Stops containers, or whole pods with their network.", "shimctl stop web", "shimctl stop -t 0 4f2a9c");
        command.Arguments.Add(targets);
        command.Options.Add(grace);
        command.Does(async (parsed, session, cancellation) =>
        {
            foreach (var given in parsed.GetRequiredValue(targets)) Console.WriteLine(await StopAsync(session, given, parsed.GetValue(grace), cancellation));
            return 0;
        });
        return command;
    }

    private static async Task<string> StopAsync(Session session, string given, long graceSeconds, CancellationToken cancellation)
    {
        if (await Lookup.TryContainerAsync(session, given, cancellation) is { } container)
        {
            var options = session.Call(cancellation, Session.Seconds(graceSeconds + 30.0));
            await session.Runtime.StopContainerAsync(new StopContainerRequest { ContainerId = container.Id, Timeout = graceSeconds }, options);
            return container.Id;
        }

        if (await Lookup.TryPodAsync(session, given, cancellation) is not { } pod)
            throw new UsageException($"no container or pod has the id or name '{given}'; `shimctl ps -a` and `shimctl pods` list them");
        await session.Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = pod.Id }, session.Call(cancellation));
        return pod.Id;
    }
}
