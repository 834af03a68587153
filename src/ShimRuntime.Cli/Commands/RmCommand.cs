using System.CommandLine;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class RmCommand
{
    public static Command Create()
    {
        var targets = new Argument<string[]>("container") { Description = "Containers, by id or name", Arity = ArgumentArity.OneOrMore };
        var force = new Option<bool>("--force", "-f") { Description = "Also containers that run" };
        var command = new DescribedCommand("rm", "Removes containers.", "shimctl rm web", "shimctl rm -f $(shimctl ps -q)");
        command.Arguments.Add(targets);
        command.Options.Add(force);
        command.Does(async (parsed, session, cancellation) =>
        {
            foreach (var given in parsed.GetRequiredValue(targets))
            {
                var container = await Lookup.ContainerAsync(session, given, cancellation);
                if (container.State == ContainerState.ContainerRunning && !parsed.GetValue(force))
                    throw new UsageException($"container '{given}' is running; stop it first (shimctl stop {given}) or give --force");
                await session.Runtime.RemoveContainerAsync(new RemoveContainerRequest { ContainerId = container.Id }, session.Call(cancellation));
                Console.WriteLine(container.Id);
            }

            return 0;
        });
        return command;
    }
}
